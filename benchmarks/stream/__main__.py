"""Fan-out of one live stream to many clients, beside nchan on the same machine in the same run.

    python -m benchmarks.stream [--clients 1000] [--rate 100] [--seconds 10] [--repeat 3]

nchan is measured when it is there: `apt-get install nginx-light libnginx-mod-nchan` (Debian).
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

import httpx

from benchmarks.stream.targets import Target, nchan, ours

WARM_UP_SECONDS = 3.0
INSTALL = "apt-get install nginx-light libnginx-mod-nchan"
COLUMNS = {
    "server": "server",
    "delivered_per_second": "delivered/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "per_cpu": "deliveries per CPU-second",
    "net": "the same, fan-out alone",
    "idle_kb": "KB per client",
    "busy_kb": "the same, busy",
    "lost": "lost",
    "client_cpu": "listeners' CPU",
}
RATIOS = ("per_cpu", "net", "p99_ms", "idle_kb", "busy_kb")


class Publisher(threading.Thread):
    """Posts events at a rate until stopped; falls behind rather than bunch up."""

    def __init__(self, target: Target, rate: float) -> None:
        super().__init__(daemon=True)
        self._target = target
        self._rate = rate
        self._stopped = threading.Event()
        self.refused = 0

    def run(self) -> None:
        due, number = time.monotonic(), 0
        with httpx.Client(trust_env=False) as http:
            while not self._stopped.wait(max(0.0, due - time.monotonic())):
                number += 1
                due = max(due + 1 / self._rate, time.monotonic() - 0.1)
                headers = {"Content-Type": "application/json"}
                answer = http.post(
                    self._target.publish_url, content=self._target.body(number), headers=headers
                )
                self.refused += answer.status_code >= 300

    def stop(self) -> None:
        self._stopped.set()
        self.join(10)


def measure(target: Target, clients: int, rate: float, seconds: float) -> dict[str, Any]:
    """One row of the table."""
    taking_in = _share_of_a_core(target, rate)
    memory = Memory(target, clients)
    arguments = [str(value) for value in (target.port, target.path, clients, WARM_UP_SECONDS, seconds)]
    command = [sys.executable, "-m", "benchmarks.stream.listeners", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listeners:
        assert listeners.stdout is not None
        assert listeners.stdin is not None
        _expect(listeners.stdout, "connected")
        idle_kb = memory.per_client()
        publisher = Publisher(target, rate)
        publisher.start()
        listeners.stdin.write("go on\n")
        listeners.stdin.flush()
        _expect(listeners.stdout, "measuring")
        cpu = _cpu_seconds(target)
        _expect(listeners.stdout, "measured")
        cpu = max(0.01, _cpu_seconds(target) - cpu)
        busy_kb = memory.per_client()
        publisher.stop()
        found = json.loads(listeners.stdout.readline())
    delivered = found["delivered_per_second"] * seconds
    return {
        **found,
        "server": target.name,
        "per_cpu": round(delivered / cpu),
        "net": round(delivered / max(0.01, cpu - taking_in * seconds)),
        "idle_kb": idle_kb,
        "busy_kb": busy_kb,
    }


class Memory:
    """What clients add to the memory of a server, beginning now."""

    def __init__(self, target: Target, clients: int) -> None:
        self._process = target.process
        self._clients = clients
        self._before = self._process.memory_info().rss

    def per_client(self) -> float:
        """KB of resident memory since the beginning, for each client."""
        return round((self._process.memory_info().rss - self._before) / 1024 / self._clients, 1)


def _expect(lines: IO[str], word: str) -> None:
    line = lines.readline().strip()
    if line != word:
        raise SystemExit(f"the listeners said {line!r} instead of {word!r}")


def _share_of_a_core(target: Target, rate: float) -> float:
    """What taking events in costs while nobody listens."""
    publisher = Publisher(target, rate)
    publisher.start()
    time.sleep(WARM_UP_SECONDS)
    before, began = _cpu_seconds(target), time.monotonic()
    time.sleep(2 * WARM_UP_SECONDS)
    share = (_cpu_seconds(target) - before) / (time.monotonic() - began)
    publisher.stop()
    return share


def _cpu_seconds(target: Target) -> float:
    times = target.process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeat", type=int, default=1)
    chosen = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    report([compare(chosen) for _ in range(chosen.repeat)], chosen)


def compare(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each server that is there, measured one right after the other."""
    rows = []
    for start in (ours, nchan):
        with tempfile.TemporaryDirectory(prefix="stream-bench-") as folder, start(Path(folder)) as target:
            if target is not None:
                rows.append(measure(target, chosen.clients, chosen.rate, chosen.seconds))
    if len(rows) == 1:
        print(f"nchan is not installed: {INSTALL}", file=sys.stderr)
    return rows


def report(rounds: list[list[dict[str, Any]]], chosen: argparse.Namespace) -> None:
    """Every measurement, and the medians of the ratios within each repetition."""
    print(f"{chosen.clients} clients, {chosen.rate:g} events/s, {chosen.seconds:g} s\n")
    print(f"| {' | '.join(COLUMNS.values())} |\n|{'---|' * len(COLUMNS)}")
    for row in (row for rows in rounds for row in rows):
        print(f"| {' | '.join(str(row[key]) for key in COLUMNS)} |")
    if all(len(rows) == 2 for rows in rounds):
        print(f"\nOurs over nchan's, median of {len(rounds)}:")
        for key in RATIOS:
            ratios = [mine[key] / max(0.1, other[key]) for mine, other in rounds]
            print(f"- {COLUMNS[key]}: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


if __name__ == "__main__":
    main()

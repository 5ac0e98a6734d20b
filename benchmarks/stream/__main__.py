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
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

from benchmarks.stream.targets import Target, nchan, ours

WARM_UP_SECONDS = 3.0
LEAST_SHARE, MOST_SHARE = 0.95, 1.05
"""Of the deliveries due, those within the window; some of its first and last events fall across its ends."""
INSTALL = "apt-get install nginx-light libnginx-mod-nchan"
COLUMNS = {
    "server": "server",
    "sent_per_second": "events/s",
    "delivered_per_second": "delivered/s",
    "share": "of those due",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "per_cpu": "deliveries per CPU-second",
    "intake_ms": "CPU ms to take one event in",
    "net": "deliveries per CPU-second, fan-out alone",
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
        self.sent = 0
        self._refused = 0

    def run(self) -> None:
        due = time.monotonic()
        http = HTTPConnection("127.0.0.1", self._target.port, timeout=30)
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            self.sent += 1
            due = max(due + 1 / self._rate, time.monotonic() - 0.1)
            headers = {"Content-Type": "application/json"}
            http.request("POST", self._target.publish_path, self._target.body(self.sent), headers)
            with http.getresponse() as answer:
                answer.read()
                self._refused += answer.status >= 300
        http.close()

    def stop(self) -> None:
        self._stopped.set()
        self.join(10)
        if self._refused:
            raise SystemExit(f"{self._target.name} refused {self._refused} of {self.sent} events")


def measure(target: Target, clients: int, rate: float, seconds: float) -> dict[str, Any]:
    """One row of the table."""
    intake = _cpu_per_event(target, rate)
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
        cpu, sent = _cpu_seconds(target), publisher.sent
        _expect(listeners.stdout, "measured")
        cpu, sent = _cpu_seconds(target) - cpu, publisher.sent - sent
        busy_kb = memory.per_client()
        publisher.stop()
        found = json.loads(listeners.stdout.readline())
    delivered = found["delivered_per_second"] * seconds
    if not LEAST_SHARE <= delivered / max(1, sent * clients) <= MOST_SHARE:
        print(f"{target.name}: {delivered:.0f} deliveries of {sent} events to {clients} clients: not a"
              " measurement of its fan-out", file=sys.stderr)  # fmt: skip
    return {
        **found,
        "server": target.name,
        "sent_per_second": round(sent / seconds, 1),
        "share": round(delivered / max(1, sent * clients), 2),
        "intake_ms": round(intake * 1000, 2),
        "per_cpu": round(delivered / cpu),
        "net": _fan_out_alone(delivered, cpu, sent * intake),
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


def _fan_out_alone(delivered: float, cpu: float, intake: float) -> int | None:
    """Deliveries per CPU-second without intake; None when intake leaves too little to divide by."""
    return round(delivered / (cpu - intake)) if cpu - intake > cpu / 10 else None


def _cpu_per_event(target: Target, rate: float) -> float:
    """CPU seconds that taking one event in costs while nobody listens."""
    publisher = Publisher(target, rate)
    publisher.start()
    time.sleep(WARM_UP_SECONDS)
    cpu, sent = _cpu_seconds(target), publisher.sent
    time.sleep(2 * WARM_UP_SECONDS)
    cpu, sent = _cpu_seconds(target) - cpu, publisher.sent - sent
    publisher.stop()
    return cpu / max(1, sent)


def _cpu_seconds(target: Target) -> float:
    times = target.process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.stream", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
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
            ratios = [mine[key] / other[key] for mine, other in rounds if mine[key] and other[key]]
            if len(ratios) < len(rounds):
                print(f"- {COLUMNS[key]}: not to be told, {len(rounds) - len(ratios)} values are missing")
                continue
            print(f"- {COLUMNS[key]}: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


if __name__ == "__main__":
    main()

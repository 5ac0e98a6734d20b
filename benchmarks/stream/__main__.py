"""Fan-out of one live stream to many clients, beside nchan on the same machine in the same run.

    python -m benchmarks.stream [--clients 1000] [--rate 100] [--seconds 10]

nchan is measured when it is there: `apt-get install nginx-light libnginx-mod-nchan` (Debian).
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.stream.targets import Target, nchan, ours

WARM_UP_SECONDS = 3.0
INSTALL = "apt-get install nginx-light libnginx-mod-nchan"
COLUMNS = (
    "server", "delivered/s", "p50 ms", "p99 ms", "deliveries per CPU-second", "the same, fan-out alone",
    "KB per client", "lost",
)  # fmt: skip


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
    before = target.process.memory_info().rss
    publisher = Publisher(target, rate)
    publisher.start()
    taking_in = _share_of_a_core(target)
    arguments = [str(value) for value in (target.port, target.path, clients, WARM_UP_SECONDS, seconds)]
    command = [sys.executable, "-m", "benchmarks.stream.listeners", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listeners:
        assert listeners.stdout is not None
        assert listeners.stdout.readline().strip() == "measuring"
        cpu = _cpu_seconds(target)
        assert listeners.stdout.readline().strip() == "measured"
        cpu = _cpu_seconds(target) - cpu
        memory = target.process.memory_info().rss - before
        publisher.stop()
        found = json.loads(listeners.stdout.readline())
    per_cpu = found["delivered_per_second"] * seconds / cpu if cpu else 0.0
    fan_out = max(0.01, cpu - taking_in * seconds)
    net = round(found["delivered_per_second"] * seconds / fan_out)
    return {
        **found,
        "server": target.name,
        "per_cpu": round(per_cpu),
        "kb": round(memory / 1024 / clients, 1),
        "net": net,
    }


def _share_of_a_core(target: Target) -> float:
    """What taking events in costs while nobody listens."""
    time.sleep(1)
    before, began = _cpu_seconds(target), time.monotonic()
    time.sleep(WARM_UP_SECONDS)
    return (_cpu_seconds(target) - before) / (time.monotonic() - began)


def _cpu_seconds(target: Target) -> float:
    times = target.process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    chosen = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    rows = []
    for start in (ours, nchan):
        with tempfile.TemporaryDirectory(prefix="stream-bench-") as folder, start(Path(folder)) as target:
            if target is None:
                print(
                    "nchan is not installed: apt-get install nginx-light libnginx-mod-nchan", file=sys.stderr
                )
                continue
            rows.append(measure(target, **vars(chosen)))
    report(rows, chosen)


def report(rows: list[dict[str, Any]], chosen: argparse.Namespace) -> None:
    print(f"{chosen.clients} clients, {chosen.rate:g} events/s, {chosen.seconds:g} s\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for row in rows:
        keys = ("server", "delivered_per_second", "p50_ms", "p99_ms", "per_cpu", "net", "kb", "lost")
        print(f"| {' | '.join(str(row[key]) for key in keys)} |")
    if len(rows) == 2:
        mine, other = rows
        print(
            f"\nfraud-server over nchan: {mine['per_cpu'] / max(1, other['per_cpu']):.2f}x deliveries per "
            f"CPU-second, {mine['p99_ms'] / max(0.1, other['p99_ms']):.2f}x its p99"
        )


if __name__ == "__main__":
    main()

"""Prints one table: cases per second and CPU per case, our hub on disk against the SDK's in memory."""

from __future__ import annotations

import argparse
import contextlib
import logging
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from google.protobuf.empty_pb2 import Empty

from benchmarks.taskhub.roles import connection

HEADER = (
    f"{'hub':<14}{'worker':<9}{'in flight':>9}{'parked':>8}{'cases/s':>9}{'p50 ms':>8}{'p99 ms':>8}"
    f"{'hub':>7}{'worker':>8}{'client':>8}{'hub MB':>8}{'decide p50':>12}{'p99':>7}"
)


@dataclass(frozen=True)
class Setup:
    """One line of the table."""

    hub: str
    threads: int
    in_flight: int
    cases: int
    parked: int = 0


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(*command: str) -> Iterator[psutil.Process]:
    """A child that is gone afterwards."""
    child = psutil.Popen([sys.executable, "-m", *command], stderr=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.kill()
        child.wait(10)


def hub_command(kind: str, port: int, directory: Path) -> list[str]:
    """How to start a hub of this kind."""
    if kind == "sdk memory":
        return ["benchmarks.taskhub.roles", "memory", str(port)]
    return ["taskhub", "--port", str(port), "--db", str(directory / f"{uuid.uuid4().hex}.db")]


def wait_for(port: int) -> None:
    """Until the hub answers."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        TaskHubSidecarServiceStub(channel).Hello(Empty(), timeout=30, wait_for_ready=True)


def cpu(child: psutil.Process) -> float:
    """Seconds of CPU so far."""
    times = child.cpu_times()
    return float(times.user + times.system)


def one_case(client: DurableTaskSchedulerClient) -> float:
    """Start a case, raise its event at once, wait for its end; seconds."""
    started = time.perf_counter()
    instance_id = client.schedule_new_orchestration("case", input=1)
    client.raise_orchestration_event(instance_id, "Decision")
    client.wait_for_orchestration_completion(instance_id, timeout=120)
    return time.perf_counter() - started


def park(client: DurableTaskSchedulerClient, count: int, hub: psutil.Process) -> list[str]:
    """Cases that wait for their decision; returns when the hub has nothing left to do."""
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda _: client.schedule_new_orchestration("case", input=1), range(count)))
    deadline = time.monotonic() + 300
    spent = -1.0
    while cpu(hub) - spent > 0.05:
        assert time.monotonic() < deadline, "the hub does not come to rest"
        spent = cpu(hub)
        time.sleep(1.0)
    return ids


def decide(client: DurableTaskSchedulerClient, ids: list[str]) -> list[float]:
    """Seconds from a decision to its case's end, one after the other."""
    latencies = []
    for instance_id in ids:
        started = time.perf_counter()
        client.raise_orchestration_event(instance_id, "Decision")
        client.wait_for_orchestration_completion(instance_id, timeout=60)
        latencies.append(time.perf_counter() - started)
    return latencies


def milliseconds(values: list[float], quantile: float) -> float:
    """A quantile, in milliseconds."""
    if len(values) < 2:
        return 0.0
    return statistics.quantiles(values, n=100)[min(98, round(quantile * 100) - 1)] * 1000


def measure(setup: Setup, directory: Path) -> str:
    """One line of the table."""
    port = free_port()
    with process(*hub_command(setup.hub, port, directory)) as hub:
        wait_for(port)
        with process("benchmarks.taskhub.roles", "worker", str(port), str(setup.threads)) as worker:
            client = DurableTaskSchedulerClient(**connection(port))
            for _ in range(20):
                one_case(client)
            parked = park(client, setup.parked, hub) if setup.parked else []
            before = cpu(hub), cpu(worker), time.process_time()
            started = time.perf_counter()
            with ThreadPoolExecutor(setup.in_flight) as pool:
                latencies = list(pool.map(lambda _: one_case(client), range(setup.cases)))
            seconds = time.perf_counter() - started
            after = cpu(hub), cpu(worker), time.process_time()
            spent = [(late - early) / setup.cases * 1000 for early, late in zip(before, after, strict=True)]
            decisions = decide(client, parked[:100]) if parked else []
            memory = hub.memory_info().rss / 1e6
    label = f"{setup.threads} threads" if setup.threads else "default"
    return (
        f"{setup.hub:<14}{label:<9}{setup.in_flight:>9}{setup.parked:>8}{setup.cases / seconds:>9.1f}"
        f"{milliseconds(latencies, 0.5):>8.0f}{milliseconds(latencies, 0.99):>8.0f}"
        f"{spent[0]:>7.1f}{spent[1]:>8.1f}{spent[2]:>8.1f}{memory:>8.0f}"
        f"{milliseconds(decisions, 0.5):>12.0f}{milliseconds(decisions, 0.99):>7.0f}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=400, help="cases per line at 50 in flight")
    parser.add_argument("--parked", type=int, default=2000, help="cases parked for the last lines")
    parser.add_argument("--only", default="", help="measure lines of hubs whose name contains this")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    setups = [
        Setup(hub, threads, in_flight, options.cases if in_flight > 1 else options.cases // 4, parked)
        for threads, in_flight, parked in ((0, 1, 0), (0, 50, 0), (3, 50, 0), (3, 50, options.parked))
        for hub in ("ours, disk", "sdk memory")
        if options.only in hub
    ]
    print(HEADER + "\n" + " " * 65 + "CPU ms per case")
    with tempfile.TemporaryDirectory() as directory:
        for setup in setups:
            print(measure(setup, Path(directory)), flush=True)


if __name__ == "__main__":
    main()

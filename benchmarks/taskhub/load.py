"""The load itself: so many cases in flight, their latencies, and what they cost each process."""

from __future__ import annotations

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil

from benchmarks.taskhub.processes import come_to_rest, cpu, megabytes

WARM_UP = 30


class Flow(ABC):
    """The same work for every system: step, wait for a signal, step, step. Called from many threads."""

    @abstractmethod
    def start(self, case_id: str) -> None:
        """Begin a case."""

    @abstractmethod
    def decide(self, case_id: str) -> None:
        """Give the signal it waits for."""

    @abstractmethod
    def finish(self, case_id: str) -> None:
        """Until it is done."""


@dataclass(frozen=True)
class Measured:
    """What a load did. CPU in milliseconds per case: server, worker, client."""

    cases: int
    seconds: float
    latencies: list[float]
    cpu: tuple[float, float, float]
    server_mb: float
    decisions: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Cases per second."""
        return self.cases / self.seconds

    @property
    def cpu_total(self) -> float:
        """Milliseconds per case, all processes together."""
        return sum(self.cpu)


def one_case(flow: Flow) -> float:
    """Start a case, give its signal at once, wait for its end; seconds."""
    case_id, started = uuid.uuid4().hex, time.perf_counter()
    flow.start(case_id)
    flow.decide(case_id)
    flow.finish(case_id)
    return time.perf_counter() - started


def decide_one_by_one(flow: Flow, waiting: Sequence[str]) -> list[float]:
    """Seconds from a decision to its case's end, with nothing else to do."""
    latencies = []
    for case_id in waiting:
        started = time.perf_counter()
        flow.decide(case_id)
        flow.finish(case_id)
        latencies.append(time.perf_counter() - started)
    return latencies


def start_waiting(flow: Flow, count: int, server: psutil.Process) -> list[str]:
    """Cases that have come to their wait."""
    waiting = [uuid.uuid4().hex for _ in range(count)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(flow.start, waiting))
    come_to_rest(server)
    return waiting


def apply_load(
    flow: Flow, in_flight: int, cases: int, server: psutil.Process, worker: psutil.Process | None
) -> Measured:
    """Keep so many cases in flight until all are done."""

    def spent() -> list[float]:
        return [cpu(server), cpu(worker) if worker else 0.0, time.process_time()]

    def again(_: int) -> float:
        return one_case(flow)

    with ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(again, range(max(WARM_UP, in_flight))))
        before, started = spent(), time.perf_counter()
        latencies = list(pool.map(again, range(cases)))
        seconds, after = time.perf_counter() - started, spent()
    each = [(late - early) / cases * 1000 for early, late in zip(before, after, strict=True)]
    return Measured(cases, seconds, latencies, (each[0], each[1], each[2]), megabytes(server))


def with_decisions(
    measure: Callable[[], Measured], flow: Flow, count: int, server: psutil.Process
) -> Measured:
    """A load, and then the time from decision to end of cases that waited, one after the other."""
    measured = measure()
    decisions = decide_one_by_one(flow, start_waiting(flow, count, server))
    return Measured(**{**measured.__dict__, "decisions": decisions})

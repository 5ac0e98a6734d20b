"""Our hub with very many instances parked on a timer of three days: what they cost those that run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.taskhub.hubs import OURS, DurableFlow, hub, worker
from benchmarks.taskhub.load import Measured, apply_load, decide_one_by_one
from benchmarks.taskhub.processes import come_to_rest, megabytes, share_of_a_core
from benchmarks.taskhub.workers import MANY

STARTS_IN_FLIGHT = 16
FILLERS = 2
"""Worker processes while filling; one alone would leave a core idle."""
CHUNK = 1000
DECISIONS = 100
IDLE_SECONDS = 30.0


@dataclass(frozen=True)
class Parked:
    """One line of the table: the hub beside so many parked instances."""

    count: int
    start_seconds: float
    start_mb: float
    idle_percent: float
    idle_with_worker_percent: float
    file_mb: float
    load: Measured


def parked_id(number: int) -> str:
    """Ids in order, so that a file that is half full can be filled on."""
    return f"parked-{number:07d}"


def fill(database: Path, count: int, budget_seconds: float) -> int:
    """Park instances through the protocol until there are ``count`` or the time is up; how many there are."""
    deadline = time.monotonic() + budget_seconds
    with ExitStack() as stack:
        server = stack.enter_context(hub(OURS, database))
        flow = DurableFlow(server.port, "parked")
        done = already = _already(flow, count)
        if already >= count:
            return already
        for _ in range(FILLERS):
            stack.enter_context(worker(server.port, MANY))
        for done in _chunks(flow, already, count):
            _progress(f"parked {done:,} of {count:,}, hub {megabytes(server.process):.0f} MB")
            if time.monotonic() > deadline:
                break
        come_to_rest(server.process)
    return done


def _already(flow: DurableFlow, count: int) -> int:
    """How many an earlier run left in the file; they were started in order."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if flow.client.get_orchestration_state(parked_id(middle)) is None:
            high = middle
        else:
            low = middle + 1
    return max(0, low - STARTS_IN_FLIGHT) if low < count else low


def _chunks(flow: DurableFlow, done: int, count: int) -> Iterator[int]:
    """Start the rest, a thousand at a time; an id that is there already is left alone."""

    def start(number: int) -> None:
        if flow.client.get_orchestration_state(parked_id(number)) is None:
            flow.start(parked_id(number))

    first = min(count, done + STARTS_IN_FLIGHT)
    with ThreadPoolExecutor(STARTS_IN_FLIGHT) as pool:
        list(pool.map(start, range(done, first)))
        for begin in range(first, count, CHUNK):
            end = min(count, begin + CHUNK)
            list(pool.map(lambda number: flow.start(parked_id(number)), range(begin, end)))
            for number in range(max(0, begin - CHUNK), begin, CHUNK // 2):
                flow.client.wait_for_orchestration_start(parked_id(number), timeout=60)
            yield end


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def measure(database: Path, count: int, cases: int, idle_seconds: float = IDLE_SECONDS) -> Parked:
    """Start the hub on this file and look at it: idle, under load, and deciding what is parked."""
    started = time.perf_counter()
    with hub(OURS, database) as server:
        start_seconds, start_mb = time.perf_counter() - started, megabytes(server.process)
        come_to_rest(server.process)
        idle = share_of_a_core(server.process, idle_seconds)
        with worker(server.port, MANY) as busy:
            flow = DurableFlow(server.port)
            measured = apply_load(flow, 50, cases, server.process, busy)
            decisions = _decide_parked(server.port, count) if count else []
            come_to_rest(server.process)
            idle_with_worker = share_of_a_core(server.process, idle_seconds)
    load = Measured(**{**measured.__dict__, "decisions": decisions})
    return Parked(count, start_seconds, start_mb, idle, idle_with_worker, _file_mb(database), load)


def _decide_parked(port: int, count: int) -> list[float]:
    """Of the parked, some that are spread over the file and still wait."""
    flow = DurableFlow(port, "parked")
    spread = (parked_id(number) for number in range(0, count, max(1, count // (2 * DECISIONS))))
    waiting = []
    for case_id in spread:
        state = flow.client.get_orchestration_state(case_id)
        if state is not None and state.runtime_status.name == "RUNNING":
            waiting.append(case_id)
    return decide_one_by_one(flow, waiting[:DECISIONS])


def _file_mb(database: Path) -> float:
    return sum(part.stat().st_size for part in database.parent.glob(f"{database.name}*")) / 1e6

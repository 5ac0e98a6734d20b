# mypy: ignore-errors
"""DBOS doing the benchmark's work; run by the scratch environment's Python, which alone has DBOS.

One process is server, worker and client at once, as DBOS is used. Prints one JSON object.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dbos import DBOS, SetWorkflowID

RECEIVE_SECONDS = 3600.0
WARM_UP = 30
_arrived = threading.Semaphore(0)


@DBOS.step()
def step(value: int) -> int:
    """A step that does nothing."""
    return value + 1


@DBOS.workflow()
def case(number: int) -> int:
    """Step, wait for a signal, step, step."""
    value = step(number)
    _arrived.release()
    DBOS.recv("Decision", timeout_seconds=RECEIVE_SECONDS)
    return step(step(value))


def start(case_id: str) -> Any:
    """Begin a case."""
    with SetWorkflowID(case_id):
        return DBOS.start_workflow(case, 1)


def end(case_id: str, handle: Any, polling: float | None) -> None:
    """Give the signal and wait for the end."""
    DBOS.send(case_id, "yes", topic="Decision")
    handle.get_result(**({"polling_interval_sec": polling} if polling else {}))


def one_case(polling: float | None) -> float:
    """Seconds from start to end of a case whose signal comes at once."""
    case_id, started = uuid.uuid4().hex, time.perf_counter()
    end(case_id, start(case_id), polling)
    return time.perf_counter() - started


def load(in_flight: int, cases: int, polling: float | None) -> dict[str, Any]:
    """Keep so many cases in flight until all are done."""
    with ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(lambda _: one_case(polling), range(max(WARM_UP, in_flight))))
        before, started = time.process_time(), time.perf_counter()
        latencies = list(pool.map(lambda _: one_case(polling), range(cases)))
        seconds = time.perf_counter() - started
    spent = time.process_time() - before
    return {"seconds": seconds, "latencies": latencies, "cpu_ms": spent / cases * 1000}


def decisions(count: int, polling: float | None) -> list[float]:
    """Seconds from a decision to its case's end, for cases that wait already."""
    while _arrived.acquire(blocking=False):
        pass
    waiting = {case_id: start(case_id) for case_id in (uuid.uuid4().hex for _ in range(count))}
    for _ in range(count):
        _arrived.acquire(timeout=60)
    time.sleep(1.0)  # they announce themselves just before they wait
    latencies = []
    for case_id, handle in waiting.items():
        started = time.perf_counter()
        end(case_id, handle, polling)
        latencies.append(time.perf_counter() - started)
    return latencies


def main() -> None:
    """``FOLDER IN_FLIGHT CASES DECISIONS POLLING``; polling 0 leaves the defaults."""
    folder, in_flight, cases, count = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    polling = float(sys.argv[5]) or None
    tuned: dict[str, Any] = {"notification_listener_polling_interval_sec": polling} if polling else {}
    database = f"sqlite:///{folder / f'{uuid.uuid4().hex}.db'}"
    DBOS(config={"name": "bench", "system_database_url": database, "log_level": "CRITICAL", **tuned})
    logging.disable(logging.CRITICAL)
    DBOS.launch()
    result = load(in_flight, cases, polling)
    result["decisions"] = decisions(count, polling)
    result["mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps(result), flush=True)
    os._exit(0)  # its executor's threads are not to be waited for


if __name__ == "__main__":
    main()

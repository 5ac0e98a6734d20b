"""How soon a work item is somewhere else after the worker that held it was killed."""

from __future__ import annotations

import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path

import psutil

from benchmarks.taskhub.hubs import DurableFlow, Hub, hub, worker
from benchmarks.taskhub.processes import kill, until
from benchmarks.taskhub.workers import FEW, ONE_AT_A_TIME

GIVE_UP_SECONDS = 15.0
PROOF_SECONDS = 5


def measure(kind: str, times: int) -> list[float | None]:
    """Seconds from kill -9 to the end of the instance whose activity was held; None where it never ended."""
    with tempfile.TemporaryDirectory(prefix="redelivery-") as given:
        folder = Path(given)
        with hub(kind, folder / "hub.db") as server:
            return [_once(server, folder / uuid.uuid4().hex) for _ in range(times)]


def _once(server: Hub, marker: Path) -> float | None:
    """One worker takes an activity and never ends it; a second stands by; the first is killed."""
    flow = DurableFlow(server.port, "held")
    with ExitStack() as stack:
        doomed = stack.enter_context(worker(server.port, ONE_AT_A_TIME))
        case_id = flow.client.schedule_new_orchestration("held", input=str(marker))
        until(marker.exists, 60, "taking the activity")
        stack.enter_context(worker(server.port, FEW))
        until(lambda: _works(server), 60, "connecting the second worker")
        return _kill_and_wait(flow, doomed, case_id)


def _works(server: Hub) -> bool:
    """Whether a case ends; the first worker takes no second activity, so another must be there."""
    flow, case_id = DurableFlow(server.port), uuid.uuid4().hex
    flow.start(case_id)
    flow.decide(case_id)
    try:
        flow.client.wait_for_orchestration_completion(case_id, timeout=PROOF_SECONDS)
    except TimeoutError:
        return False  # a hub that ignores the limit gave the first worker an activity that waits there
    return True


def _kill_and_wait(flow: DurableFlow, doomed: psutil.Popen, case_id: str) -> float | None:
    started = time.perf_counter()
    kill(doomed)
    try:
        flow.client.wait_for_orchestration_completion(case_id, timeout=GIVE_UP_SECONDS)
    except TimeoutError:
        return None
    return time.perf_counter() - started

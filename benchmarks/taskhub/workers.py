"""How a worker is set, and where it and a client find the hub."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

_QUIET = logging.getLogger("benchmark")
_QUIET.setLevel(logging.CRITICAL)
_SWITCH_SECONDS = 0.005
"""Python's own switch interval."""


@dataclass(frozen=True)
class WorkerKind:
    """Settings of a worker process; a zero leaves the SDK's own: CPUs + 4 threads, 100 items a CPU."""

    name: str
    threads: int = 0
    in_hand: int = 0
    """Turns and activities that it takes at once: what waits in the hub instead can still be joined by
    a later message, and costs one turn less."""
    switch_seconds: float = _SWITCH_SECONDS
    uvloop: bool = False


DEFAULT = WorkerKind("default")
FEW = WorkerKind("3 thr. uvloop", threads=3, switch_seconds=0.02, uvloop=True)
"""Fastest where an answer to the hub costs no wait."""
MANY = WorkerKind("10 thr. uvloop", threads=10, in_hand=20, switch_seconds=0.02, uvloop=True)
"""Fastest where it does: the SDK keeps a thread until the hub has stored what the thread computed."""
ONE_AT_A_TIME = WorkerKind("one activity")
"""Takes a single activity at a time, so that another worker must take what it cannot."""
WORKERS = {kind.name: kind for kind in (DEFAULT, FEW, MANY, ONE_AT_A_TIME)}


def connection(port: int) -> dict[str, Any]:
    """Where the hub is."""
    return {
        "host_address": f"http://127.0.0.1:{port}",
        "taskhub": "default",
        "token_credential": None,
        "secure_channel": False,
        "logger": _QUIET,
    }

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
    """Settings of a worker process; zero threads leaves the SDK's pool of CPUs + 4."""

    name: str
    threads: int = 0
    switch_seconds: float = _SWITCH_SECONDS
    uvloop: bool = False


DEFAULT = WorkerKind("default")
TUNED = WorkerKind("3 threads", threads=3, switch_seconds=0.02)
BEST = WorkerKind("3 thr. uvloop", threads=3, switch_seconds=0.02, uvloop=True)
ONE_AT_A_TIME = WorkerKind("one activity")
"""Takes a single activity at a time, so that another worker must take what it cannot."""
WORKERS = {kind.name: kind for kind in (DEFAULT, TUNED, BEST, ONE_AT_A_TIME)}


def connection(port: int) -> dict[str, Any]:
    """Where the hub is."""
    return {
        "host_address": f"http://127.0.0.1:{port}",
        "taskhub": "default",
        "token_credential": None,
        "secure_channel": False,
        "logger": _QUIET,
    }

"""The hub's time: the wall clock, except that it never runs backwards while the hub runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def wall_clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


def running_time() -> int:
    """Microseconds of a clock nobody can set."""
    return time.monotonic_ns() // 1000


class SteadyClock:
    """Follows the wall clock forward. When that is set back, goes on at its own pace until it is caught up.

    Standing still instead would make every timer late by as much as the clock was set back.
    """

    def __init__(
        self, wall: Callable[[], int] = wall_clock, running: Callable[[], int] = running_time
    ) -> None:
        self._wall = wall
        self._running = running
        self._offset = wall() - running()
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """Microseconds since the epoch."""
        with self._lock:
            self._offset = max(self._offset, self._wall() - self._running())
            return self._running() + self._offset

"""One task that sleeps until the next timer is due; a pending timer is a row, nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

import structlog

from taskhub.errors import HubError
from taskhub.transactions.timers import fire_due
from taskhub.writer import Writer

log = structlog.get_logger(__name__)

_BATCH = 200
"""Timers fired per commit, so that a flood of them leaves room for other writes."""
_LONGEST_SLEEP = 2.0
"""Seconds; the wall clock may be set while we sleep."""


class TimerWheel:
    """Fires due timers."""

    def __init__(self, writer: Writer, clock: Callable[[], int], reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._clock = clock
        self._next: int | None = reader.execute("SELECT min(due) FROM timers").fetchone()[0]
        self._wake = asyncio.Event()

    def schedule(self, due: int) -> None:
        """A timer was stored (microseconds)."""
        if self._next is None or due < self._next:
            self._next = due
            self._wake.set()

    async def run(self) -> None:
        """Fire timers until cancelled."""
        while True:
            self._wake.clear()
            delay = self._delay()
            if delay > 0:
                await self._sleep(delay)
                continue
            self._next = None
            try:
                due = await self._writer.submit(fire_due(_BATCH))
            except HubError as error:
                log.warning("timers_postponed", error=str(error))
                await asyncio.sleep(1.0)
                due = self._clock()
            if due is not None and (self._next is None or due < self._next):
                self._next = due

    def _delay(self) -> float:
        if self._next is None:
            return _LONGEST_SLEEP
        return min((self._next - self._clock()) / 1_000_000, _LONGEST_SLEEP)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

"""Automatic retention: while the hub runs, what ended long ago goes, a small batch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta

import structlog

from taskhub.errors import HubError
from taskhub.statuses import status_code
from taskhub.transactions.retention import Expiry, forget_expired
from taskhub.writer import Writer

log = structlog.get_logger(__name__)

_BATCH = 50
"""Instances per commit, so that a caller's write never waits long behind them."""
_BREATH_SECONDS = 0.05
_ROUND_SECONDS = 60.0


class Retention:
    """Deletes ended instances of all hubs that are older than an age."""

    def __init__(
        self,
        writer: Writer,
        hubs: Callable[[], Collection[int]],
        clock: Callable[[], int],
        age: timedelta,
        statuses: Collection[str],
    ) -> None:
        self._writer = writer
        self._hubs = hubs
        self._clock = clock
        self._age = int(age.total_seconds() * 1_000_000)
        self._statuses = [status_code(name) for name in sorted(statuses)]
        self._pause = max(1.0, min(_ROUND_SECONDS, age.total_seconds() / 10))
        self.forgotten = 0

    async def run(self) -> None:
        """Delete what is old, look again after a while, until cancelled."""
        while True:
            try:
                await self._round()
            except HubError as error:
                log.warning("retention_postponed", error=str(error))
            await asyncio.sleep(self._pause)

    async def _round(self) -> None:
        expiry = Expiry(self._clock() - self._age, self._statuses)
        before = self.forgotten
        for hub in list(self._hubs()):
            while count := await self._writer.submit(forget_expired(hub, expiry, _BATCH)):
                self.forgotten += count
                await asyncio.sleep(_BREATH_SECONDS)
        if self.forgotten > before:
            log.info("instances_forgotten", count=self.forgotten - before)

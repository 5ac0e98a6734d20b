"""Notices when the disk refuses writes and when it takes them again, so that work pauses meanwhile.

Handing out work whose results cannot be stored would repeat its side effects for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from taskhub.errors import HubError
from taskhub.writer import Transaction, Writer

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 0.5
"""Between looks; also between attempts to write while the disk is full."""


class StorageWatch:
    """Tries a write until one succeeds after a refusal, and tells when that changes."""

    def __init__(self, writer: Writer, on_change: Callable[[bool], Awaitable[None]]) -> None:
        self._writer = writer
        self._on_change = on_change
        self._healthy = True

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            if self._writer.failure is not None:
                await self._tell(False)
                await self._probe()
            await self._tell(self._writer.failure is None)

    async def _probe(self) -> None:
        try:
            await self._writer.submit(_touch)
        except HubError as error:
            log.warning("storage_still_refuses", error=str(error))

    async def _tell(self, healthy: bool) -> None:
        if healthy != self._healthy:
            self._healthy = healthy
            log.info("storage_recovered") if healthy else log.error("storage_refuses_writes")
            await self._on_change(healthy)


def _touch(tx: Transaction) -> None:
    """The smallest change that needs a page to be written."""
    version = tx.execute("PRAGMA user_version").fetchone()[0]
    tx.execute(f"PRAGMA user_version={int(version)}")

"""Callers that wait for an instance to change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from taskhub.errors import StorageUnavailable

T = TypeVar("T")


class Waiters:
    """Wakes those who wait for an instance; costs nothing for instances nobody waits for."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, str], set[asyncio.Event]] = {}
        self._closing = False

    def notify(self, changed: list[tuple[int, str]]) -> None:
        """These instances (hub, id) changed."""
        for key in changed:
            for event in self._waiting.get(key, ()):
                event.set()

    async def until(self, key: tuple[int, str], look: Callable[[], T | None]) -> T:
        """The first result of ``look`` that is not None, looking again whenever the instance changes.

        Cancelled by the caller's deadline. Raises StorageUnavailable when the hub shuts down.
        """
        event = asyncio.Event()
        self._waiting.setdefault(key, set()).add(event)
        try:
            while True:
                event.clear()
                found = look()
                if found is not None:
                    return found
                if self._closing:
                    raise StorageUnavailable("the task hub is shutting down")
                await event.wait()
        finally:
            self._forget(key, event)

    def _forget(self, key: tuple[int, str], event: asyncio.Event) -> None:
        events = self._waiting[key]
        events.discard(event)
        if not events:
            del self._waiting[key]

    def close(self) -> None:
        """Send everybody away."""
        self._closing = True
        self.notify(list(self._waiting))

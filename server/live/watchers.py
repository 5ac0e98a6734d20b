"""Follows single cases for the sockets that show one: the record's new events, in order."""

import asyncio
from collections import deque

from casework.events import CaseEvent

MOST_WAITING = 1000


class Watcher:
    """One socket's view of one case: what happened since it last looked."""

    def __init__(self, owner: str = "") -> None:
        self.owner = owner
        self._waiting: deque[CaseEvent] = deque()
        self._something = asyncio.Event()
        self.overflowed = False
        """More happened than is kept: read the record afresh."""
        self.closed = False

    def add(self, event: CaseEvent) -> None:
        if len(self._waiting) == MOST_WAITING:
            self._waiting.clear()
            self.overflowed = True
        self._waiting.append(event)
        self._something.set()

    def close(self) -> None:
        self.closed = True
        self._something.set()

    async def take(self) -> list[CaseEvent]:
        """Wait for events and return them all; an empty list once the server is stopping."""
        await self._something.wait()
        self._something.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class Watchers:
    """Watchers by case."""

    def __init__(self) -> None:
        self._by_case: dict[str, set[Watcher]] = {}
        self._closed = False

    def __len__(self) -> int:
        return sum(len(watchers) for watchers in self._by_case.values())

    def owned_by(self, owner: str) -> int:
        """How many are of one who signed in."""
        return sum(watcher.owner == owner for found in self._by_case.values() for watcher in found)

    def watch(self, case_id: str, owner: str = "") -> Watcher:
        watcher = Watcher(owner)
        if self._closed:
            watcher.close()
        self._by_case.setdefault(case_id, set()).add(watcher)
        return watcher

    def forget(self, case_id: str, watcher: Watcher) -> None:
        remaining = self._by_case.get(case_id, set())
        remaining.discard(watcher)
        if not remaining:
            self._by_case.pop(case_id, None)

    def happened(self, event: CaseEvent) -> None:
        for watcher in self._by_case.get(event.case_id, ()):
            watcher.add(event)

    def close(self) -> None:
        self._closed = True
        for watchers in self._by_case.values():
            for watcher in watchers:
                watcher.close()

"""The telemetry that was just read, for a second reader in this process that would read the same again."""

import asyncio
from collections import deque
from collections.abc import Sequence

from casework.ports import StoredTelemetry


class Recent:
    """The last events in order, at most `most`; `since` is the offset after which they begin."""

    def __init__(self, since: int, most: int) -> None:
        self._events: deque[StoredTelemetry] = deque()
        self._most = most
        self._since = self._newest = since
        self._more = asyncio.Event()

    def add(self, events: Sequence[StoredTelemetry]) -> None:
        """Keep events that follow those that were added before."""
        for event in events:
            if len(self._events) == self._most:
                self._since = self._events.popleft().offset
            self._events.append(event)
            self._newest = event.offset
        self._more.set()

    async def after(self, offset: int) -> Sequence[StoredTelemetry] | None:
        """Wait for events after an offset and return all of them; None when they are no longer all kept."""
        while self._newest <= offset:
            self._more.clear()
            await self._more.wait()
        if offset < self._since:
            return None
        return [event for event in self._events if event.offset > offset]

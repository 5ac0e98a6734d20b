"""The telemetry this process has published or read lately: for display, and for the evidence of alerts.

An event hub cannot be asked for an event by its id, or for the latest of all partitions in one order.
Places in the window are microseconds since 1970, so that a client which moves to another replica, or comes
back after a restart, finds its place by time.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from backends.azure.telemetry_records import Record
from casework.ports import StoredTelemetry
from casework.telemetry import TELEMETRY, Telemetry


class _Kept(NamedTuple):
    offset: int
    event_id: str
    text: bytes
    shown: bool


def _now() -> int:
    return time.time_ns() // 1000


class RecentTelemetry:
    """At most `most` events; the oldest go first. Each event is in it once."""

    def __init__(self, most: int, clock: Callable[[], int] = _now) -> None:
        self.seen = 0
        """Events added since this process started."""
        self._most = most
        self._clock = clock
        self._kept: list[_Kept] = []
        self._by_id: dict[str, _Kept] = {}
        self._last = 0
        self._head = 0
        self._more = asyncio.Event()

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._by_id

    def add(self, records: Iterable[Record], *, again: bool = False) -> None:
        """Keep those that are not kept already. What is read `again` is evidence, and no news to show."""
        now = self._clock()
        for record in records:
            if record.event.event_id not in self._by_id:
                self._last = max(self._last + 1, now)
                kept = _Kept(self._last, record.event.event_id, record.text, shown=not again)
                self._kept.append(kept)
                self._by_id[kept.event_id] = kept
                if kept.shown:
                    self._head = kept.offset
                    self.seen += 1
        self._trim()
        self._more.set()

    def _trim(self) -> None:
        # Cut off in one go now and then: each cut moves the whole list.
        if len(self._kept) > self._most + self._most // 4:
            cut = len(self._kept) - self._most
            for kept in self._kept[:cut]:
                del self._by_id[kept.event_id]
            del self._kept[:cut]

    def after(self, offset: int, limit: int) -> tuple[StoredTelemetry, ...]:
        start = bisect_right(self._kept, offset, key=lambda kept: kept.offset)
        shown = (kept for kept in islice(self._kept, start, None) if kept.shown)
        return tuple(
            StoredTelemetry(offset=kept.offset, event=TELEMETRY.validate_json(kept.text))
            for kept in islice(shown, limit)
        )

    def find(self, event_ids: Sequence[str]) -> tuple[Telemetry, ...]:
        found = [self._by_id[event_id] for event_id in set(event_ids) if event_id in self._by_id]
        return tuple(TELEMETRY.validate_json(kept.text) for kept in sorted(found))

    @property
    def head(self) -> int:
        return self._head

    async def wait(self, after: int, timeout_seconds: float) -> bool:
        """Whether there is something after the offset, before time runs out."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while self._head <= after:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            return False
        return True

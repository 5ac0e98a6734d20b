"""Notices that something was committed to the case container, by this process or by another one."""

import asyncio
import contextlib
import random

import structlog

from backends.azure.case_feed import CaseFeed
from casework.errors import UnavailableError
from casework.places import Place

SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 1.5
GROWTH = 1.5

log = structlog.get_logger("backends.cosmos")


class FeedWatch:
    """Asks the feed where it ends, once for everybody who waits, and only while somebody does.

    A look costs one small request a partition; there are ten a second after news, and fewer and fewer until
    there is one in 1.5 s. What this process writes itself is noticed at once.
    """

    def __init__(self, feed: CaseFeed) -> None:
        self._feed = feed
        self._end: Place | None = None
        self._written = 0
        self._news = asyncio.Event()
        self._waiting = 0
        self._looking: asyncio.Task[None] | None = None

    def written(self) -> None:
        """This process has written something."""
        self._written += 1
        self._ring()

    async def wait(self, cursor: Place, timeout_seconds: float) -> bool:
        """True as soon as there may be something after a place, False when time runs out."""
        before = self._written
        self._waiting += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(cursor))
        try:
            async with asyncio.timeout(timeout_seconds):
                while self._written == before and (self._end is None or cursor.covers(self._end)):
                    await self._news.wait()
            return True
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            if not self._waiting:
                await self.close()

    async def close(self) -> None:
        """Look no more."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _look(self, last: Place) -> None:
        pause = SHORTEST_PAUSE
        while True:
            try:
                self._end = await self._feed.end()
            except UnavailableError as error:
                log.warning("change_feed_away", reason=str(error))
            else:
                if not last.covers(self._end):
                    last, pause = self._end, SHORTEST_PAUSE
                    self._ring()
            await asyncio.sleep(pause * random.uniform(0.75, 1.0))
            pause = min(pause * GROWTH, LONGEST_PAUSE)

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

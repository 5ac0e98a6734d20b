"""Keeps the console's state in step with the server: snapshot, stream, reconnect, and again."""

import asyncio
import gc
import random
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from time import perf_counter

from console import news as n
from console.api import ConsoleApi
from console.clock import wall_clock
from console.frames import CaseFrame, Frame, NoticeFrame, TelemetryFrame
from console.problems import ConsoleError, SignInNeededError, UnreachableError

PAGE = 500
CLOSED_SHOWN = 200
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 15.0

LONGEST_HOLD_SECONDS = 0.004
"""So long frames are read without a pause: a key that comes meanwhile waits no longer than that."""

SET_ASIDE_EVERY = 5000
"""After so many frames the collector is told to forget the rows that they brought."""

Tell = Callable[[n.News], None]
"""Where news goes."""


def set_aside() -> None:
    """Have the collector forget what lives by now, after it looked at what came since the last time.

    Rows stay for long and are in no cycles; looking at 100,000 of them again and again would hold up keys.
    """
    gc.collect()
    gc.freeze()


class Pace:
    """Lets the event loop do other things when frames come faster than they can be read."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._since = clock()

    async def breathe(self) -> None:
        """Return at once, or after others had their turn when this went on for too long."""
        if self._clock() - self._since >= LONGEST_HOLD_SECONDS:
            await asyncio.sleep(0)
            self._since = self._clock()


class Feed:
    """One line to one server, kept up until cancelled; what it learns is told, never drawn."""

    def __init__(
        self,
        api: ConsoleApi,
        tell: Tell,
        *,
        queue_limit: int,
        now: Callable[[], datetime] = wall_clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._api = api
        self._tell = tell
        self._queue_limit = queue_limit
        self._now = now
        self._jitter = jitter
        self._cursor: str | None = None
        self._frames = 0
        self._hurry = asyncio.Event()
        self._afresh = asyncio.Event()

    def start_over(self) -> None:
        """Read everything again, at once: it was asked for, or somebody else may be at the keyboard now."""
        self._afresh.set()
        self._hurry.set()

    async def run(self) -> None:
        """Follow the server for ever; every failure is told, waited out and tried again."""
        failures = 0
        while True:
            frames_before = self._frames
            try:
                await self._follow_until_asked()
            except ConsoleError as error:
                if isinstance(error, SignInNeededError):
                    self._tell(n.SignInWanted(str(error)))
                failures = 1 if self._frames > frames_before else failures + 1
                await self._wait(error, failures)

    async def _follow_until_asked(self) -> None:
        """Follow until the line breaks, or until somebody wants to start over: then from a snapshot."""
        if self._afresh.is_set():
            self._afresh.clear()
            self._cursor = None
        following = asyncio.ensure_future(self._follow())
        asked = asyncio.ensure_future(self._afresh.wait())
        try:
            await asyncio.wait((following, asked), return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
        finally:
            following.cancel()
            asked.cancel()
            await asyncio.gather(following, asked, return_exceptions=True)

    async def _follow(self) -> None:
        """Join where we left off, or from a snapshot, and listen until the line breaks."""
        if self._cursor is None:
            self._cursor = await self._snapshot()
        async with aclosing(self._api.stream(self._cursor, "cases,telemetry")) as frames:
            pace = Pace()
            async for frame in frames:
                await pace.breathe()
                self._frames += 1
                if self._frames % SET_ASIDE_EVERY == 0:
                    set_aside()
                if isinstance(frame, NoticeFrame) and frame.notice.kind == "expired":
                    return
                if not self._told(frame):
                    self._cursor = None
                    return
        raise UnreachableError("the server ended the stream", short="ended the stream")

    def _told(self, frame: Frame) -> bool:
        """Tell what a frame says; False when it says that we fell behind and must read a snapshot."""
        at = self._now()
        match frame:
            case CaseFrame(change):
                self._cursor = change.cursor
                self._tell(n.CasesChanged((change,), at))
            case TelemetryFrame(seen):
                self._cursor = seen.cursor
                self._tell(n.TelemetryCame((seen,), at))
            case NoticeFrame(notice) if notice.kind == "behind":
                return False
            case NoticeFrame(_, heartbeat_seconds):
                self._tell(n.LineLive(at, heartbeat_seconds))
            case _:
                self._tell(n.LineHeard(at))
        return True

    async def _snapshot(self) -> str:
        """Read who we are and every open case; returns the cursor to join the stream at."""
        gc.freeze()
        self._tell(n.MeKnown(await self._api.me()))
        cursor = (await self._api.counts()).cursor
        listed, total = await self._open_cases()
        closed = await self._api.cases(status="closed", sort="updated", desc="true", limit=str(CLOSED_SHOWN))
        self._tell(n.QueueRead((), closed.items, total, cursor, self._now(), read_before=listed))
        return cursor

    async def _open_cases(self) -> tuple[frozenset[str], int]:
        """Tell the open cases page by page, those that expire first, up to our bound.

        Returns which they are, and how many there are in all.
        """
        listed: set[str] = set()
        after: dict[str, str] = {}
        while True:
            page = await self._api.cases(status="open", sort="deadline", limit=str(PAGE), **after)
            rows = page.items[: self._queue_limit - len(listed)]
            listed.update(row.case_id for row in rows)
            self._tell(n.RowsRead(rows, page.total))
            set_aside()
            if page.next_cursor is None or len(listed) >= self._queue_limit:
                return frozenset(listed), page.total
            after = {"cursor": page.next_cursor}

    async def _wait(self, error: ConsoleError, failures: int) -> None:
        """Tell that the line is lost and wait, longer each time and never in step with other consoles."""
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures, 10))
        seconds = longest * (0.5 + 0.5 * self._jitter())
        at = self._now()
        short = error.short if isinstance(error, UnreachableError) else ""
        self._tell(n.LineLost(at, str(error), at + timedelta(seconds=seconds), short))
        self._hurry.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return

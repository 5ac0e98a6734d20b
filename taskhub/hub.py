"""The hub as one object: storage, schedule and timers wired together, without any gRPC."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine
from pathlib import Path
from typing import Any

import structlog

from taskhub.clock import SteadyClock
from taskhub.database import lock_file, open_database, open_reader
from taskhub.dispatch import Dispatcher
from taskhub.limits import Limits
from taskhub.loading import Loader
from taskhub.retention import Retention
from taskhub.scanner import Scanner
from taskhub.scheduling import Schedule
from taskhub.settings import TaskHubSettings
from taskhub.syncing import WalSync
from taskhub.timers import TimerWheel
from taskhub.transactions.commands import open_hub
from taskhub.waiters import Waiters
from taskhub.writer import Effects, Writer

log = structlog.get_logger(__name__)


class Hub:
    """Everything behind the protocol. Create it on the event loop it will run on."""

    def __init__(self, settings: TaskHubSettings, clock: Callable[[], int] | None = None) -> None:
        """Open the database; the clock is for tests. Raises StartupRefused with a sentence."""
        clock = clock or SteadyClock()
        path = Path(settings.db)
        self.limits = Limits(
            payload_bytes=settings.max_payload_bytes, message_bytes=settings.max_message_bytes
        )
        self._lock = lock_file(path)
        self._clock = clock
        # FULL is NORMAL and a sync of our own, during which turns may begin.
        connection = open_database(path, "NORMAL", settings.check_seconds)
        sync = WalSync(path) if settings.synchronous == "FULL" else None
        self.reader = open_reader(path)
        self.scanner = Scanner(open_reader(path))
        self.waiters = Waiters()
        self.dispatcher = Dispatcher(
            Schedule(settings.lease_seconds),
            Loader(self.reader, self.limits),
            self.scanner,
            clock,
            max_deliveries=settings.max_deliveries,
        )
        self.writer = Writer(connection, self._announce, clock, sync=sync)
        self.dispatcher.writer = self.writer
        self.timers = TimerWheel(self.writer, clock, self.reader)
        self.retention = _retention(settings, self.writer, self._open_hubs, clock)
        self._hubs: dict[str, int] = dict(self.reader.execute("SELECT name, id FROM hubs").fetchall())
        self.broken = asyncio.Event()
        """Set when a part of the hub failed for good; the process should end and be started again."""
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *others: Coroutine[Any, Any, None]) -> None:
        """Start handing out work and firing timers, and ``others`` beside; they live until close()."""
        loop = asyncio.get_running_loop()
        ours = (self.dispatcher.run(), self.dispatcher.watch_leases(), self.timers.run(), self.writer.watch())
        loops = [*ours, *others]
        if self.retention is not None:
            loops.append(self.retention.run())
        for coroutine in loops:
            task = loop.create_task(coroutine)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """None of these loops ends by itself; a hub without one of them would only look alive."""
        if task.cancelled() or self.broken.is_set():
            return
        error = task.exception()
        log.critical("hub_broken", error=str(error), exc_info=error)
        self.broken.set()

    def _announce(self, effects: Effects) -> None:
        self.dispatcher.announce(effects)
        if effects.changed:
            self.waiters.notify(effects.changed)
        if effects.next_due is not None:
            self.timers.schedule(effects.next_due)

    def now(self) -> int:
        """Microseconds since the epoch."""
        return self._clock()

    async def hub_id(self, name: str) -> int:
        """The row id of a task hub by name; created when first named. Raises InvalidRequest."""
        found = self._hubs.get(name)
        if found is None:
            self.limits.check_hub_name(name)
            found = self._hubs[name] = await self.writer.submit(open_hub(name))
        return found

    def _open_hubs(self) -> list[int]:
        """The row ids of all hubs."""
        return list(self._hubs.values())

    def drain(self) -> None:
        """Hand out nothing more and send waiting callers away; completions are still taken."""
        self.dispatcher.drain()
        self.waiters.close()

    async def close(self) -> None:
        """Commit what was accepted and close the files."""
        self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.dispatcher.settle()
        await self.writer.close()
        self.scanner.close()
        self.reader.close()
        with contextlib.suppress(OSError):
            self._lock.close()


def _retention(
    settings: TaskHubSettings, writer: Writer, hubs: Callable[[], Collection[int]], clock: Callable[[], int]
) -> Retention | None:
    if settings.retention_age is None:
        return None
    return Retention(writer, hubs, clock, settings.retention_age, settings.retention_statuses)

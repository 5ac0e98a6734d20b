"""One thread that writes, with group commit: whatever has queued up shares one transaction.

A change is a function of a Transaction. A commit is visible first and on disk a moment later. Its
changes' results reach the callers, and their effects the world, only once it is on disk. Turns of
orchestrations alone may begin when it is visible: they compute, and what they order waits for its own
commit. Everything is announced in commit order.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from taskhub.errors import HubError, StorageUnavailable

log = structlog.get_logger(__name__)
T = TypeVar("T")

_GROUP = 256
"""Most changes that share one commit."""


@dataclass(slots=True)
class Effects:
    """What a change made ready; applied to the in-memory schedule after its commit."""

    orchestrations: list[tuple[int, int, str, str | None]] = field(default_factory=list)
    activities: list[tuple[int, int, str, str | None]] = field(default_factory=list)
    entities: list[tuple[int, int, str]] = field(default_factory=list)
    changed: list[tuple[int, str]] = field(default_factory=list)
    next_due: int | None = None

    def timer(self, due: int) -> None:
        """Note the earliest new timer."""
        if self.next_due is None or due < self.next_due:
            self.next_due = due


class Sync(Protocol):
    """Gets what was committed onto the disk."""

    def __call__(self) -> None: ...
    def close(self) -> None: ...


class Numbered(Protocol):
    """Whoever keeps the last sequence number."""

    sequence: int


class Transaction:
    """What a change sees: the connection's execute, the time, fresh sequence numbers, its effects."""

    __slots__ = ("_numbers", "effects", "execute", "now")

    def __init__(self, numbers: Numbered, execute: Callable[..., sqlite3.Cursor], now: int) -> None:
        self._numbers = numbers
        self.execute = execute
        self.now = now
        self.effects = Effects()

    def next_seq(self) -> int:
        """The next number of the order in which messages arrived."""
        self._numbers.sequence += 1
        return self._numbers.sequence


Change = Callable[[Transaction], T]


@dataclass(slots=True)
class _Pending:
    change: Change[Any]
    future: asyncio.Future[Any]
    settled: Callable[[BaseException | None], None] | None = None
    result: Any = None
    error: BaseException | None = None
    effects: Effects | None = None


class Writer:
    """Runs changes on its own thread and announces their effects on the event loop."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        on_effects: Callable[[Effects], None],
        clock: Callable[[], int],
        *,
        sync: Sync | None = None,
        capacity: int = 4096,
    ) -> None:
        """Without a ``sync`` a commit is as durable as SQLite itself makes it, and no turn begins early."""
        self.sequence = self.durable_sequence = last_sequence(connection)
        """The last number given out, and the last one whose message is on disk."""
        self._connection = connection
        self._on_effects = on_effects
        self._sync = sync
        self._begun = self._durable = 0
        self._awaiting_disk: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._capacity = capacity
        self._waiting = 0
        self._drained = asyncio.Event()
        self._queue: deque[_Pending] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._died = asyncio.Event()
        self._latest = 0
        self.commits = 0
        self.changes = 0
        self.failure: str | None = None
        """Why the last commit was refused; None once one succeeded."""
        self._thread = threading.Thread(target=self._run, name="taskhub-writer", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Changes that are waiting for their commit."""
        return self._waiting

    async def room(self) -> None:
        """Wait until the queue is short enough to take another change."""
        while self._waiting >= self._capacity:
            self._drained.clear()
            await self._drained.wait()

    def enqueue(
        self, change: Change[T], settled: Callable[[BaseException | None], None] | None = None
    ) -> asyncio.Future[T]:
        """Queue ``change``; the future holds its result once it is on disk, or its error.

        ``settled`` runs on the event loop with the error or None, right before the change's effects
        are announced, also when nobody waits for the future any more.
        Raises StorageUnavailable when the hub is shutting down.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        with self._wake:
            if self._closing:
                raise StorageUnavailable("the task hub is shutting down")
            self._queue.append(_Pending(change, future, settled))
            self._wake.notify()
        self._waiting += 1
        return future

    async def submit(self, change: Change[T]) -> T:
        """Run ``change``; return its result once it is on disk.

        Raises what the change raised, or StorageUnavailable when nothing could be stored. A caller
        that goes away leaves the change to finish.
        """
        await self.room()
        return await asyncio.shield(self.enqueue(change))

    async def durable(self) -> None:
        """Wait until everything that could be read when this was called is on disk."""
        if self._durable >= self._begun:
            return
        future: asyncio.Future[None] = self._loop.create_future()
        self._awaiting_disk.append((self._begun, future))
        await future

    async def watch(self) -> None:
        """Raise StorageUnavailable if the thread ever dies of something nobody foresaw."""
        await self._died.wait()
        raise StorageUnavailable("the writing thread died")

    async def close(self) -> None:
        """Commit what is queued, then stop the thread and close the connection."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)
        self._connection.close()
        if self._sync is not None:
            self._sync.close()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                if self._commit(batch) and self._sync is not None:
                    self._reach_disk(batch, self._sync)
                self._loop.call_soon_threadsafe(self._announce, batch, self._begun, self.sequence)
        except Exception as error:
            log.critical("writer_died", error=str(error), exc_info=error)
            self._loop.call_soon_threadsafe(self._died.set)

    def _next_batch(self) -> list[_Pending]:
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            size = min(len(self._queue), _GROUP)
            return [self._queue.popleft() for _ in range(size)]

    def _reach_disk(self, batch: list[_Pending], sync: Sync) -> None:
        """Let turns begin, and get the commit onto the disk meanwhile.

        After a failed sync nobody can say what is on the disk, and trying again would not tell: callers
        get an error and the thread dies, so that the hub starts anew from what is there.
        """
        if any(pending.effects and pending.effects.orchestrations for pending in batch):
            self._loop.call_soon_threadsafe(self._announce_turns, batch)
        try:
            sync()
        except OSError as error:
            for pending in batch:
                pending.error = StorageUnavailable(f"the disk did not take the write: {error}")
                pending.effects = None
            self._loop.call_soon_threadsafe(self._announce, batch, self._durable, self.durable_sequence)
            raise

    def _commit(self, batch: list[_Pending]) -> bool:
        execute = self._connection.execute
        self._latest = max(self._latest, self._clock())
        try:
            execute("BEGIN IMMEDIATE")
            for pending in batch:
                self._apply(pending, execute)
            self._begun += 1  # before it can be read: see durable()
            execute("COMMIT")
            self.commits += 1
            self.changes += len(batch)
            self.failure = None
        except sqlite3.Error as error:
            log.error("commit_failed", error=str(error), changes=len(batch))
            self._roll_back()
            self.failure = str(error)
            for pending in batch:
                pending.error = StorageUnavailable(f"the database refused the write: {error}")
                pending.effects = None
            return False
        return True

    def _apply(self, pending: _Pending, execute: Callable[..., sqlite3.Cursor]) -> None:
        transaction = Transaction(self, execute, self._latest)
        execute("SAVEPOINT change")
        try:
            pending.result = pending.change(transaction)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
                raise
            execute("ROLLBACK TO change")
            pending.error = error
            if not isinstance(error, HubError):
                log.exception("change_failed")
        else:
            pending.effects = transaction.effects
        execute("RELEASE change")

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            log.error("rollback_failed", error=str(error))

    def _announce_turns(self, batch: list[_Pending]) -> None:
        """The commit can be read: what was held for it is free, and orchestrations may go on."""
        for pending in batch:
            if pending.settled is not None:
                pending.settled(pending.error)
                pending.settled = None
            if pending.effects is not None and pending.effects.orchestrations:
                turns, pending.effects.orchestrations = pending.effects.orchestrations, []
                self._on_effects(Effects(orchestrations=turns))

    def _announce(self, batch: list[_Pending], commit: int, sequence: int) -> None:
        """The commit is on disk: everything else."""
        self._durable, self.durable_sequence = commit, sequence
        while self._awaiting_disk and self._awaiting_disk[0][0] <= commit:
            _, waiting = self._awaiting_disk.popleft()
            if not waiting.done():
                waiting.set_result(None)
        self._waiting -= len(batch)
        self._drained.set()
        for pending in batch:
            if pending.settled is not None:
                pending.settled(pending.error)
            if pending.effects is not None:
                self._on_effects(pending.effects)
            if pending.future.done():
                continue
            if pending.error is None:
                pending.future.set_result(pending.result)
            else:
                pending.future.set_exception(pending.error)
                pending.future.exception()


def last_sequence(connection: sqlite3.Connection) -> int:
    """The largest sequence number in use, so that order survives a restart."""
    tables = ("inbox", "activities", "timers", "operations")
    largest = (connection.execute(f"SELECT max(seq) FROM {table}").fetchone()[0] for table in tables)
    return max(int(found or 0) for found in largest)

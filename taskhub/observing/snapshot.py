"""One picture of the running hub, taken at most once a second and never at the hub's expense."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from taskhub.dispatch import Counts
from taskhub.hub import Hub
from taskhub.observing import stored
from taskhub.observing.stored import Stored, kind_name
from taskhub.scanner import Scanner

P = ParamSpec("P")
T = TypeVar("T")

_FRESH_SECONDS = 1.0
_SHARE = 20
"""A picture is kept this many times as long as it took to take: at most a twentieth of one core."""
_LONGEST_READ_SECONDS = 5.0
_STEPS_BETWEEN_LOOKS = 20_000
_MOST_LEASES = 100


class TooSlow(Exception):
    """A read was broken off because it took too long."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A connected worker: who, in which hub, and per kind how many items it has and may have."""

    hub: str
    peer: str
    running: tuple[int, ...]
    limits: tuple[int, ...]
    unsent_bytes: int


@dataclass(frozen=True, slots=True)
class Held:
    """A work item in a worker's hands."""

    hub: str
    kind: str
    name: str
    peer: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the file holds and what memory holds; ``taken_at`` in microseconds."""

    taken_at: int
    stored: Stored
    workers: list[Worker]
    held: list[Held]
    leases: int
    counts: Counts
    commits: int
    changes: int
    backlog: int
    failure: str | None
    forgotten: int


class Observer:
    """Takes snapshots of a hub, and answers other questions about its file."""

    def __init__(self, hub: Hub, connection: sqlite3.Connection) -> None:
        self._hub = hub
        self._deadline = 0.0
        connection.set_progress_handler(self._overdue, _STEPS_BETWEEN_LOOKS)
        self._scanner = Scanner(connection)
        self._lock = asyncio.Lock()
        self._snapshot: Snapshot | None = None
        self._fresh_until = 0.0

    def _overdue(self) -> int:
        return int(time.monotonic() > self._deadline)

    async def read(
        self, question: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The answer to a question about the file. Raises TooSlow."""

        def bounded(connection: sqlite3.Connection) -> T:
            self._deadline = time.monotonic() + _LONGEST_READ_SECONDS
            with _interruption():
                return question(connection, *args, **kwargs)

        return await self._scanner.run(bounded)

    async def snapshot(self) -> Snapshot:
        """The present picture, or one that is recent for what it costs. Raises TooSlow."""
        async with self._lock:
            began = time.monotonic()
            if self._snapshot is None or began >= self._fresh_until:
                self._snapshot = self._picture(await self.read(stored.count))
                now = time.monotonic()
                self._fresh_until = now + max(_FRESH_SECONDS, _SHARE * (now - began))
            return self._snapshot

    def _picture(self, counted: Stored) -> Snapshot:
        hub, schedule = self._hub, self._hub.dispatcher.schedule
        now = asyncio.get_running_loop().time()

        def named(number: int) -> str:
            return counted.hubs.get(number, f"hub {number}")

        return Snapshot(
            taken_at=hub.now(),
            stored=counted,
            workers=[
                Worker(named(one.hub), one.peer, tuple(one.running), one.limits, one.unsent_bytes)
                for one in schedule.sessions
            ],
            held=[
                Held(
                    named(lease.item.hub),
                    kind_name(lease.item.kind),
                    lease.item.name,
                    lease.session.peer,
                    now - since,
                )
                for lease, since in schedule.oldest_leases(_MOST_LEASES)
            ],
            leases=schedule.leases,
            counts=hub.dispatcher.counts,
            commits=hub.writer.commits,
            changes=hub.writer.changes,
            backlog=hub.writer.backlog,
            failure=hub.writer.failure,
            forgotten=hub.retention.forgotten if hub.retention else 0,
        )

    def close(self) -> None:
        """Close the connection."""
        self._scanner.close()


@contextlib.contextmanager
def _interruption() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise TooSlow(f"the file did not answer within {_LONGEST_READ_SECONDS:.0f} s") from error

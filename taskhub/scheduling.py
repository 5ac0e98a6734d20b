"""What may run soon and who may run it: ready queues, worker sessions, leases; pure bookkeeping.

Only identifiers live here. Whatever does not fit a queue stays in the database, and the queue
remembers that it has to look there again.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Any

from taskhub.pieces import TurnPieces

_REMEMBERED = 10_000
"""Items given back of which it is known by whom; forgetting them starts their pauses over, no more."""
_UNSENT_BYTES = 32 * 1024 * 1024
"""A worker with this much on its way gets nothing more until it has read some of it."""


class Kind(IntEnum):
    """The kinds of work item."""

    ORCHESTRATION = 0
    ACTIVITY = 1
    ENTITY = 2


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of work: the row key of an instance or entity, or an activity's sequence number."""

    kind: Kind
    hub: int
    key: int
    name: str
    version: str | None = None


Filter = Mapping[str, frozenset[str]]
"""Accepted names, each with its accepted versions; no versions means any."""


@dataclass(slots=True, eq=False)
class Session:
    """One worker's work item stream: what it takes, how much at a time, what it has."""

    hub: int
    limits: tuple[int, int, int]
    filters: tuple[Filter | None, Filter | None, Filter | None]
    outgoing: asyncio.Queue[bytes | None]
    tokens: set[str] = field(default_factory=set)
    running: list[int] = field(default_factory=lambda: [0, 0, 0])
    unsent_bytes: int = 0
    peer: str = ""
    closed: bool = False
    streams_history: bool = False
    """The worker fetches a long history itself instead of finding it in the work item."""

    def room(self, kind: Kind) -> bool:
        """Whether the worker would take one more item of this kind."""
        return (
            not self.closed and self.running[kind] < self.limits[kind] and self.unsent_bytes < _UNSENT_BYTES
        )

    def send(self, message: bytes) -> None:
        """Queue a message for the worker; the concurrency limits bound the queue."""
        self.unsent_bytes += len(message)
        self.outgoing.put_nowait(message)

    async def receive(self) -> bytes | None:
        """The next message for the worker; None when the stream is to end."""
        message = await self.outgoing.get()
        self.unsent_bytes -= len(message or b"")
        return message

    def accepts(self, kind: Kind, name: str, version: str | None) -> bool:
        """Whether the worker's filters let an item of this name and version through."""
        wanted = self.filters[kind]
        if wanted is None:
            return True
        versions = wanted.get(name)
        return versions is not None and (not versions or (version or "") in versions)


@dataclass(slots=True)
class Lease:
    """An item in a worker's hands; ``work`` is what its completion needs to know."""

    token: str
    item: Item
    session: Session
    deadline: float
    work: Any
    pieces: TurnPieces | None = None


Group = tuple[str, str | None]
"""A name and a version: what filters choose by."""


class ReadyQueue:
    """Items of one kind in one hub that nobody has, first come first served within a name.

    A full queue still takes the first items of a group, so that a flood of one group, whose workers
    may be busy or gone, never hides the others.
    """

    def __init__(self, capacity: int, reserved: int = 100) -> None:
        self._groups: dict[Group, deque[Item]] = {}
        self._members: set[int] = set()
        self._capacity = capacity
        self._reserved = reserved
        self._turned_away: set[Group] = set()
        self.overflowed = True

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, key: int) -> bool:
        return key in self._members

    def add(self, item: Item) -> None:
        """Queue an item once; a full queue notes that the database holds more."""
        if item.key in self._members:
            return
        group = (item.name, item.version)
        waiting = self._groups.get(group)
        if len(self._members) >= self._capacity and waiting is not None and len(waiting) >= self._reserved:
            self._turned_away.add(group)
            return
        self._members.add(item.key)
        if waiting is None:
            waiting = self._groups[group] = deque()
        waiting.append(item)

    def take(self, session: Session, kind: Kind, spared: Callable[[Item], bool] | None = None) -> Item | None:
        """The next item the session accepts and need not be ``spared``; names take turns."""
        for group, items in self._groups.items():
            at = _first(items, spared) if session.accepts(kind, *group) else None
            if at is not None:
                item = items[at]
                del items[at]
                self._members.discard(item.key)
                del self._groups[group]
                if items:
                    self._groups[group] = items
                return item
        return None

    @property
    def wants_refill(self) -> bool:
        """Whether the database should be asked for more."""
        roomy = len(self._members) <= self._capacity // 2
        return (self.overflowed and roomy) or any(self._short(group) for group in self._turned_away)

    def _short(self, group: Group) -> bool:
        return len(self._groups.get(group, ())) <= self._reserved // 2

    def begin_refill(self) -> None:
        """Forget what is known to be missing; what does not fit now is noted again."""
        self.overflowed = False
        self._turned_away.clear()

    @property
    def plentiful(self) -> frozenset[Group]:
        """The groups of which there is enough here while others are looked for."""
        return frozenset(group for group, items in self._groups.items() if len(items) >= self._reserved)

    def keep(self, accepted: Callable[[str, str | None], bool]) -> None:
        """Drop the groups nobody takes any more; the database has them."""
        for group in [group for group in self._groups if not accepted(*group)]:
            self._members.difference_update(item.key for item in self._groups.pop(group))
            self._turned_away.discard(group)


def _first(items: deque[Item], spared: Callable[[Item], bool] | None) -> int | None:
    """Where the first item is that need not be spared."""
    if spared is None:
        return 0
    return next((at for at, item in enumerate(items) if not spared(item)), None)


@dataclass(slots=True)
class _Refusal:
    """Who gave an item back, and how often that has happened."""

    times: int = 0
    by: set[Session] = field(default_factory=set)


class Schedule:
    """All ready queues, sessions and leases of one process."""

    def __init__(self, lease_seconds: float, queue_capacity: int = 20_000) -> None:
        self._lease_seconds = lease_seconds
        self._capacity = queue_capacity
        self._queues: dict[tuple[int, Kind], ReadyQueue] = {}
        self._sessions: list[Session] = []
        self._leases: dict[str, Lease] = {}
        self._refusals: dict[tuple[Kind, int], _Refusal] = {}
        self._held: dict[tuple[Kind, int], str] = {}
        """What is not to be handed out: leased, being stored, or backing off. Token, or '' without one."""

    def queue(self, hub: int, kind: Kind) -> ReadyQueue:
        """The ready queue of one kind in one hub."""
        found = self._queues.get((hub, kind))
        if found is None:
            found = self._queues[(hub, kind)] = ReadyQueue(self._capacity)
        return found

    def queues(self) -> Iterator[tuple[int, Kind, ReadyQueue]]:
        """All queues there are."""
        for (hub, kind), queue in self._queues.items():
            yield hub, kind, queue

    def ready(self, item: Item) -> None:
        """Note that an item may run.

        Ignored while somebody has it, whose completion looks again, and while no worker would take it:
        whoever connects makes the queues look into the database.
        """
        if (item.kind, item.key) not in self._held and self._accepted(
            item.hub, item.kind, item.name, item.version
        ):
            self.queue(item.hub, item.kind).add(item)

    def _accepted(self, hub: int, kind: Kind, name: str, version: str | None) -> bool:
        return any(session.hub == hub and session.accepts(kind, name, version) for session in self._sessions)

    def wanted(self, hub: int, kind: Kind) -> Filter | None:
        """What the hub's workers take together; None when there is no limit to it."""
        found: dict[str, frozenset[str]] = {}
        for session in self._sessions:
            if session.hub != hub:
                continue
            wanted = session.filters[kind]
            if wanted is None:
                return None
            for name, versions in wanted.items():
                known = found.get(name, versions)
                found[name] = known | versions if known and versions else frozenset()
        return found

    def open(self, session: Session) -> None:
        """A worker connected."""
        self._sessions.append(session)
        for kind in Kind:
            self.queue(session.hub, kind).overflowed = True

    def close(self, session: Session) -> list[Lease]:
        """A worker is gone; the items it had, still held."""
        session.closed = True
        if session in self._sessions:
            self._sessions.remove(session)
            for kind in Kind:
                self.queue(session.hub, kind).keep(partial(self._accepted, session.hub, kind))
        for refusal in self._refusals.values():
            refusal.by.discard(session)
        return [self._leases.pop(token) for token in list(session.tokens) if token in self._leases]

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The connected workers."""
        return tuple(self._sessions)

    @property
    def leases(self) -> int:
        """How many items are in workers' hands."""
        return len(self._leases)

    def oldest_leases(self, limit: int) -> list[tuple[Lease, float]]:
        """Up to ``limit`` leases and when they were granted, longest held first."""
        held = itertools.islice(self._leases.values(), limit)
        return [(lease, lease.deadline - self._lease_seconds) for lease in held]

    def next_match(self) -> tuple[Session, Item] | None:
        """The next item and the least busy worker that takes it; the item is held from now on."""
        for session in sorted(self._sessions, key=lambda worker: sum(worker.running)):
            for kind in (Kind.ENTITY, Kind.ORCHESTRATION, Kind.ACTIVITY):
                if not session.room(kind):
                    continue
                spared = partial(self._spared, session) if self._refusals else None
                item = self.queue(session.hub, kind).take(session, kind, spared)
                if item is not None:
                    self._held[(kind, item.key)] = ""
                    return session, item
        return None

    def refuse(self, session: Session, item: Item) -> int:
        """A worker gave an item back, for a version that is not its own perhaps; how often that happened.

        From now on others who would take it come first.
        """
        if len(self._refusals) >= _REMEMBERED:
            self._refusals.clear()
        refusal = self._refusals.setdefault((item.kind, item.key), _Refusal())
        refusal.times += 1
        refusal.by.add(session)
        return refusal.times

    def forgive(self, item: Item) -> None:
        """Somebody completed the item."""
        self._refusals.pop((item.kind, item.key), None)

    def _spared(self, session: Session, item: Item) -> bool:
        """Whether the worker gave the item back while somebody is there who did not and would take it."""
        refusal = self._refusals.get((item.kind, item.key))
        return (
            refusal is not None
            and session in refusal.by
            and any(
                other.hub == item.hub
                and other not in refusal.by
                and other.accepts(item.kind, item.name, item.version)
                for other in self._sessions
            )
        )

    def grant(self, token: str, session: Session, item: Item, work: Any, now: float) -> Lease:
        """Put a held item into a worker's hands."""
        lease = Lease(token, item, session, now + self._lease_seconds, work)
        self._leases[token] = lease
        self._held[(item.kind, item.key)] = token
        session.tokens.add(token)
        session.running[item.kind] += 1
        return lease

    def lease(self, token: str, kind: Kind) -> Lease | None:
        """The lease of this token, or None when the token is not valid (any more)."""
        lease = self._leases.get(token)
        return lease if lease is not None and lease.item.kind == kind else None

    def redeem(self, token: str, kind: Kind) -> Lease | None:
        """End the lease of this token; its item stays held. None when the token is not valid (any more)."""
        lease = self.lease(token, kind)
        if lease is None:
            return None
        del self._leases[token]
        self._leave_session(lease)
        return lease

    def _leave_session(self, lease: Lease) -> None:
        lease.session.tokens.discard(lease.token)
        lease.session.running[lease.item.kind] -= 1

    def expired(self, now: float) -> list[Lease]:
        """End the leases whose time is up; they were granted in this order. Their items stay held."""
        over: list[Lease] = []
        for lease in self._leases.values():
            if lease.deadline > now:
                break
            over.append(lease)
        for lease in over:
            del self._leases[lease.token]
            self._leave_session(lease)
        return over

    def release(self, item: Item) -> None:
        """Nobody has the item any more."""
        self._held.pop((item.kind, item.key), None)

    def held(self, kind: Kind, key: int) -> bool:
        """Whether somebody has the item, or it is backing off."""
        return (kind, key) in self._held

    @property
    def held_count(self) -> int:
        """How many items are out of the queues."""
        return len(self._held)

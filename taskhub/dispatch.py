"""Moves work between the database and the workers: matching, leasing, taking back, giving up."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from taskhub.errors import HubError, StaleToken, StorageUnavailable
from taskhub.limits import HISTORY_TOO_LARGE, POISON_WORK_ITEM
from taskhub.loading import Loader, TooLarge
from taskhub.refill import Wanted, find_ready
from taskhub.scanner import Scanner
from taskhub.scheduling import Group, Item, Kind, Lease, ReadyQueue, Schedule, Session
from taskhub.transactions import activities, entities, maintenance, parking, turns
from taskhub.transactions.entities import BatchWork
from taskhub.writer import Change, Effects, Writer

log = structlog.get_logger(__name__)

_SLICE = 32
"""Items matched before other tasks get the event loop."""
_TABLES = {
    Kind.ORCHESTRATION: ("instances", "key"),
    Kind.ACTIVITY: ("activities", "seq"),
    Kind.ENTITY: ("entities", "key"),
}


@dataclass(slots=True)
class Counts:
    """What happened to work items since the start, by kind."""

    handed_out: list[int] = field(default_factory=lambda: [0, 0, 0])
    completed: list[int] = field(default_factory=lambda: [0, 0, 0])
    lost: list[int] = field(default_factory=lambda: [0, 0, 0])
    parked: list[int] = field(default_factory=lambda: [0, 0, 0])


class Dispatcher:
    """Hands out work items and takes completions; lives on the event loop."""

    def __init__(
        self,
        schedule: Schedule,
        loader: Loader,
        scanner: Scanner,
        clock: Callable[[], int],
        *,
        max_deliveries: int,
        backoff_seconds: float = 0.2,
        backoff_cap_seconds: float = 5.0,
        refill_rows: int = 10_000,
    ) -> None:
        self.schedule = schedule
        self._loader = loader
        self._scanner = scanner
        self._clock = clock
        self._max_deliveries = max_deliveries
        self._backoff = backoff_seconds
        self._backoff_cap = backoff_cap_seconds
        self._refill_rows = refill_rows
        self._wake = asyncio.Event()
        self._refill_lock = asyncio.Lock()
        self._tokens = map(f"{secrets.token_hex(8)}-{{:x}}".format, itertools.count(1))
        self._background: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._draining = False
        self.counts = Counts()
        self.writer: Writer

    def announce(self, effects: Effects) -> None:
        """Queue what a committed change made ready."""
        for hub, key, name, version in effects.orchestrations:
            self.schedule.ready(Item(Kind.ORCHESTRATION, hub, key, name, version))
        for hub, seq, name, version in effects.activities:
            self.schedule.ready(Item(Kind.ACTIVITY, hub, seq, name, version))
        for hub, key, name in effects.entities:
            self.schedule.ready(Item(Kind.ENTITY, hub, key, name))
        self._wake.set()

    async def run(self) -> None:
        """Match ready items with workers until cancelled."""
        while True:
            self._wake.clear()
            await self._refill()
            if not await self._match_all():
                await self._wake.wait()

    def resume(self) -> None:
        """Look again: storage takes writes after a refusal."""
        self._wake.set()

    def drain(self) -> None:
        """Hand out nothing more."""
        self._draining = True

    async def _match_all(self) -> bool:
        """Hand out what can be; whether a queue ran low and wants refilling."""
        for count in itertools.count(1):
            blocked = self._draining or self.writer.failure is not None
            match = None if blocked else self.schedule.next_match()
            if match is None:
                break
            self._hand_out(*match)
            if count % _SLICE == 0:
                await asyncio.sleep(0)
        return any(queue.wants_refill for _, _, queue in self.schedule.queues())

    async def _refill(self) -> None:
        for hub, kind, queue in list(self.schedule.queues()):
            if queue.wants_refill:
                queue.begin_refill()
                await self._refill_queue(hub, kind, queue)

    async def _refill_queue(self, hub: int, kind: Kind, queue: ReadyQueue) -> None:
        """Read on past groups there is plenty of, until all of the others has been seen."""
        skipped: frozenset[Group] = frozenset()
        while True:
            limit = self._refill_rows + self.schedule.held_count + len(queue)
            wanted = Wanted(self.schedule.wanted(hub, kind), skipped)
            found = await self._scanner.run(find_ready, hub, kind, wanted, limit)
            await self.writer.durable()
            for item in found:
                self.schedule.ready(item)
            if len(found) < limit:
                queue.overflowed = queue.overflowed or bool(skipped)
                return
            if queue.plentiful <= skipped:
                queue.overflowed = True
                return
            skipped |= queue.plentiful

    def _hand_out(self, session: Session, item: Item) -> None:
        durable = self.writer.durable_sequence
        loaded = self._loader.load(
            item, self._clock(), durable=durable, streams_history=session.streams_history
        )
        if loaded is None:
            self.schedule.release(item)
            return
        if isinstance(loaded, TooLarge):
            self._spawn(self._give_up(item, loaded.work, HISTORY_TOO_LARGE, loaded.reason))
            return
        lease = self.schedule.grant(next(self._tokens), session, item, loaded.work, self._loop.time())
        session.send(loaded.encode(lease.token))
        self.counts.handed_out[item.kind] += 1

    async def complete(self, token: str, kind: Kind, change: Callable[[Any], Change[None]]) -> None:
        """Store a completion. Raises StaleToken when the item is not this worker's any more."""
        await self.writer.room()
        lease = self._redeem(token, kind)
        self.schedule.forgive(lease.item)

        def settled(error: BaseException | None) -> None:
            if error is None:
                self.schedule.release(lease.item)
                self.counts.completed[kind] += 1
            elif isinstance(error, StorageUnavailable):
                self._later(lease.item, self._backoff)
            else:
                self.take_back([lease], "the worker's answer could not be stored")
            self._wake.set()

        await asyncio.shield(self.writer.enqueue(change(lease.work), settled))

    def lease(self, token: str, kind: Kind) -> Lease:
        """The work item a worker has in hand. Raises StaleToken."""
        return _valid(self.schedule.lease(token, kind))

    def _redeem(self, token: str, kind: Kind) -> Lease:
        return _valid(self.schedule.redeem(token, kind))

    def abandon(self, token: str, kind: Kind) -> None:
        """A worker gives an item back; it is handed out again after a growing pause, to others first."""
        lease = self._redeem(token, kind)
        times = self.schedule.refuse(lease.session, lease.item)
        self._later(lease.item, self._pause(times))
        self._wake.set()

    def fail_delivery(self, token: str, kind: Kind) -> None:
        """A worker could not run an item at all; it counts as a loss."""
        self.take_back([self._redeem(token, kind)], "the worker reported that it could not run it")
        self._wake.set()

    def take_back(self, leases: list[Lease], cause: str) -> None:
        """Items whose worker is gone or silent: count the loss, hand them out again or give up."""
        if leases:
            log.info("work_items_lost", count=len(leases), cause=cause)
            self._spawn(self._count_and_requeue(leases, cause))

    async def _count_and_requeue(self, leases: list[Lease], cause: str) -> None:
        for kind, (table, column) in _TABLES.items():
            lost = {lease.item.key: lease for lease in leases if lease.item.kind is kind}
            if not lost:
                continue
            self.counts.lost[kind] += len(lost)
            losses = await self._insist(maintenance.count_losses(table, column, list(lost)))
            for key, lease in lost.items():
                times = losses.get(key, 1)
                if times >= self._max_deliveries:
                    reason = (
                        f"delivered {times} times, and each time {cause} before it was completed; "
                        "it is not delivered again"
                    )
                    await self._give_up(lease.item, lease.work, POISON_WORK_ITEM, reason)
                elif times == 1:
                    self._later(lease.item, 0)
                else:
                    self._later(lease.item, self._pause(times - 1))

    async def _give_up(self, item: Item, work: Any, error_type: str, reason: str) -> None:
        log.warning("work_item_parked", kind=item.kind.name, name=item.name, key=item.key, reason=reason)
        change: Change[None]
        if item.kind is Kind.ORCHESTRATION:
            change = turns.fail(item.key, error_type, f"the orchestration's turn was parked: {reason}")
        elif item.kind is Kind.ACTIVITY:
            change = activities.fail(item.key, error_type, f"activity '{item.name}' was parked: {reason}")
        else:
            assert isinstance(work, BatchWork)
            change = entities.fail_first(work, f"the operation on '{item.name}' was parked: {reason}")
        await self._insist(parking.parked(item, reason, change))
        self.counts.parked[item.kind] += 1
        self._requeue(item)

    async def _insist(self, change: Change[Any]) -> Any:
        """Store a change that nobody would repeat for us, however long the database refuses."""
        for attempt in itertools.count(1):
            try:
                return await self.writer.submit(change)
            except HubError as error:
                log.warning("write_postponed", error=str(error), attempt=attempt)
                await asyncio.sleep(self._pause(attempt))
        raise AssertionError("unreachable")

    def _pause(self, times: int) -> float:
        longest = min(self._backoff_cap, self._backoff * 2.0 ** min(times, 16))
        return longest * random.uniform(0.5, 1.0)

    def _later(self, item: Item, seconds: float) -> None:
        """Hand a held item out again after a pause."""
        if seconds <= 0:
            self._requeue(item)
        else:
            self._loop.call_later(seconds, self._requeue, item)

    def _requeue(self, item: Item) -> None:
        self.schedule.release(item)
        self.schedule.ready(item)
        self._wake.set()

    async def watch_leases(self) -> None:
        """Take back what hung workers hold, until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            over = self.schedule.expired(self._loop.time())
            self.take_back(over, "the lease ended")

    def connect(self, session: Session) -> None:
        """A worker's stream opened."""
        self.schedule.open(session)
        self._wake.set()

    def disconnect(self, session: Session) -> None:
        """A worker's stream broke; everything it had goes to others at once."""
        leases = self.schedule.close(session)
        if not self._draining:
            self.take_back(leases, "the worker went away")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def settle(self) -> None:
        """Wait for what runs in the background."""
        waiting: list[Awaitable[None]] = list(self._background)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _valid(lease: Lease | None) -> Lease:
    if lease is None:
        raise StaleToken("the work item was given to another worker, or is already complete")
    return lease

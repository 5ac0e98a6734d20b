"""The bookkeeping of ready items, sessions and leases."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from taskhub.scheduling import Filter, Item, Kind, Lease, ReadyQueue, Schedule, Session

HUB = 1
LEASE_SECONDS = 10.0


def session(
    limits: tuple[int, int, int] = (2, 2, 2),
    filters: tuple[Filter | None, Filter | None, Filter | None] = (None, None, None),
) -> Session:
    return Session(HUB, limits, filters, asyncio.Queue())


def item(key: int, kind: Kind = Kind.ACTIVITY, name: str = "a", version: str | None = None) -> Item:
    return Item(kind, HUB, key, name, version)


class Bookkeeping(RuleBasedStateMachine):
    """Whatever happens, an item is in one place, and counts are right."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule(LEASE_SECONDS)
        self.workers: list[Session] = []
        self.leases: dict[str, Lease] = {}
        self.now = 0.0
        self.tokens = 0

    @rule(key=st.integers(0, 8), kind=st.sampled_from(Kind), name=st.sampled_from("ab"))
    def becomes_ready(self, key: int, kind: Kind, name: str) -> None:
        self.schedule.ready(item(key, kind, name))

    @rule()
    @precondition(lambda self: len(self.workers) < 3)
    def connects(self) -> None:
        worker = session()
        self.workers.append(worker)
        self.schedule.open(worker)

    @rule()
    def hands_out(self) -> None:
        match = self.schedule.next_match()
        if match is None:
            return
        worker, found = match
        assert worker.room(found.kind)
        self.tokens += 1
        lease = self.schedule.grant(str(self.tokens), worker, found, None, self.now)
        self.leases[lease.token] = lease

    @rule()
    @precondition(lambda self: self.leases)
    def completes(self) -> None:
        token, lease = self.leases.popitem()
        assert self.schedule.redeem(token, lease.item.kind) is lease
        assert self.schedule.redeem(token, lease.item.kind) is None
        self.schedule.release(lease.item)

    @rule(seconds=st.floats(0, 2 * LEASE_SECONDS))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        over = self.schedule.expired(self.now)
        assert {lease.token for lease in over} == {
            token for token, lease in self.leases.items() if lease.deadline <= self.now
        }
        for lease in over:
            del self.leases[lease.token]
            self.schedule.release(lease.item)
            self.schedule.ready(lease.item)

    @rule()
    @precondition(lambda self: self.workers)
    def disconnects(self) -> None:
        worker = self.workers.pop()
        for lease in self.schedule.close(worker):
            del self.leases[lease.token]
            self.schedule.release(lease.item)
            self.schedule.ready(lease.item)

    @invariant()
    def nothing_is_in_two_hands(self) -> None:
        held = [(lease.item.kind, lease.item.key) for lease in self.leases.values()]
        assert len(held) == len(set(held))
        for kind, key in held:
            assert key not in self.schedule.queue(HUB, kind)

    @invariant()
    def workers_have_what_they_asked_for_at_most(self) -> None:
        for worker in self.workers:
            mine = [lease for lease in self.leases.values() if lease.session is worker]
            assert worker.running == [sum(lease.item.kind is kind for lease in mine) for kind in Kind]
            assert all(count <= limit for count, limit in zip(worker.running, worker.limits, strict=True))


Bookkeeping.TestCase.settings = settings(max_examples=60, deadline=None)
test_bookkeeping = Bookkeeping.TestCase


def test_names_take_turns() -> None:
    queue = ReadyQueue(100)
    for key in range(4):
        queue.add(item(key, name="many"))
    queue.add(item(9, name="rare"))
    order = [queue.take(session(), Kind.ACTIVITY) for _ in range(3)]
    assert [one.name for one in order if one] == ["many", "rare", "many"]


def test_an_item_given_back_goes_to_others_first_and_is_nobodys_burden_once_done() -> None:
    schedule = Schedule(LEASE_SECONDS)
    old, new = session(), session()
    schedule.open(old)
    schedule.ready(item(1))

    def handed_to() -> Session | None:
        match = schedule.next_match()
        if match is not None:
            schedule.release(match[1])
        return match[0] if match else None

    assert handed_to() is old
    assert [schedule.refuse(old, item(1)), schedule.refuse(old, item(1))] == [1, 2]
    schedule.ready(item(1))
    assert handed_to() is old, "nobody else is there"
    schedule.open(new)
    schedule.ready(item(1))
    schedule.ready(item(2))
    assert {handed_to(), handed_to()} == {old, new}
    schedule.refuse(new, item(1))
    schedule.ready(item(1))
    assert handed_to() is old, "everybody gave it back"
    schedule.forgive(item(1))
    assert schedule.refuse(new, item(1)) == 1


def test_a_full_queue_remembers_that_the_database_holds_more() -> None:
    queue = ReadyQueue(2, reserved=1)
    queue.begin_refill()
    for key in range(3):
        queue.add(item(key))
    assert len(queue) == 2
    assert not queue.wants_refill
    while queue.take(session(), Kind.ACTIVITY):
        pass
    assert queue.wants_refill


def test_a_flood_of_one_name_leaves_room_for_the_others() -> None:
    queue = ReadyQueue(10, reserved=2)
    queue.begin_refill()
    for key in range(50):
        queue.add(item(key, name="flood"))
    queue.add(item(50, name="rare"))
    assert 50 in queue
    assert queue.plentiful == {("flood", None)}
    assert not queue.wants_refill


def test_what_no_worker_takes_is_not_kept_in_memory() -> None:
    schedule = Schedule(LEASE_SECONDS)
    picky = session(filters=(None, {"a": frozenset({"1"})}, None))
    schedule.open(picky)
    queue = schedule.queue(HUB, Kind.ACTIVITY)
    queue.begin_refill()
    schedule.ready(item(1, name="a", version="1"))
    schedule.ready(item(2, name="a", version="2"))
    schedule.ready(item(3, name="b"))
    assert len(queue) == 1
    schedule.close(picky)
    assert len(queue) == 0
    schedule.open(session())
    assert queue.wants_refill


def test_workers_want_together_what_each_of_them_wants() -> None:
    schedule = Schedule(LEASE_SECONDS)
    assert schedule.wanted(HUB, Kind.ACTIVITY) == {}
    schedule.open(session(filters=(None, {"a": frozenset({"1"}), "b": frozenset({"1"})}, None)))
    schedule.open(session(filters=(None, {"a": frozenset({"2"}), "b": frozenset()}, None)))
    assert schedule.wanted(HUB, Kind.ACTIVITY) == {"a": frozenset({"1", "2"}), "b": frozenset()}
    schedule.open(session())
    assert schedule.wanted(HUB, Kind.ACTIVITY) is None


def test_the_least_busy_worker_is_served_first() -> None:
    schedule = Schedule(LEASE_SECONDS)
    busy, idle = session(), session()
    schedule.open(busy)
    schedule.open(idle)
    schedule.grant("t", busy, item(1), None, 0.0)
    schedule.ready(item(2))
    match = schedule.next_match()
    assert match is not None
    assert match[0] is idle


@pytest.mark.parametrize(
    ("name", "version", "accepted"),
    [
        ("a", None, True),
        ("a", "7", True),
        ("b", "1", True),
        ("b", "2", False),
        ("b", None, False),
        ("c", None, False),
    ],
)
def test_filters_accept_by_name_and_version(name: str, version: str | None, accepted: bool) -> None:
    wanted: Filter = {"a": frozenset(), "b": frozenset({"1"})}
    assert session(filters=(None, wanted, None)).accepts(Kind.ACTIVITY, name, version) is accepted


def test_a_worker_that_does_not_read_gets_no_more() -> None:
    slow = session(limits=(1000, 1000, 1000))
    slow.send(b"x" * 40_000_000)
    assert not slow.room(Kind.ACTIVITY)

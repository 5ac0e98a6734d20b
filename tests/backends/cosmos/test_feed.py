"""The change feed: each event once and in order, over restarts, replicas and splits."""

import asyncio

import pytest

from backends.azure.case_store import CosmosCaseStore, open_case_store
from casework import events as ev
from casework.alert import case_id_for
from casework.commands import open_case
from casework.errors import UnavailableError
from casework.places import START, Place, at, parse_place
from casework.policy import Terms
from casework.ports import CaseStore, StoredEvent
from tests.builders import CASE_ID, NOW, event, make_alert, story_until_review
from tests.peers.cosmos.desk import Desk


async def open_some(store: CaseStore, first: int, count: int) -> None:
    for number in range(first, first + count):
        alert = make_alert(alert_id=f"A-{number:03}")
        await store.append(case_id_for(alert.alert_id), [open_case(alert, Terms(), NOW)])


async def read_on(store: CaseStore, cursor: Place, page: int = 4) -> tuple[list[StoredEvent], Place]:
    found: list[StoredEvent] = []
    while True:
        changes = await store.changes(cursor, page)
        found += changes.events
        if changes.end == cursor:
            return found, cursor
        cursor = changes.end


def names(found: list[StoredEvent]) -> list[tuple[str, int]]:
    return [(each.event.case_id, each.event.seq) for each in found]


async def test_a_cursor_is_good_after_a_restart_and_in_another_process(
    desk: Desk, store: CosmosCaseStore
) -> None:
    await open_some(store, 0, 12)
    whole, _ = await read_on(store, START)
    for each in whole:
        async with open_case_store(desk.settings, desk.credential) as other:
            rest, _ = await read_on(other, parse_place(str(each.cursor)), 3)
        assert sorted(names(rest)) == sorted(n for n in names(whole) if n not in _seen(whole, each))


def _seen(whole: list[StoredEvent], last: StoredEvent) -> list[tuple[str, int]]:
    return names([each for each in whole if last.cursor.has(each.mark)])


async def test_a_transaction_can_be_left_in_the_middle(store: CosmosCaseStore) -> None:
    await store.append(CASE_ID, story_until_review())
    first = await store.changes(START, 3)
    assert [each.event.seq for each in first.events] == [1, 2, 3]
    rest, _ = await read_on(store, parse_place(str(first.end)))
    assert [each.event.seq for each in rest] == [4, 5, 6, 7]


async def test_a_split_loses_nothing_and_repeats_nothing(desk: Desk, store: CosmosCaseStore) -> None:
    await open_some(store, 0, 20)
    before = await store.changes(START, 7)
    for range_id in ("0", "2"):
        desk.peer.split("fraud", "cases", range_id)
    await open_some(store, 20, 20)
    rest, end = await read_on(store, before.end)
    everything = names([*before.events, *rest])
    assert len(everything) == len(set(everything)) == 40
    assert len(end.lanes) == 6
    async with open_case_store(desk.settings, desk.credential) as afterwards:
        for each in [*before.events, *rest][::9]:
            later, _ = await read_on(afterwards, each.cursor)
            assert set(names(later)) == set(everything) - set(_seen([*before.events, *rest], each))


async def test_the_head_is_known_although_a_partition_split_since_the_last_look(
    desk: Desk, store: CosmosCaseStore
) -> None:
    await open_some(store, 0, 8)
    before = await store.head()
    desk.peer.split("fraud", "cases", "1")
    after = await store.head()
    assert (len(before.lanes), len(after.lanes)) == (4, 5)
    assert after.covers(before) and await read_on(store, after) == ([], after)


async def test_each_event_comes_with_a_case_at_least_as_new(store: CosmosCaseStore) -> None:
    await store.append(CASE_ID, story_until_review())
    first = await store.changes(START, 2)
    await store.append(CASE_ID, [event(ev.NoteAdded(text="n"), "n")])
    rest, _ = await read_on(store, first.end)
    assert all(each.case.seq >= each.event.seq for each in [*first.events, *rest])
    assert rest[-1].case.notes == 1


async def test_what_another_process_writes_is_noticed(desk: Desk, store: CosmosCaseStore) -> None:
    head = await store.head()
    waiting = asyncio.create_task(store.wait_for_changes(head, 30))
    await asyncio.sleep(0)
    async with open_case_store(desk.settings, desk.credential) as other:
        await other.append(CASE_ID, story_until_review())
    assert await asyncio.wait_for(waiting, 20)


async def test_many_who_wait_share_one_who_looks(desk: Desk, store: CosmosCaseStore) -> None:
    head = await store.head()
    before = store.charges.requests["head"]
    assert not any(await asyncio.gather(*(store.wait_for_changes(head, 0.05) for _ in range(20))))
    assert store.charges.requests["head"] - before <= 2 * len(head.lanes)


async def test_a_feed_that_is_away_for_a_while_is_waited_for(desk: Desk, store: CosmosCaseStore) -> None:
    head = await store.head()
    desk.peer.fault("malformed", operation="change_feed", times=1)
    waiting = asyncio.create_task(store.wait_for_changes(head, 30))
    await asyncio.sleep(0)
    async with open_case_store(desk.settings, desk.credential) as other:
        await other.append(CASE_ID, story_until_review())
    assert await asyncio.wait_for(waiting, 20)


async def test_a_container_that_was_made_anew_is_another_record(desk: Desk, store: CosmosCaseStore) -> None:
    await open_some(store, 0, 3)
    old = await store.head()
    desk.empty()
    async with open_case_store(desk.settings, desk.credential) as anew:
        await open_some(anew, 0, 5)
        assert not (await anew.head()).covers(old)
        for cursor in (old, at(3)):
            with pytest.raises(UnavailableError, match="read afresh"):
                await anew.changes(cursor)


async def test_the_sdk_writes_the_tokens_that_places_are_made_of(store: CosmosCaseStore) -> None:
    """A change feed token of another version of the SDK would have to be learned first."""
    await open_some(store, 0, 3)
    head = await store.head()
    assert head == parse_place(str(head))
    assert [lane.until for lane in head.lanes][-1] == "~"
    assert len(head.lanes) == 4

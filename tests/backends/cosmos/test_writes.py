"""Appending to cases in Cosmos DB: lost answers, throttling, races between processes."""

import asyncio

import pytest

from backends.azure.case_store import CosmosCaseStore, open_case_store
from casework import events as ev
from casework.audit import audit_case
from casework.canonical import verify_chain
from casework.errors import (
    InvalidInputError,
    OverloadedError,
    SequenceError,
    TransitionError,
    UnavailableError,
)
from casework.events import NewEvent
from casework.finding import Specialist, ToolCall
from tests.builders import CASE_ID, event, story_until_review
from tests.peers.cosmos.desk import Desk
from tests.peers.cosmos.faults import Kind

WRITES = len(story_until_review())


def note(number: int) -> NewEvent:
    return event(ev.NoteAdded(text="n"), f"n:{number}")


@pytest.mark.parametrize("expected", [True, False])
async def test_an_append_whose_answer_is_lost_is_known_for_our_own(
    desk: Desk, store: CosmosCaseStore, expected: bool
) -> None:
    desk.peer.fault("lose_response", operation="batch")
    opened = await store.append(CASE_ID, story_until_review(), expected_seq=0 if expected else None)
    assert len(opened.events) == WRITES
    desk.peer.fault("lose_response", operation="batch")
    noted = await store.append(CASE_ID, [note(1)], expected_seq=WRITES if expected else None)
    assert [each.seq for each in noted.events] == [WRITES + 1]
    assert await store.load(CASE_ID) == noted.case
    assert verify_chain(await store.links(CASE_ID)) is None


async def test_an_append_that_is_lost_on_its_way_is_made_again(desk: Desk, store: CosmosCaseStore) -> None:
    desk.peer.fault("drop_request", operation="batch")
    assert len((await store.append(CASE_ID, story_until_review())).events) == WRITES


async def test_of_an_append_that_was_made_before_only_what_is_new_is_written(
    desk: Desk, store: CosmosCaseStore
) -> None:
    await store.append(CASE_ID, story_until_review())
    async with open_case_store(desk.settings, desk.credential) as other:
        again = await other.append(CASE_ID, [*story_until_review(), note(1)])
    assert [each.body.type for each in again.events] == ["note_added"]
    assert again.case.seq == WRITES + 1


async def test_two_processes_that_write_to_one_case_write_one_chain(
    desk: Desk, store: CosmosCaseStore
) -> None:
    await store.append(CASE_ID, story_until_review())
    async with open_case_store(desk.settings, desk.credential) as other:
        both = (store, other)
        await asyncio.gather(*(both[n % 2].append(CASE_ID, [note(n)]) for n in range(12)))
        case = await other.load(CASE_ID)
    assert case.notes == 12
    assert audit_case(CASE_ID, await store.links(CASE_ID), case) is None


async def test_of_two_processes_that_expect_the_same_event_one_is_refused(
    desk: Desk, store: CosmosCaseStore
) -> None:
    await store.append(CASE_ID, story_until_review())
    async with open_case_store(desk.settings, desk.credential) as other:
        await other.load(CASE_ID)
        await store.append(CASE_ID, [note(1)], expected_seq=WRITES)
        with pytest.raises(SequenceError, match="reload"):
            await other.append(CASE_ID, [note(2)], expected_seq=WRITES)


async def test_a_projection_remembered_from_before_refuses_nothing_that_is_possible_now(
    desk: Desk, store: CosmosCaseStore
) -> None:
    story = story_until_review()
    await store.append(CASE_ID, story[:1])
    async with open_case_store(desk.settings, desk.credential) as other:
        await other.append(CASE_ID, story[1:-1])
        assert len((await store.append(CASE_ID, story[-1:])).events) == 1
        with pytest.raises(TransitionError):
            await other.append(CASE_ID, [event(ev.ActionStarted(action="clear", attempt=1), "x")])


async def test_a_burst_of_throttling_is_waited_out(desk: Desk, store: CosmosCaseStore) -> None:
    desk.peer.fault("throttle", operation="batch", times=5)
    assert len((await store.append(CASE_ID, story_until_review())).events) == WRITES


async def test_throttling_without_end_is_said_in_words(desk: Desk, store: CosmosCaseStore) -> None:
    desk.peer.fault("throttle", operation="batch", times=-1, retry_after_ms=1)
    with pytest.raises(OverloadedError, match="provisioned"):
        await store.append(CASE_ID, story_until_review())


async def test_what_is_not_answered_in_time_is_given_up(desk: Desk) -> None:
    settings = desk.settings.model_copy(update={"cosmos_patience_seconds": 0.2})
    async with open_case_store(settings, desk.credential) as store:
        desk.peer.fault("slow", operation="read_item", seconds=2)
        with pytest.raises(UnavailableError, match=r"no answer within 0\.2 s"):
            await store.load(CASE_ID)
    await asyncio.sleep(0.05)  # the connection that was given up says goodbye, or the next test is blamed


async def test_an_identity_that_may_only_read_is_told_which_role_to_ask_for(desk: Desk) -> None:
    desk.peer.grant_everyone("reader")
    async with open_case_store(desk.settings, desk.credential) as store:
        with pytest.raises(UnavailableError, match="Data Contributor") as told:
            await store.append(CASE_ID, story_until_review())
    assert "az cosmosdb sql role assignment create" in str(told.value)


async def test_more_events_than_one_transaction_takes_are_refused(store: CosmosCaseStore) -> None:
    with pytest.raises(InvalidInputError, match="99"):
        await store.append(CASE_ID, [*story_until_review(), *(note(n) for n in range(100))])


@pytest.mark.parametrize("expected", [True, False])
@pytest.mark.parametrize("kind", ["timeout_after", "malformed"])
async def test_an_append_that_was_made_and_is_answered_with_an_error_is_known_for_our_own(
    desk: Desk, store: CosmosCaseStore, kind: Kind, expected: bool
) -> None:
    await store.append(CASE_ID, story_until_review())
    desk.peer.fault(kind, operation="batch", times=1)
    noted = await store.append(CASE_ID, [note(1)], expected_seq=WRITES if expected else None)
    assert [each.seq for each in noted.events] == [WRITES + 1]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_what_is_larger_than_a_transaction_is_no_matter_of_trying_again(store: CosmosCaseStore) -> None:
    await store.append(CASE_ID, story_until_review()[:2])
    calls = [ToolCall(call_id=str(number), tool="t", result="x" * 900_000) for number in range(3)]
    events = [
        event(ev.ToolCalled(attempt=1, specialist=Specialist.USAGE, call=call), f"t:{call.call_id}")
        for call in calls
    ]
    with pytest.raises(InvalidInputError, match="too large together"):
        await store.append(CASE_ID, events)
    assert len((await store.append(CASE_ID, events[:1])).events) == 1

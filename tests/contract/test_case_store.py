"""What every case store does, whatever it is made of."""

import asyncio
from datetime import datetime, timedelta

import pytest

from backends.signing import KeyRing, new_key, signer_from_pem
from casework import events as ev
from casework.alert import case_id_for
from casework.audit import audit_case
from casework.commands import claim, open_case, submit_decision
from casework.errors import (
    AlreadyDecidedError,
    InvalidInputError,
    NotFoundError,
    SequenceError,
    TransitionError,
)
from casework.events import NewEvent
from casework.finding import ToolCall
from casework.history import replay
from casework.places import START, Place, parse_place
from casework.policy import Terms
from casework.ports import CaseQuery, CaseStore, StoredEvent
from casework.recording import record
from casework.signing import signed
from casework.transitions import Status
from tests.builders import (
    CASE_ID,
    NOW,
    event,
    make_alert,
    make_finding,
    make_person,
    make_request,
    story_until_review,
)


async def test_a_signed_order_is_kept_with_its_signature_for_its_place(cases: CaseStore) -> None:
    signer = signer_from_pem(new_key(), "a test's key")
    await cases.append(CASE_ID, story_until_review())
    done = await record(
        cases,
        CASE_ID,
        lambda case: signed(submit_decision(case, make_request(case), make_person(), NOW), case, signer),
    )
    links = await cases.links(CASE_ID)
    ring = KeyRing(lambda: frozenset({signer.key}))
    assert links[-1] == done.events[-1].link
    assert audit_case(CASE_ID, links, done.case, ring) is None
    unknown = audit_case(CASE_ID, links, done.case, KeyRing())
    assert unknown is not None
    assert unknown.seq == len(links)


def linking(*others: int) -> NewEvent:
    """A finding that the case's customer and others use the same device."""
    device = {"shared": "device", "value": "D-1", "evidence": []}
    found = {"links": [{"customer_id": other, "in_common": [device]} for other in others]}
    call = ToolCall(call_id="c", tool="get_linked_entities", result=found)
    finding = ev.FindingRecorded(finding=make_finding(tool_calls=(call,)))
    return event(finding, f"found {others}")


async def test_the_projection_keeps_the_customers_that_a_finding_links(cases: CaseStore) -> None:
    done = await cases.append(CASE_ID, [*story_until_review()[:2], linking(12, 9)])
    assert done.case.linked_customers == (9, 12)
    assert (await cases.load(CASE_ID)).linked_customers == (9, 12)
    assert audit_case(CASE_ID, await cases.links(CASE_ID), await cases.load(CASE_ID)) is None


async def investigated(cases: CaseStore, alert_id: str, customer: int, *linked: int) -> None:
    """A case of a customer in which a finding names others."""
    story = story_until_review(make_alert(alert_id=alert_id, customer_id=customer))[:2]
    await cases.append(case_id_for(alert_id), [*story, *([linking(*linked)] if linked else [])])


async def test_cases_of_linked_customers_are_counted_whichever_case_found_the_link(cases: CaseStore) -> None:
    await investigated(cases, "A-1", 7, 9, 12, 7)
    await investigated(cases, "A-2", 7, 9)
    await investigated(cases, "A-3", 9)
    await investigated(cases, "A-4", 9)
    await investigated(cases, "A-5", 20, 9, 7)
    await investigated(cases, "A-6", 30)
    asked = {7, 9, 12, 20, 30, 99}
    assert await cases.linked_counts(asked) == {7: 3, 9: 3, 12: 2, 20: 4}
    assert await cases.linked_counts({30}) == await cases.linked_counts(set()) == {}


async def test_a_link_found_later_counts_from_then_on(cases: CaseStore) -> None:
    await investigated(cases, "A-1", 7)
    await investigated(cases, "A-2", 9)
    assert await cases.linked_counts({7, 9}) == {}
    await cases.append("fraud-A-1", [linking(9)])
    assert await cases.linked_counts({7, 9}) == {7: 1, 9: 1}


async def test_many_customers_are_counted_at_once(cases: CaseStore) -> None:
    await investigated(cases, "A-1", 7, 250)
    await investigated(cases, "A-2", 250)
    assert await cases.linked_counts(set(range(1, 500))) == {7: 1, 250: 1}


async def open_many(cases: CaseStore, count: int) -> list[str]:
    """Cases A-000, A-001 … of customers 1, 2, 1, 2 …"""
    alerts = [make_alert(alert_id=f"A-{n:03}", customer_id=n % 2 + 1) for n in range(count)]
    for number, alert in enumerate(alerts):
        opened = open_case(alert, Terms(), NOW + timedelta(seconds=number))
        await cases.append(case_id_for(alert.alert_id), [opened])
    return [case_id_for(alert.alert_id) for alert in alerts]


async def read_on(cases: CaseStore, cursor: Place, page: int) -> list[StoredEvent]:
    """Everything after a cursor, page by page."""
    found: list[StoredEvent] = []
    while True:
        changes = await cases.changes(cursor, page)
        assert len(changes.events) <= page
        if changes.end == cursor:
            return found
        found += changes.events
        cursor = changes.end


def query(**changes: object) -> CaseQuery:
    return CaseQuery.model_validate({"now": NOW, "sort": "opened", **changes})


async def test_the_projection_is_the_replay_of_the_record(cases: CaseStore) -> None:
    appended = await cases.append(CASE_ID, story_until_review())
    assert appended.case.status is Status.AWAITING_REVIEW
    assert await cases.load(CASE_ID) == appended.case == replay(await cases.events(CASE_ID))
    assert audit_case(CASE_ID, await cases.links(CASE_ID), appended.case) is None


async def test_an_event_that_is_there_already_changes_nothing(cases: CaseStore) -> None:
    await cases.append(CASE_ID, story_until_review())
    again = await cases.append(CASE_ID, story_until_review())
    assert again.events == ()
    assert again.case.seq == len(story_until_review())


async def test_a_refused_event_leaves_nothing_of_its_batch(cases: CaseStore) -> None:
    await cases.append(CASE_ID, story_until_review())
    before = await cases.load(CASE_ID)
    batch = [event(ev.NoteAdded(text="n"), "n"), event(ev.ActionStarted(action="clear", attempt=1), "x")]
    with pytest.raises(TransitionError):
        await cases.append(CASE_ID, batch)
    assert await cases.load(CASE_ID) == before


async def test_one_bad_write_does_not_spoil_others_made_at_the_same_time(cases: CaseStore) -> None:
    await cases.append(CASE_ID, story_until_review())
    good = [cases.append(CASE_ID, [event(ev.NoteAdded(text="n"), f"n:{n}")]) for n in range(20)]
    bad = [cases.append("fraud-none", [event(ev.NoteAdded(text="n"), "n")]) for _ in range(20)]
    results = await asyncio.gather(
        *(item for pair in zip(good, bad, strict=True) for item in pair), return_exceptions=True
    )
    assert [isinstance(result, NotFoundError) for result in results] == [False, True] * 20
    assert (await cases.load(CASE_ID)).notes == 20


async def test_a_stale_sequence_number_is_refused(cases: CaseStore) -> None:
    await cases.append(CASE_ID, story_until_review())
    with pytest.raises(SequenceError, match="reload"):
        await cases.append(CASE_ID, [event(ev.NoteAdded(text="n"), "n")], expected_seq=1)


async def test_unknown_cases_are_said_to_be_unknown(cases: CaseStore) -> None:
    for attempt in (cases.load("fraud-none"), cases.events("fraud-none"), cases.links("fraud-none")):
        with pytest.raises(NotFoundError, match="fraud-none"):
            await attempt


async def test_of_many_concurrent_decisions_exactly_one_wins(cases: CaseStore) -> None:
    await cases.append(CASE_ID, story_until_review())

    async def decide(name: str) -> str:
        def command(case):  # type: ignore[no-untyped-def]
            return submit_decision(case, make_request(case), make_person(name), NOW)

        try:
            await record(cases, CASE_ID, command)
        except AlreadyDecidedError as error:
            return str(error)
        return "won"

    results = await asyncio.gather(*(decide(f"p{n}") for n in range(8)))
    assert results.count("won") == 1
    winner = (await cases.load(CASE_ID)).decision
    assert winner is not None
    assert all(winner.summary in told for told in results if told != "won")


async def test_changes_come_once_each_in_order_and_resume_anywhere(cases: CaseStore) -> None:
    await open_many(cases, 10)
    await cases.append(CASE_ID, story_until_review())
    whole = await read_on(cases, START, 1000)
    assert len({item.mark for item in whole}) == len(whole) == 10 + len(story_until_review())
    for number, item in enumerate(whole):
        assert [item.cursor.has(other.mark) for other in whole] == [n <= number for n in range(len(whole))]
        rest = await read_on(cases, parse_place(str(item.cursor)), 1000)
        assert [later.event for later in rest] == [later.event for later in whole[number + 1 :]]
    assert [item.mark for item in await read_on(cases, START, 3)] == [item.mark for item in whole]
    assert [item.event.seq for item in whole if item.event.case_id == CASE_ID] == list(range(1, 8))


async def test_there_is_nothing_after_the_head(cases: CaseStore) -> None:
    assert (await cases.head()).is_start
    await open_many(cases, 10)
    head = await cases.head()
    assert await read_on(cases, head, 10) == []
    assert all(head.has(item.mark) for item in await read_on(cases, START, 10))
    await cases.append(CASE_ID, story_until_review())
    assert len(await read_on(cases, head, 10)) == len(story_until_review())


async def test_waiting_ends_when_something_is_written_and_not_before(cases: CaseStore) -> None:
    await cases.append(CASE_ID, story_until_review())
    head = await cases.head()
    assert not await cases.wait_for_changes(head, 0.05)
    waiting = asyncio.create_task(cases.wait_for_changes(head, 30))
    await asyncio.sleep(0)
    await cases.append(CASE_ID, [event(ev.NoteAdded(text="n"), "n")])
    assert await asyncio.wait_for(waiting, 10)


@pytest.mark.parametrize("sort", ["deadline", "risk", "opened", "updated"])
@pytest.mark.parametrize("descending", [False, True])
async def test_pages_hold_every_case_once(cases: CaseStore, sort: str, descending: bool) -> None:
    ids = await open_many(cases, 11)
    found, cursor = [], None
    while True:
        page = await cases.find(query(sort=sort, descending=descending, limit=4, cursor=cursor))
        found += [case.case_id for case in page.cases]
        assert page.total == 11
        if (cursor := page.next_cursor) is None:
            break
    assert sorted(found) == ids
    if sort == "opened":
        assert found == sorted(ids, reverse=descending)


async def test_cases_are_found_by_what_is_known_of_them(cases: CaseStore) -> None:
    await open_many(cases, 6)
    await cases.append(CASE_ID, story_until_review(make_alert(customer_id=9, description="100% of_it")))
    one = {"fraud-A-1"}

    async def found(**changes: object) -> set[str]:
        return {case.case_id for case in (await cases.find(query(**changes))).cases}

    assert await found(statuses={"awaiting_review"}) == one
    assert await found(customer_id=9) == one
    assert await found(min_risk=0.5) == one
    assert await found(text="100% OF_IT") == one
    assert await found(text="10%it") == set()
    assert len(await found(text="a-00")) == 6
    assert len(await found(max_risk=0.1)) == 0
    assert len(await found(severity="medium", alert_type="spending_spike")) == 7


async def test_an_expired_claim_is_no_claim(cases: CaseStore) -> None:
    await open_many(cases, 2)
    ann = make_person("ann")
    await record(cases, "fraud-A-000", lambda case: claim(case, ann, NOW, 60))
    later = NOW + timedelta(seconds=60)
    assert (await cases.find(query(claimed_by="local:ann"))).total == 1
    assert (await cases.find(query(claimed_by=""))).total == 1
    assert (await cases.find(query(claimed_by="local:ann", now=later))).total == 0
    assert (await cases.find(query(claimed_by="", now=later))).total == 2


@pytest.mark.parametrize("cursor", ["x", "", "e30", "WyJyaXNrIiwgZmFsc2UsIDEsICJhIl0"])
async def test_a_cursor_that_is_none_is_refused(cases: CaseStore, cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        await cases.find(query(cursor=cursor))


async def test_what_the_flow_still_owes_is_found(cases: CaseStore) -> None:
    await open_many(cases, 2)
    assert len(await cases.unstarted(NOW + timedelta(hours=1))) == 2
    assert len(await cases.unstarted(NOW)) == 0
    await cases.append(CASE_ID, story_until_review())
    await record(cases, CASE_ID, lambda case: submit_decision(case, make_request(case), make_person(), NOW))
    assert [case.case_id for case in await cases.due_decisions(NOW + timedelta(seconds=1))] == [CASE_ID]
    await cases.append(CASE_ID, [event(ev.DecisionApplied(decision_id="d", review=1), "applied:1")])
    assert await cases.due_decisions(NOW + timedelta(seconds=1)) == ()


async def test_the_desk_is_counted(cases: CaseStore) -> None:
    await open_many(cases, 3)
    await cases.append(CASE_ID, story_until_review())
    await cases.append(CASE_ID, [event(ev.CaseClosed(outcome=ev.Outcome.FAILED), "closed")])
    counts = await cases.counts()
    assert (counts[Status.OPEN], counts[Status.CLOSED], counts[Status.HELD]) == (3, 1, 0)
    assert await cases.tally("outcome") == {"failed": 1}
    assert await cases.case_ids(limit=2) == ("fraud-A-000", "fraud-A-001")
    assert [case.case_id for case in await cases.related(1)] == ["fraud-A-002", "fraud-A-000"]


async def test_what_is_put_off_is_listed_apart_until_its_time(cases: CaseStore) -> None:
    until = NOW + timedelta(hours=2)
    await cases.append(CASE_ID, [*story_until_review(), event(ev.Deferred(until=until), "deferred:1")])

    async def found(now: datetime, deferred: bool) -> int:
        return (await cases.find(CaseQuery(deferred=deferred, now=now))).total

    assert (await found(NOW, True), await found(NOW, False)) == (1, 0)
    assert (await found(until, True), await found(until, False)) == (0, 1)
    assert await cases.due_deferrals(until - timedelta(seconds=1)) == ()
    assert [case.case_id for case in await cases.due_deferrals(until)] == [CASE_ID]
    await cases.append(CASE_ID, [event(ev.DeferralEnded(), "ended:1")])
    assert await cases.due_deferrals(until) == ()

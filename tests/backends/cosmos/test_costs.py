"""What queries cost, in request units as the service counts them: bounded, and known."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from backends.azure.case_store import CosmosCaseStore
from casework import events as ev
from casework.alert import case_id_for
from casework.commands import open_case
from casework.policy import Terms
from casework.ports import CaseQuery
from tests.builders import CASE_ID, NOW, event, make_alert, story_until_review

CASES = 120
PARTITIONS = 4
Ask = Callable[[CosmosCaseStore], Awaitable[object]]


async def fill(store: CosmosCaseStore, first: int, count: int) -> None:
    for number in range(first, first + count):
        alert = make_alert(alert_id=f"A-{number:04}", customer_id=number % 40 + 1)
        opened = open_case(alert, Terms(), NOW + timedelta(seconds=number))
        await store.append(case_id_for(alert.alert_id), [opened])


def query(**changes: object) -> CaseQuery:
    return CaseQuery.model_validate({"now": NOW, "limit": 10, **changes})


LATER = NOW + timedelta(days=1)
QUERIES: dict[str, tuple[Ask, float]] = {
    "a page": (lambda store: store.find(query(sort="deadline")), 40),
    "a page of a customer": (lambda store: store.find(query(customer_id=3)), 40),
    "a page of what waits": (lambda store: store.find(query(statuses={"awaiting_review"})), 40),
    "a page by words": (lambda store: store.find(query(text="a-00")), 45),
    "counts": (lambda store: store.counts(), 16 * PARTITIONS * 3),
    "rules": (lambda store: store.tally("rule"), 40),
    "due decisions": (lambda store: store.due_decisions(LATER), 15),
    "due deferrals": (lambda store: store.due_deferrals(LATER), 15),
    "unstarted": (lambda store: store.unstarted(LATER, 10), 40),
    "related": (lambda store: store.related(3), 20),
    "counts of customers": (lambda store: store.customer_counts({1, 2, 3}), 20),
    "ids": (lambda store: store.case_ids(limit=10), 40),
    "one case": (lambda store: store.load("fraud-A-0001"), 2),
    "one record": (lambda store: store.events("fraud-A-0001"), 6),
    "the head": (lambda store: store.head(), PARTITIONS * 1.5),
}


async def spent(store: CosmosCaseStore, ask: Ask) -> float:
    store.charges.total.clear()
    await ask(store)
    return sum(store.charges.total.values())


async def test_every_query_stays_within_its_bound(store: CosmosCaseStore) -> None:
    await fill(store, 0, CASES)
    charges = {name: await spent(store, ask) for name, (ask, _) in QUERIES.items()}
    assert {name: cost for name, cost in charges.items() if not 0 < cost <= QUERIES[name][1]} == {}


async def test_what_is_asked_all_the_time_costs_no_more_when_there_are_more_cases(
    store: CosmosCaseStore,
) -> None:
    constant = ("due decisions", "due deferrals", "one case", "one record", "the head")
    await fill(store, 0, 20)
    before = [await spent(store, QUERIES[name][0]) for name in constant]
    await fill(store, 20, CASES)
    assert [await spent(store, QUERIES[name][0]) for name in constant] == pytest.approx(before, rel=0.1)


async def test_an_append_costs_no_more_when_the_record_is_long(store: CosmosCaseStore) -> None:
    def noted(number: int) -> Ask:
        return lambda store: store.append(CASE_ID, [event(ev.NoteAdded(text="n"), f"n:{number}")])

    await store.append(CASE_ID, story_until_review())
    costs = [await spent(store, noted(number)) for number in range(40)]
    assert costs[-1] == pytest.approx(costs[0], rel=0.1)
    assert costs[0] < 35


async def test_an_append_to_a_case_that_was_just_read_is_one_request(store: CosmosCaseStore) -> None:
    case = (await store.append(CASE_ID, story_until_review())).case
    store.charges.requests.clear()
    await store.load(CASE_ID)
    await store.append(CASE_ID, [event(ev.NoteAdded(text="n"), "n")], expected_seq=case.seq)
    assert store.charges.requests == {"load": 1, "append": 1}


async def test_charges_are_logged_by_what_was_asked(store: CosmosCaseStore) -> None:
    with capture_logs() as logged:
        await store.related(1)
    assert {each["asked"] for each in logged if each["event"] == "cosmos_charge"} == {"related"}
    assert store.charges.total["related"] > 0

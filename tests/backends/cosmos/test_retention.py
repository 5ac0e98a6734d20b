"""Closed cases are kept as long as the settings say, and never vanish without a trace."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from azure.cosmos.aio import CosmosClient

from backends.azure.case_retention import GRACE
from backends.azure.case_store import CosmosCaseStore, open_case_store
from casework import events as ev
from casework.canonical import verify_chain
from casework.errors import NotFoundError
from casework.places import START
from casework.ports import CaseQuery
from tests.builders import CASE_ID, NOW, event, make_alert, story_until_review
from tests.peers.cosmos.desk import Desk

KEPT = timedelta(days=30)
LATER = NOW + KEPT + timedelta(days=1)
CLOSED = [*story_until_review(), event(ev.CaseClosed(outcome=ev.Outcome.FAILED), "closed")]


@pytest.fixture
async def keeping(desk: Desk) -> AsyncIterator[CosmosCaseStore]:
    settings = desk.settings.model_copy(update={"cosmos_retention_days": KEPT.days})
    async with open_case_store(settings, desk.credential) as store:
        yield store


async def test_without_a_setting_everything_is_kept(store: CosmosCaseStore) -> None:
    await store.append(CASE_ID, CLOSED)
    assert await store.retire(NOW + timedelta(days=10_000)) == 0
    assert (await store.load(CASE_ID)).outcome is ev.Outcome.FAILED


async def test_only_closed_cases_that_nobody_touched_for_long_enough_are_retired(
    keeping: CosmosCaseStore,
) -> None:
    await keeping.append(CASE_ID, CLOSED)
    await keeping.append("fraud-A-2", story_until_review(make_alert(alert_id="A-2")))
    assert await keeping.retire(NOW + KEPT - timedelta(days=1)) == 0
    assert await keeping.retire(LATER) == 1
    assert await keeping.case_ids() == ("fraud-A-2",)
    assert (await keeping.find(CaseQuery(now=NOW))).total == 1
    assert await keeping.customer_counts({make_alert().customer_id}) == {make_alert().customer_id: 1}


async def test_a_retired_case_leaves_a_headstone_without_its_customer(
    desk: Desk, keeping: CosmosCaseStore
) -> None:
    last = (await keeping.append(CASE_ID, CLOSED)).case
    await keeping.retire(LATER)
    assert verify_chain(await keeping.links(CASE_ID)) is None
    with pytest.raises(NotFoundError, match=last.head_hash):
        await keeping.load(CASE_ID)
    with pytest.raises(NotFoundError, match="retired"):
        await keeping.append(CASE_ID, story_until_review()[:1])
    desk.peer.advance(GRACE.total_seconds() + 60)
    with pytest.raises(NotFoundError, match="ended with hash"):
        await keeping.links(CASE_ID)
    stones = [each for each in desk.peer.documents("fraud", "cases") if each["kind"] == "retired"]
    assert [(each["case_id"], each["seq"]) for each in stones] == [(CASE_ID, len(CLOSED))]
    assert "customer" not in str(stones)


async def test_what_was_interrupted_is_finished(desk: Desk, keeping: CosmosCaseStore) -> None:
    await keeping.append(CASE_ID, CLOSED)
    await keeping.retire(LATER)
    await _as_if_interrupted(desk)
    assert await keeping.retire(LATER) == 0
    documents = desk.peer.documents("fraud", "cases")
    assert {each["kind"] for each in documents} == {"retired", "event"}
    assert all(each["ttl"] == GRACE.total_seconds() for each in documents if each["kind"] == "event")


async def _as_if_interrupted(desk: Desk) -> None:
    async with CosmosClient(desk.settings.cosmos_address, desk.credential) as client:
        container = client.get_database_client("fraud").get_container_client("cases")
        for document in desk.peer.documents("fraud", "cases"):
            if document["kind"] == "retired":
                await container.upsert_item({**document, "kind": "retiring"})
            elif document["seq"] > 3:
                await container.upsert_item({name: document[name] for name in document if name != "ttl"})


async def test_retiring_shows_nobody_old_events_as_new_ones(keeping: CosmosCaseStore) -> None:
    await keeping.append(CASE_ID, CLOSED)
    head = await keeping.head()
    await keeping.retire(LATER)
    await keeping.append("fraud-A-2", story_until_review(make_alert(alert_id="A-2"))[:1])
    for start in (head, START):
        seen, cursor = list[str](), start
        while (changes := await keeping.changes(cursor)).end != cursor:
            seen += [each.event.case_id for each in changes.events]
            cursor = changes.end
        assert seen == ["fraud-A-2"]

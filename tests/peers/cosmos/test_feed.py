"""The change feed through the SDK: complete, in order, resumable, over several partitions and splits."""

from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy

from tests.peers.cosmos import CosmosPeer


async def fill(cases: ContainerProxy, numbers: range) -> None:
    for n in numbers:
        await cases.upsert_item({"id": f"i-{n}", "caseId": f"C-{n % 10}", "n": n})


async def drain(cases: ContainerProxy, token: str | None = None, **options: Any) -> tuple[list[Any], str]:
    """All changes since the token, and the token after them."""
    options = {} if token else {"start_time": "Beginning", **options}
    pages = cases.query_items_change_feed(**options).by_page(token)
    found = [item async for page in pages async for item in page]
    return found, pages.continuation_token or cases.client_connection.last_response_headers["etag"]


async def test_from_the_beginning_each_item_comes_once_in_its_newest_version(cases: ContainerProxy) -> None:
    await fill(cases, range(30))
    await cases.upsert_item({"id": "i-3", "caseId": "C-3", "n": 300})
    await cases.delete_item("i-4", "C-4")
    found, _ = await drain(cases)
    assert sorted(item["n"] for item in found) == sorted({*range(30), 300} - {3, 4})


async def test_a_case_keeps_its_order_and_every_item_its_sequence_number(cases: ContainerProxy) -> None:
    await fill(cases, range(30))
    found, _ = await drain(cases, max_item_count=2)
    for case in range(10):
        own = [item for item in found if item["caseId"] == f"C-{case}"]
        assert [item["n"] for item in own] == [case, case + 10, case + 20]
        assert [item["_lsn"] for item in own] == sorted(item["_lsn"] for item in own)


async def test_a_token_continues_where_the_last_reader_stopped(cases: ContainerProxy) -> None:
    await fill(cases, range(20))
    _, token = await drain(cases)
    assert await drain(cases, token) == ([], token) or (await drain(cases, token))[0] == []
    await fill(cases, range(20, 25))
    found, token = await drain(cases, token)
    assert sorted(item["n"] for item in found) == list(range(20, 25))
    assert (await drain(cases, token))[0] == []


async def test_every_page_of_a_feed_range_has_a_token_that_loses_and_repeats_nothing(
    cases: ContainerProxy,
) -> None:
    await fill(cases, range(40))
    seen = [n async for feed_range in cases.read_feed_ranges() for n in await one_by_one(cases, feed_range)]
    assert sorted(seen) == list(range(40))


async def one_by_one(cases: ContainerProxy, feed_range: dict[str, Any]) -> list[int]:
    """Each page with a new iterator, as a reader that is restarted after each."""
    seen: list[int] = []
    token: str | None = None
    while True:
        start = {} if token else {"feed_range": feed_range, "start_time": "Beginning"}
        pages = cases.query_items_change_feed(max_item_count=3, **start).by_page(token)
        try:
            page = [item["n"] async for item in await anext(pages)]
        except StopAsyncIteration:
            return seen
        seen, token = seen + page, pages.continuation_token


async def test_the_sdk_cannot_resume_within_its_first_round_over_several_partitions(
    cases: ContainerProxy,
) -> None:
    """Its token then names ranges that were not read yet, which it does not take back."""
    await fill(cases, range(40))
    pages = cases.query_items_change_feed(start_time="Beginning", max_item_count=3).by_page()
    assert [item async for item in await anext(pages)]
    with pytest.raises(ValueError, match="Missing token"):
        await drain(cases, pages.continuation_token)


async def test_from_now_only_later_writes_come(cases: ContainerProxy) -> None:
    await fill(cases, range(5))
    pages = cases.query_items_change_feed(start_time="Now").by_page()
    assert [item async for page in pages async for item in page] == []
    token = cases.client_connection.last_response_headers["etag"]
    await fill(cases, range(5, 8))
    found, _ = await drain(cases, token)
    assert sorted(item["n"] for item in found) == [5, 6, 7]


async def test_a_transaction_is_never_cut_by_a_page(cases: ContainerProxy) -> None:
    for start in (0, 10):
        batch = [("create", ({"id": f"e-{start + n}", "caseId": "C", "n": start + n},)) for n in range(5)]
        await cases.execute_item_batch(batch, partition_key="C")
    pages = cases.query_items_change_feed(start_time="Beginning", max_item_count=2).by_page()
    sizes = [len([item async for item in page]) async for page in pages]
    assert sizes == [5, 5]


async def test_a_feed_range_has_the_changes_of_its_partition_only(cases: ContainerProxy) -> None:
    await fill(cases, range(30))
    parts: list[list[int]] = []
    async for feed_range in cases.read_feed_ranges():
        changes = cases.query_items_change_feed(feed_range=feed_range, start_time="Beginning")
        parts.append([item["n"] async for item in changes])
    assert len(parts) == 4
    assert sorted(n for part in parts for n in part) == list(range(30))


async def test_a_partition_key_has_a_feed_of_its_own(cases: ContainerProxy) -> None:
    await fill(cases, range(30))
    changes = cases.query_items_change_feed(partition_key="C-7", start_time="Beginning")
    assert [item["n"] async for item in changes] == [7, 17, 27]


async def test_a_split_neither_loses_nor_repeats_a_change(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await fill(cases, range(20))
    found, token = await drain(cases)
    assert len(found) == 20
    peer.split("fraud", "cases", "1")
    await fill(cases, range(20, 40))
    peer.split("fraud", "cases", "2")
    found, token = await drain(cases, token)
    assert sorted(item["n"] for item in found) == list(range(20, 40))
    assert (await drain(cases, token))[0] == []


async def test_deletes_come_with_all_versions(cases: ContainerProxy) -> None:
    options = {"mode": "AllVersionsAndDeletes"}
    pages = cases.query_items_change_feed(start_time="Now", **options).by_page()
    assert [item async for page in pages async for item in page] == []
    token = cases.client_connection.last_response_headers["etag"]
    await fill(cases, range(1))
    await fill(cases, range(1))
    await cases.delete_item("i-0", "C-0")
    found = [item async for page in cases.query_items_change_feed().by_page(token) async for item in page]
    assert [item["metadata"]["operationType"] for item in found] == ["create", "replace", "delete"]


async def test_an_empty_poll_is_a_cheap_304_for_each_partition(
    cases: ContainerProxy, peer: CosmosPeer
) -> None:
    await fill(cases, range(5))
    _, token = await drain(cases)
    peer.counters.reset()
    await drain(cases, token)
    polls = [call for call in peer.counters.calls if call.operation == "change_feed"]
    assert {call.status for call in polls} == {304}
    assert len(polls) <= 5
    assert peer.counters.ru <= 6

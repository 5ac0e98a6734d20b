"""Queries through the SDK: within a partition key and across four physical partitions."""

from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from tests.peers.cosmos import CosmosPeer

STATUSES = ("open", "closed", "waiting")
INDEXING = {
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": "/note/?"}],
    "compositeIndexes": [[{"path": "/status", "order": "ascending"}, {"path": "/n", "order": "descending"}]],
}


@pytest.fixture
async def filled(peer: CosmosPeer, cases: ContainerProxy) -> ContainerProxy:
    """Sixty items of twenty cases."""
    peer.account.database("fraud").container("cases").definition["indexingPolicy"] = INDEXING
    items = [
        {
            "id": f"i-{n:02}",
            "caseId": f"C-{n % 20}",
            "n": n,
            "status": STATUSES[n % 3],
            "note": f"note {n}",
        }
        for n in range(60)
    ]
    peer.seed("fraud", "cases", items)
    return cases


async def run(container: ContainerProxy, text: str, **options: Any) -> list[Any]:
    return [value async for value in container.query_items(text, **options)]


async def test_the_items_lie_in_all_physical_partitions(filled: ContainerProxy, peer: CosmosPeer) -> None:
    partitions = peer.account.database("fraud").container("cases").partitions
    assert all(partition.logical for partition in partitions)


async def test_a_query_in_one_partition_key_is_one_request(filled: ContainerProxy, peer: CosmosPeer) -> None:
    text = "SELECT VALUE c.n FROM c WHERE c.n > @low ORDER BY c.n DESC"
    parameters = [{"name": "@low", "value": 10}]
    assert await run(filled, text, parameters=parameters, partition_key="C-5") == [45, 25]
    assert peer.counters.requests["query"] == 1


async def test_a_plain_query_over_all_partitions_is_served_by_the_gateway(
    filled: ContainerProxy, peer: CosmosPeer
) -> None:
    found = await run(filled, "SELECT VALUE c.n FROM c WHERE c.status = 'open'")
    assert sorted(found) == list(range(0, 60, 3))
    assert peer.counters.requests["query_plan"] == 0


async def test_pages_follow_each_other_with_continuation_tokens(filled: ContainerProxy) -> None:
    found: list[int] = []
    token, sizes = None, []
    while True:
        pages = filled.query_items("SELECT VALUE c.n FROM c", max_item_count=7).by_page(token)
        page = [n async for n in await anext(pages)]
        found, sizes, token = found + page, [*sizes, len(page)], pages.continuation_token
        if token is None:
            break
    assert sorted(found) == list(range(60))
    assert max(sizes) == 7


async def test_pages_of_an_ordered_partition_survive_writes_between_them(filled: ContainerProxy) -> None:
    text, options = "SELECT * FROM c ORDER BY c.n", {"partition_key": "C-5", "max_item_count": 1}
    pages = filled.query_items(text, **options).by_page()
    assert [item["n"] async for item in await anext(pages)] == [5]
    token = pages.continuation_token
    await filled.create_item({"id": "early", "caseId": "C-5", "n": 1})
    await filled.create_item({"id": "late", "caseId": "C-5", "n": 30})
    rest = filled.query_items(text, **options).by_page(token)
    assert [item["n"] async for page in rest async for item in page] == [25, 30, 45]


async def test_an_order_over_all_partitions_is_merged_by_the_sdk(
    filled: ContainerProxy, peer: CosmosPeer
) -> None:
    found = await run(filled, "SELECT c.n FROM c WHERE c.n >= 10 ORDER BY c.n DESC", max_item_count=5)
    assert found == [{"n": n} for n in range(59, 9, -1)]
    assert peer.counters.requests["query_plan"] == 1
    refused = [call for call in peer.counters.calls if call.status == 400]
    assert [call.operation for call in refused] == ["query"]


async def test_the_first_page_of_an_order_asks_each_partition_once(
    filled: ContainerProxy, peer: CosmosPeer
) -> None:
    text = "SELECT TOP 10 * FROM c WHERE c.status = 'open' ORDER BY c.n DESC"
    assert [item["n"] for item in await run(filled, text)] == [57, 54, 51, 48, 45, 42, 39, 36, 33, 30]
    ranges = sorted(str(call.range_id) for call in peer.counters.calls if call.range_id)
    assert ranges == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT VALUE COUNT(1) FROM c WHERE c.status = 'open'", [20]),
        ("SELECT VALUE SUM(c.n) FROM c", [1770]),
        ("SELECT VALUE MIN(c.n) FROM c WHERE c.n > 7", [8]),
        ("SELECT VALUE MAX(c.n) FROM c", [59]),
        ("SELECT VALUE AVG(c.n) FROM c", [29.5]),
        ("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 10 LIMIT 3", [10, 11, 12]),
        ("SELECT TOP 2 VALUE c.n FROM c ORDER BY c.n", [0, 1]),
        ("SELECT DISTINCT VALUE c.status FROM c ORDER BY c.status", ["closed", "open", "waiting"]),
        ("SELECT VALUE c.n FROM c ORDER BY c.status, c.n DESC OFFSET 19 LIMIT 2", [1, 57]),
        ("SELECT VALUE c.n FROM c ORDER BY c.status DESC, c.n ASC OFFSET 0 LIMIT 1", [2]),
    ],
)
async def test_results_of_partitions_add_up(filled: ContainerProxy, text: str, expected: list[Any]) -> None:
    assert await run(filled, text) == expected


async def test_distinct_values_without_order(filled: ContainerProxy) -> None:
    assert sorted(await run(filled, "SELECT DISTINCT VALUE c.status FROM c")) == sorted(STATUSES)
    found = await run(filled, "SELECT DISTINCT c.status FROM c", partition_key="C-1", max_item_count=1)
    assert sorted(item["status"] for item in found) == sorted(STATUSES)


async def test_distinct_values_stay_distinct_over_pages(filled: ContainerProxy, peer: CosmosPeer) -> None:
    seed_big_case(peer)
    text = "SELECT DISTINCT VALUE c.n % 3 FROM c"
    assert await run(filled, text, partition_key="big", max_item_count=1) == [0, 1, 2]


async def test_groups_only_within_a_partition_key(filled: ContainerProxy) -> None:
    text = "SELECT c.status, COUNT(1) AS n, MAX(c.n) AS top FROM c GROUP BY c.status"
    found = await run(filled, text, partition_key="C-0")
    assert sorted(item["status"] for item in found) == sorted(STATUSES)
    with pytest.raises(CosmosHttpResponseError, match="GroupBy"):
        await run(filled, text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT COUNT(1) AS n FROM c",
        "SELECT VALUE {'n': COUNT(1), 'top': MAX(c.n)} FROM c",
        "SELECT * FROM c ORDER BY c.n, c.status",
        "SELECT * FROM c ORDER BY c.note",
        "SELECT * FROM c ORDER BY LOWER(c.status)",
        "SELECT * FROM c WHERE c.n ==",
    ],
    ids=["no value", "two aggregates", "no composite index", "not indexed", "no path", "no syntax"],
)
async def test_what_the_service_does_not_serve_is_a_bad_request(filled: ContainerProxy, text: str) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        await run(filled, text)
    assert refused.value.status_code == 400


async def test_a_filter_on_the_partition_key_reads_one_partition(
    filled: ContainerProxy, peer: CosmosPeer
) -> None:
    assert len(await run(filled, "SELECT * FROM c WHERE c.caseId = 'C-3' AND c.n > 0")) == 3
    peer.counters.reset()
    assert await run(filled, "SELECT VALUE c.n FROM c WHERE c.caseId = 'C-3' ORDER BY c.n") == [3, 23, 43]
    assert len([call for call in peer.counters.calls if call.range_id]) == 1


async def test_a_scan_costs_what_it_reads_and_an_index_what_it_finds(
    filled: ContainerProxy, peer: CosmosPeer
) -> None:
    seed_big_case(peer)
    costs: dict[str, float] = {}
    for name, condition in {
        "seek": "c.n = 250",
        "scan": "c.note = '250'",
        "index scan": "CONTAINS(c.status, 'zzz')",
    }.items():
        peer.counters.reset()
        await run(filled, f"SELECT * FROM c WHERE {condition}", partition_key="big")
        costs[name] = peer.counters.charge_of("query")
    assert costs["seek"] < 3
    assert costs["seek"] < costs["index scan"] < costs["scan"] / 3
    peer.counters.reset()
    await run(filled, "SELECT VALUE COUNT(1) FROM c", partition_key="big")
    assert peer.counters.charge_of("query") < 3


async def test_the_first_rows_cost_little_where_filter_and_order_share_an_index(
    filled: ContainerProxy, peer: CosmosPeer
) -> None:
    seed_big_case(peer)
    costs: list[float] = []
    for order in ("c.status, c.n DESC", "c.n DESC"):
        peer.counters.reset()
        text = f"SELECT TOP 5 VALUE c.n FROM c WHERE c.status = 'open' ORDER BY {order}"
        assert await run(filled, text, partition_key="big") == [299, 298, 297, 296, 295]
        costs.append(peer.counters.charge_of("query"))
    assert costs[0] < 4 < costs[1]


def seed_big_case(peer: CosmosPeer) -> None:
    """Three hundred items of a kilobyte in one partition key."""
    text = "x" * 1000
    items = [{"id": f"x{n}", "caseId": "big", "n": n, "note": f"{n}", "text": text} for n in range(300)]
    peer.seed("fraud", "cases", [{**item, "status": "open"} for item in items])


async def test_reading_many_items_takes_one_query_a_partition(
    filled: ContainerProxy, peer: CosmosPeer
) -> None:
    wanted = [(f"i-{n:02}", f"C-{n % 20}") for n in (59, 3, 41, 7, 22, 13)]
    found = await filled.read_items([*wanted, ("absent", "C-1")])
    assert [item["id"] for item in found] == [item_id for item_id, _ in wanted]
    assert peer.counters.requests["query"] + peer.counters.requests["read_item"] <= 4


async def test_a_query_may_be_kept_to_a_feed_range(filled: ContainerProxy) -> None:
    found: list[int] = []
    async for feed_range in filled.read_feed_ranges():
        part = await run(filled, "SELECT VALUE c.n FROM c", feed_range=feed_range, max_item_count=4)
        assert 0 < len(part) < 60
        found += part
    assert sorted(found) == list(range(60))


async def test_all_items_can_be_listed(filled: ContainerProxy) -> None:
    assert len([item async for item in filled.read_all_items(max_item_count=11)]) == 60


async def test_a_join_is_paged_row_by_row(filled: ContainerProxy) -> None:
    await filled.create_item({"id": "tagged", "caseId": "C-t", "tags": ["a", "b", "c"]})
    pages = filled.query_items(
        "SELECT VALUE t FROM c JOIN t IN c.tags", partition_key="C-t", max_item_count=2
    ).by_page()
    assert [[tag async for tag in page] async for page in pages] == [["a", "b"], ["c"]]


async def test_a_token_that_is_none_is_refused(filled: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="continuation"):
        await anext(filled.query_items("SELECT * FROM c").by_page("garbage"))

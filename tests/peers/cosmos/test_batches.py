"""Transactional batches: all or nothing."""

import pytest
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from tests.peers.cosmos import CosmosPeer


def event(number: int) -> dict[str, object]:
    return {"id": f"event-{number}", "caseId": "C-1", "seq": number}


async def test_a_batch_writes_all_of_its_operations(cases: ContainerProxy) -> None:
    head = await cases.create_item({"id": "case", "caseId": "C-1", "seq": 0})
    results = await cases.execute_item_batch(
        [
            ("create", (event(1),)),
            ("replace", ("case", {**head, "seq": 1}), {"if_match_etag": head["_etag"]}),
            ("upsert", ({"id": "note", "caseId": "C-1"},)),
            ("patch", ("note", [{"op": "set", "path": "/text", "value": "x"}])),
            ("read", ("note",)),
            ("delete", ("note",)),
        ],
        partition_key="C-1",
    )
    assert [result["statusCode"] for result in results] == [201, 200, 201, 200, 200, 204]
    assert results[4]["resourceBody"]["text"] == "x"
    found = cases.query_items("SELECT c.id, c.seq FROM c", partition_key="C-1")
    assert [item async for item in found] == [{"id": "case", "seq": 1}, {"id": "event-1", "seq": 1}]


async def test_a_batch_that_fails_leaves_nothing_behind(cases: ContainerProxy, peer: CosmosPeer) -> None:
    head = await cases.create_item({"id": "case", "caseId": "C-1", "seq": 0})
    await cases.replace_item("case", {**head, "seq": 1})
    with pytest.raises(CosmosBatchOperationError) as refused:
        await cases.execute_item_batch(
            [
                ("create", (event(1),)),
                ("delete", ("case",)),
                ("upsert", ({"id": "case", "caseId": "C-1"},)),
                ("create", (event(1),)),
            ],
            partition_key="C-1",
        )
    assert refused.value.error_index == 3
    assert refused.value.status_code == 409
    assert [each["statusCode"] for each in refused.value.operation_responses] == [424, 424, 424, 409]
    stored = peer.documents("fraud", "cases")
    assert [(item["id"], item["seq"]) for item in stored] == [("case", 1)]


async def test_a_stale_etag_fails_the_whole_batch(cases: ContainerProxy, peer: CosmosPeer) -> None:
    head = await cases.create_item({"id": "case", "caseId": "C-1", "seq": 0})
    await cases.replace_item("case", {**head, "seq": 1})
    with pytest.raises(CosmosBatchOperationError) as refused:
        await cases.execute_item_batch(
            [("create", (event(1),)), ("replace", ("case", head), {"if_match_etag": head["_etag"]})],
            partition_key="C-1",
        )
    assert refused.value.status_code == 412
    assert len(peer.documents("fraud", "cases")) == 1


async def test_a_batch_has_at_most_a_hundred_operations(cases: ContainerProxy) -> None:
    await cases.execute_item_batch([("create", (event(n),)) for n in range(100)], partition_key="C-1")
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cases.execute_item_batch([("create", (event(n),)) for n in range(101)], partition_key="C-2")
    assert refused.value.status_code == 400


async def test_a_batch_stays_in_its_partition(cases: ContainerProxy) -> None:
    with pytest.raises(CosmosBatchOperationError) as refused:
        await cases.execute_item_batch([("create", (event(1),))], partition_key="C-2")
    assert refused.value.status_code == 400

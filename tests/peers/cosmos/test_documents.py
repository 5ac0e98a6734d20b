"""Single documents: what each write and read does, and what it refuses."""

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from tests.peers.cosmos import CosmosPeer

CASE = {"id": "case", "caseId": "C-1", "status": "open", "tags": ["a"], "n": 1}


async def test_a_created_document_reads_back_with_its_system_properties(cases: ContainerProxy) -> None:
    created = await cases.create_item(CASE)
    read = await cases.read_item("case", "C-1")
    assert read == created
    assert {"_rid", "_self", "_etag", "_attachments", "_ts"} == read.keys() - CASE.keys()


async def test_creating_twice_is_a_conflict_only_within_a_partition_key(cases: ContainerProxy) -> None:
    await cases.create_item(CASE)
    with pytest.raises(CosmosResourceExistsError):
        await cases.create_item(CASE)
    await cases.create_item({**CASE, "caseId": "C-2"})


async def test_a_missing_document_is_not_found(cases: ContainerProxy) -> None:
    with pytest.raises(CosmosResourceNotFoundError):
        await cases.read_item("case", "C-1")
    with pytest.raises(CosmosResourceNotFoundError):
        await cases.delete_item("case", "C-1")


async def test_a_replace_with_a_stale_etag_is_refused(cases: ContainerProxy) -> None:
    first = await cases.create_item(CASE)
    second = await cases.replace_item(
        "case", {**CASE, "n": 2}, etag=first["_etag"], match_condition=MatchConditions.IfNotModified
    )
    assert second["_etag"] != first["_etag"]
    with pytest.raises(CosmosAccessConditionFailedError):
        await cases.replace_item(
            "case", {**CASE, "n": 3}, etag=first["_etag"], match_condition=MatchConditions.IfNotModified
        )
    with pytest.raises(CosmosAccessConditionFailedError):
        await cases.delete_item(
            "case", "C-1", etag=first["_etag"], match_condition=MatchConditions.IfNotModified
        )
    assert (await cases.read_item("case", "C-1"))["n"] == 2


async def test_an_upsert_creates_then_replaces(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.upsert_item(CASE)
    await cases.upsert_item({**CASE, "n": 5})
    assert (await cases.read_item("case", "C-1"))["n"] == 5
    assert [call.status for call in peer.counters.calls if call.operation == "upsert_item"] == [201, 200]


async def test_a_patch_changes_parts(cases: ContainerProxy) -> None:
    await cases.create_item(CASE)
    operations: list[dict[str, Any]] = [
        {"op": "set", "path": "/status", "value": "closed"},
        {"op": "incr", "path": "/n", "value": 4},
        {"op": "add", "path": "/tags/-", "value": "b"},
        {"op": "add", "path": "/note", "value": {"by": "ada"}},
        {"op": "replace", "path": "/note/by", "value": "bob"},
        {"op": "move", "from": "/note/by", "path": "/by"},
        {"op": "remove", "path": "/note"},
    ]
    patched = await cases.patch_item("case", "C-1", operations)
    own = {name: value for name, value in patched.items() if not name.startswith("_")}
    assert own == {**CASE, "status": "closed", "n": 5, "tags": ["a", "b"], "by": "bob"}


async def test_a_patch_holds_to_its_condition(cases: ContainerProxy) -> None:
    await cases.create_item({**CASE, "ops": []})
    once = "FROM c WHERE NOT ARRAY_CONTAINS(c.ops, 'op-1')"
    operations: list[dict[str, Any]] = [
        {"op": "incr", "path": "/n", "value": 10},
        {"op": "add", "path": "/ops/-", "value": "op-1"},
    ]
    await cases.patch_item("case", "C-1", operations, filter_predicate=once)
    with pytest.raises(CosmosAccessConditionFailedError):
        await cases.patch_item("case", "C-1", operations, filter_predicate=once)
    assert (await cases.read_item("case", "C-1"))["n"] == 11


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/absent", "value": 1},
        {"op": "remove", "path": "/absent"},
        {"op": "incr", "path": "/status", "value": 1},
        {"op": "set", "path": "/caseId", "value": "C-2"},
        {"op": "invert", "path": "/n"},
    ],
)
async def test_a_patch_that_cannot_be_applied_is_a_bad_request(
    cases: ContainerProxy, operation: dict[str, Any]
) -> None:
    await cases.create_item(CASE)
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cases.patch_item("case", "C-1", [operation])
    assert refused.value.status_code == 400


@pytest.mark.parametrize("item_id", ["", "a/b", "a?b", "a#b"])
async def test_an_id_that_is_no_path_segment_is_refused(cases: ContainerProxy, item_id: str) -> None:
    with pytest.raises((CosmosHttpResponseError, ValueError)):
        await cases.create_item({**CASE, "id": item_id})


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_document_has_at_most_two_megabytes(cases: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cases.create_item({**CASE, "text": "x" * 2_100_000})
    assert refused.value.status_code == 413


async def test_an_expired_document_is_gone_from_reads_queries_and_the_feed(
    cases: ContainerProxy, peer: CosmosPeer
) -> None:
    peer.provision("fraud", "leases", "/id", defaultTtl=-1)
    leases = _sibling(cases, "leases")
    await leases.create_item({"id": "short", "ttl": 30})
    await leases.create_item({"id": "long"})
    peer.advance(31)
    with pytest.raises(CosmosResourceNotFoundError):
        await leases.read_item("short", "short")
    assert [item["id"] async for item in leases.query_items("SELECT * FROM c")] == ["long"]
    changes = leases.query_items_change_feed(start_time="Beginning")
    assert [item["id"] async for item in changes] == ["long"]
    await leases.create_item({"id": "short"})


async def test_without_a_default_of_the_container_nothing_expires(
    cases: ContainerProxy, peer: CosmosPeer
) -> None:
    await cases.create_item({**CASE, "ttl": 1})
    peer.advance(1000)
    assert await cases.read_item("case", "C-1")


async def test_a_unique_key_holds_within_a_partition(cases: ContainerProxy, peer: CosmosPeer) -> None:
    peer.provision("fraud", "people", "/town", uniqueKeyPolicy={"uniqueKeys": [{"paths": ["/mail"]}]})
    people = _sibling(cases, "people")
    await people.create_item({"id": "1", "town": "x", "mail": "a@example"})
    await people.create_item({"id": "2", "town": "y", "mail": "a@example"})
    with pytest.raises(CosmosResourceExistsError):
        await people.create_item({"id": "3", "town": "x", "mail": "a@example"})


async def test_a_hierarchical_key_reads_by_the_whole_key_and_queries_by_its_beginning(
    cases: ContainerProxy, peer: CosmosPeer
) -> None:
    peer.provision("fraud", "sessions", ["/tenant", "/user"])
    sessions = _sibling(cases, "sessions")
    for user in ("ada", "bob"):
        await sessions.create_item({"id": user, "tenant": "t", "user": user})
    await sessions.create_item({"id": "eve", "tenant": "other", "user": "eve"})
    assert (await sessions.read_item("bob", ["t", "bob"]))["id"] == "bob"
    found = sessions.query_items("SELECT * FROM c", partition_key=["t"])
    assert {item["id"] async for item in found} == {"ada", "bob"}


async def test_charges_follow_size_and_kind(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(CASE)
    await cases.read_item("case", "C-1")
    await cases.replace_item("case", CASE)
    assert peer.counters.charge_of("read_item") == 1
    assert 5 <= peer.counters.charge_of("create_item") <= 6
    assert 9 <= peer.counters.charge_of("replace_item") <= 12
    peer.counters.reset()
    await cases.upsert_item({**CASE, "text": "x" * 20_000})
    assert peer.counters.ru > 20


async def test_a_write_can_do_without_the_document_in_its_answer(cases: ContainerProxy) -> None:
    assert not await cases.create_item(CASE, no_response=True)
    assert await cases.read_item("case", "C-1")


def _sibling(container: ContainerProxy, name: str) -> ContainerProxy:
    link = container.container_link.rpartition("/")[0]
    return ContainerProxy(container.client_connection, link.removesuffix("/colls"), name)

"""The switches: what each does to an unsuspecting SDK."""

import asyncio

import httpx
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError, ServiceRequestError
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
)

from tests.peers.cosmos import CosmosPeer
from tests.peers.cosmos.faults import Throughput
from tests.peers.cosmos.peer import Address
from tests.peers.cosmos.refusals import Refused

ITEM = {"id": "1", "caseId": "C-1", "n": 0}
COUNT = "SELECT VALUE COUNT(1) FROM c"


async def fill(cases: ContainerProxy, items: int) -> None:
    for n in range(items):
        await cases.create_item({"id": f"i-{n}", "caseId": f"C-{n}", "n": n})


async def test_throttled_requests_are_sent_again_by_the_sdk(cases: ContainerProxy, peer: CosmosPeer) -> None:
    peer.fault("throttle", operation="create_item", times=3, retry_after_ms=1)
    await cases.create_item(ITEM)
    assert peer.counters.statuses[429] == 3
    assert len(peer.documents("fraud", "cases")) == 1


async def test_endless_throttling_reaches_the_caller(cases: ContainerProxy, peer: CosmosPeer) -> None:
    fault = peer.fault("throttle", operation="create_item", times=-1, retry_after_ms=1)
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cases.create_item(ITEM)
    assert (refused.value.status_code, refused.value.sub_status) == (429, 3200)
    assert peer.counters.requests["create_item"] == 10
    fault.times = 0
    await cases.create_item(ITEM)


async def test_a_budget_of_request_units_throttles_who_spends_it(
    cases: ContainerProxy, peer: CosmosPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cases.create_item(ITEM)
    monkeypatch.setattr(peer.throughput, "seconds", lambda: 100.998)
    peer.throughput.ru_per_second = 20
    for n in range(4):
        await cases.create_item({**ITEM, "id": f"b-{n}"})
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cases.create_item({**ITEM, "id": "too much"})
    assert refused.value.status_code == 429
    assert refused.value.headers["x-ms-retry-after-ms"] in {"2", "3"}
    monkeypatch.setattr(peer.throughput, "seconds", lambda: 101.0)
    await cases.create_item({**ITEM, "id": "next second"})
    assert len(peer.documents("fraud", "cases")) == 6


def test_spending_more_than_a_second_gives_is_paid_back() -> None:
    times = iter((5.0, 5.5, 6.0, 7.0, 7.9, 8.0))
    throughput = Throughput(lambda: next(times))
    throughput.ru_per_second = 10
    throughput.admit()
    throughput.spend(35)
    for _ in range(4):
        with pytest.raises(Refused):
            throughput.admit()
    throughput.admit()


async def test_a_write_whose_response_is_lost_is_stored_and_sent_again(
    cases: ContainerProxy, peer: CosmosPeer
) -> None:
    await cases.read()
    peer.fault("lose_response", operation="create_item")
    with pytest.raises(CosmosResourceExistsError):
        await cases.create_item(ITEM)
    stored = await cases.read_item("1", "C-1")
    peer.fault("lose_response", operation="replace_item")
    with pytest.raises(CosmosAccessConditionFailedError):
        await cases.replace_item(
            "1", {**ITEM, "n": 1}, etag=stored["_etag"], match_condition=MatchConditions.IfNotModified
        )
    peer.fault("lose_response", operation="patch_item")
    patched = await cases.patch_item("1", "C-1", [{"op": "incr", "path": "/n", "value": 10}])
    assert patched["n"] == 21


async def test_a_lost_response_is_an_error_for_who_does_not_retry(peer: CosmosPeer, address: Address) -> None:
    async with CosmosClient(address.endpoint, peer.credential(), retry_connect=0) as client:
        cases = client.get_database_client("fraud").get_container_client("cases")
        await cases.read()
        peer.fault("lose_response", operation="batch")
        with pytest.raises((ServiceRequestError, AzureError)):
            await cases.execute_item_batch([("create", (ITEM,))], partition_key="C-1", retry_write=0)
    assert peer.counters.requests["batch"] >= 1
    assert len(peer.documents("fraud", "cases")) == 1


async def test_a_request_that_is_dropped_was_never_applied(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.read()
    peer.fault("drop_request", operation="create_item")
    await cases.create_item(ITEM)
    assert [call.status for call in peer.counters.calls if call.operation == "create_item"] == [0, 201]


async def test_a_replica_behind_the_session_is_asked_again(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(ITEM)
    peer.fault("session_lag", operation="read_item")
    assert await cases.read_item("1", "C-1")
    assert peer.counters.requests["read_item"] == 2


async def test_an_unavailable_service_is_asked_again(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(ITEM)
    peer.fault("unavailable", operation="read_item")
    assert await cases.read_item("1", "C-1")
    assert peer.counters.statuses[503] == 1


async def test_a_malformed_reply_is_an_error_of_decoding(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(ITEM)
    peer.fault("malformed", operation="read_item")
    with pytest.raises(DecodeError):
        await cases.read_item("1", "C-1")


async def test_a_slow_reply_is_slow_and_right(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(ITEM)
    peer.fault("slow", operation="read_item", seconds=0.05)
    before = asyncio.get_running_loop().time()
    assert await cases.read_item("1", "C-1")
    assert asyncio.get_running_loop().time() - before >= 0.05


async def test_a_revoked_token_is_an_authentication_error(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(ITEM)
    peer.fault("refuse_token", operation="read_item")
    with pytest.raises((CosmosHttpResponseError, ClientAuthenticationError)) as refused:
        await cases.read_item("1", "C-1")
    assert refused.value.status_code == 401


async def test_reads_and_queries_go_on_over_a_split(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await fill(cases, 40)
    assert [count async for count in cases.query_items(COUNT)] == [40]
    peer.split("fraud", "cases", "0")
    assert (await cases.read_item("i-7", "C-7"))["n"] == 7
    assert len([n async for n in cases.query_items("SELECT VALUE c.n FROM c")]) == 40
    assert len(await cases.read_items([(f"i-{n}", f"C-{n}") for n in range(40)])) == 40
    assert [count async for count in cases.query_items(COUNT)] == [40]


async def test_the_sdk_repeats_rows_when_it_learns_of_a_split_from_an_ordered_query(
    cases: ContainerProxy, peer: CosmosPeer
) -> None:
    """It rebuilds its readers of all ranges, then goes on to add the old ones: nothing lost, some twice."""
    await fill(cases, 40)
    ordered = "SELECT VALUE c.n FROM c ORDER BY c.n"
    assert [n async for n in cases.query_items(ordered)] == list(range(40))
    peer.split("fraud", "cases", "0")
    found = [n async for n in cases.query_items(ordered)]
    assert peer.counters.statuses[410] >= 1
    assert sorted(set(found)) == list(range(40))
    assert found == sorted(found)
    assert [n async for n in cases.query_items(ordered)] == list(range(40))


async def test_pages_that_span_a_split_lose_and_repeat_nothing(
    cases: ContainerProxy, peer: CosmosPeer
) -> None:
    await fill(cases, 40)
    text = "SELECT VALUE c.n FROM c"
    pages = cases.query_items(text, max_item_count=5).by_page()
    found = [n async for n in await anext(pages)]
    token = pages.continuation_token
    peer.split("fraud", "cases", "0")
    rest = cases.query_items(text, max_item_count=5).by_page(token)
    found += [n async for page in rest async for n in page]
    assert sorted(found) == list(range(40))


async def test_a_container_that_was_made_anew_is_found_again(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(ITEM)
    del peer.account.database("fraud").containers["cases"]
    peer.provision("fraud", "cases", "/caseId")
    await cases.create_item(ITEM)
    assert len(peer.documents("fraud", "cases")) == 1


async def test_switches_and_counters_are_reached_over_http(
    cases: ContainerProxy, peer: CosmosPeer, address: Address
) -> None:
    await cases.create_item(ITEM)
    async with httpx.AsyncClient(base_url=address.endpoint, verify=address.client_context()) as http:
        turned = await http.post(
            "/__peer/switches", json={"fault": {"kind": "gone", "times": 0}, "ru_per_second": 500}
        )
        assert turned.json() == {"active": [], "ru_per_second": 500}
        await http.post(
            "/__peer/switches",
            json={"everyone": "reader", "split": {"database": "fraud", "container": "cases"}},
        )
        with pytest.raises(CosmosHttpResponseError):
            await cases.upsert_item(ITEM)
        counted = (await http.get("/__peer/counters")).json()
        assert counted["requests"]["create_item"] == 1
        assert counted["ru"] > 5
        assert (await http.delete("/__peer/counters")).status_code == 204
        assert (await http.get("/__peer/counters")).json()["requests"] == {}
        assert (await http.post("/__peer/switches", json={"lights": "off"})).status_code == 400
        assert (await http.post("/__peer/switches", json={"fault": {"sort": "x"}})).status_code == 400
    assert len(peer.account.database("fraud").container("cases").partitions) == 5

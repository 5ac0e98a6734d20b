"""Keys, tokens and roles: who is let in, and to what."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.identity.aio import ManagedIdentityCredential

from tests.peers.cosmos import CosmosPeer
from tests.peers.cosmos.peer import Address
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.tokens import Issuer

ITEM = {"id": "1", "caseId": "C-1"}


@asynccontextmanager
async def container(address: Address, credential: Any) -> AsyncIterator[ContainerProxy]:
    async with CosmosClient(address.endpoint, credential) as client:
        yield client.get_database_client("fraud").get_container_client("cases")


def status_of(error: pytest.ExceptionInfo[BaseException]) -> tuple[int, int]:
    refused = error.value
    assert isinstance(refused, CosmosHttpResponseError | ClientAuthenticationError)
    return refused.status_code or 0, getattr(refused, "sub_status", 0) or 0


async def test_the_managed_identity_of_the_host_is_let_in(
    peer: CosmosPeer, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = ManagedIdentity(peer.issuer)
    with identity.running() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        async with ManagedIdentityCredential() as credential, container(address, credential) as cases:
            await cases.create_item(ITEM)
    assert identity.asked == ["https://localhost"]


@pytest.mark.parametrize(
    "claims",
    [{"aud": "https://other.example"}, {"iss": "https://login.example/other"}, {"exp": 1_000_000_000}],
    ids=["audience", "issuer", "expired"],
)
async def test_a_token_that_is_not_for_this_account_is_refused(
    peer: CosmosPeer, address: Address, claims: dict[str, Any]
) -> None:
    good = {"aud": "https://localhost"}
    assert await account_status(address, peer.issuer, good) == 200
    assert await account_status(address, peer.issuer, good | claims) == 401
    assert await account_status(address, Issuer(peer.issuer.issuer), good) == 401


async def account_status(address: Address, issuer: Issuer, claims: dict[str, Any]) -> int:
    token = issuer.issue(claims["aud"], **claims)
    async with httpx.AsyncClient(verify=address.client_context()) as http:
        headers = {"authorization": f"type=aad&ver=1.0&sig={token}"}
        return (await http.get(address.endpoint, headers=headers)).status_code


async def test_a_token_whose_key_was_retired_is_refused(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(ITEM)
    peer.issuer.rotate()
    assert await cases.read_item("1", "C-1")
    peer.issuer.retire()
    with pytest.raises((CosmosHttpResponseError, ClientAuthenticationError)) as refused:
        await cases.read_item("1", "C-1")
    assert status_of(refused)[0] == 401


async def test_a_reader_reads_and_queries_and_does_not_write(peer: CosmosPeer, address: Address) -> None:
    peer.assign("ada", "reader")
    async with container(address, peer.credential()) as cases:
        await cases.create_item(ITEM)
    async with container(address, peer.credential("ada")) as cases:
        assert await cases.read_item("1", "C-1")
        assert [item["id"] async for item in cases.query_items("SELECT * FROM c")] == ["1"]
        assert [item["id"] async for item in cases.query_items_change_feed(start_time="Beginning")] == ["1"]
        for write in (
            cases.upsert_item(ITEM),
            cases.delete_item("1", "C-1"),
            cases.execute_item_batch([("delete", ("1",))], partition_key="C-1"),
        ):
            with pytest.raises(CosmosHttpResponseError) as refused:
                await write
            assert status_of(refused) == (403, 5301)


async def test_a_role_reaches_as_far_as_its_scope(peer: CosmosPeer, address: Address) -> None:
    peer.provision("fraud", "other", "/id")
    peer.assign("ada", "contributor", "/dbs/fraud/colls/cases")
    async with CosmosClient(address.endpoint, peer.credential("ada")) as client:
        database = client.get_database_client("fraud")
        await database.get_container_client("cases").create_item(ITEM)
        with pytest.raises(CosmosHttpResponseError) as refused:
            await database.get_container_client("other").create_item({"id": "1"})
    assert status_of(refused) == (403, 5301)


async def test_a_principal_without_role_is_forbidden(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(ITEM)
    peer.grant_everyone(None)
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cases.read_item("1", "C-1")
    assert status_of(refused) == (403, 5301)


async def test_a_role_may_be_taken_away_while_a_client_works(cases: ContainerProxy, peer: CosmosPeer) -> None:
    await cases.create_item(ITEM)
    peer.grant_everyone("reader")
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cases.upsert_item(ITEM)
    assert status_of(refused) == (403, 5301)


async def test_a_data_token_makes_no_containers(client: CosmosClient) -> None:
    database = client.get_database_client("fraud")
    assert await database.create_container_if_not_exists("cases", PartitionKey("/caseId"))
    with pytest.raises(CosmosHttpResponseError) as refused:
        await database.create_container_if_not_exists("new", PartitionKey("/id"))
    assert status_of(refused) == (403, 5300)
    with pytest.raises(CosmosHttpResponseError) as refused:
        await client.create_database_if_not_exists("new")
    assert status_of(refused) == (403, 5300)


async def test_the_account_key_makes_and_changes_containers(peer: CosmosPeer, address: Address) -> None:
    async with CosmosClient(address.endpoint, peer.key) as client:
        database = await client.create_database_if_not_exists("other")
        made = await database.create_container_if_not_exists("c", PartitionKey("/id"), default_ttl=60)
        await made.create_item({"id": "1"})
        await database.replace_container(made, PartitionKey("/id"), default_ttl=-1)
        assert (await made.read())["defaultTtl"] == -1
        assert [each["id"] async for each in database.list_containers()] == ["c"]
        await database.delete_container("c")
        assert [each["id"] async for each in client.list_databases()] == ["fraud", "other"]
        await client.delete_database("other")


async def test_a_wrong_key_and_a_key_of_an_account_without_keys_are_refused(
    peer: CosmosPeer, address: Address
) -> None:
    async with container(address, peer.key) as cases:
        await cases.create_item(ITEM)
        peer.access.key = "b3RoZXI="
        with pytest.raises((CosmosHttpResponseError, ClientAuthenticationError)) as refused:
            await cases.read_item("1", "C-1")
        assert status_of(refused)[0] == 401
        peer.access.reset(peer.key)
        assert await cases.read_item("1", "C-1")
        peer.access.local_auth = False
        with pytest.raises((CosmosHttpResponseError, ClientAuthenticationError)) as refused:
            await cases.read_item("1", "C-1")
        assert status_of(refused)[0] == 401

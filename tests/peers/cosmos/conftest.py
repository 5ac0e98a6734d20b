"""One served account for all tests of the peer, emptied before each."""

from collections.abc import AsyncIterator, Iterator

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient

from tests.peers.cosmos import CosmosPeer
from tests.peers.cosmos.peer import Address


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CosmosPeer, Address]]:
    peer = CosmosPeer()
    with peer.running(tmp_path_factory.mktemp("cosmos")) as address:
        yield peer, address


@pytest.fixture
def address(served: tuple[CosmosPeer, Address]) -> Address:
    return served[1]


@pytest.fixture
def peer(served: tuple[CosmosPeer, Address]) -> CosmosPeer:
    """An account with an empty container `cases`, partitioned by `caseId` over four ranges."""
    served[0].reset()
    served[0].provision("fraud", "cases", "/caseId")
    return served[0]


@pytest.fixture
async def client(peer: CosmosPeer, address: Address) -> AsyncIterator[CosmosClient]:
    async with CosmosClient(address.endpoint, peer.credential()) as client:
        yield client


@pytest.fixture
def cases(client: CosmosClient) -> ContainerProxy:
    return client.get_database_client("fraud").get_container_client("cases")

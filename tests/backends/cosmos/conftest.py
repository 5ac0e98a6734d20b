"""A case store on an account that can be made to misbehave."""

from collections.abc import AsyncIterator

import pytest

from backends.azure.case_store import CosmosCaseStore, open_case_store
from tests.peers.cosmos.desk import Desk


@pytest.fixture
def desk(cosmos: Desk) -> Desk:
    cosmos.empty()
    return cosmos


@pytest.fixture
async def store(desk: Desk) -> AsyncIterator[CosmosCaseStore]:
    async with open_case_store(desk.settings, desk.credential) as opened:
        yield opened

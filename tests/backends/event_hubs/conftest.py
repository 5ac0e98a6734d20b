"""A hub for each test, in a loop that hurries: the SDK mostly sleeps."""

from collections.abc import AsyncIterator

import pytest

from tests.peers.azurite import Azurite
from tests.peers.event_hubs_fixture import HubStand, hub_stand
from tests.peers.hurry import event_loop_policy

__all__ = ["event_loop_policy"]


@pytest.fixture
async def stand(azurite: Azurite) -> AsyncIterator[HubStand]:
    async with hub_stand(azurite) as opened:
        yield opened

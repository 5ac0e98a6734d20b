"""Sending: what is stored comes once, and a hub that takes nothing says so."""

import asyncio

import pytest

from backends.azure.event_bus import open_event_hubs
from casework.errors import OverloadedError, UnavailableError
from tests.backends.event_hubs.replica import has_all, login, reading
from tests.peers.event_hubs_fixture import HubStand
from tests.peers.hurry import EVENT_HUBS

pytestmark = EVENT_HUBS


async def test_an_event_stored_twice_because_its_answer_was_lost_comes_once(stand: HubStand) -> None:
    async with reading(stand) as replica:
        stand.broker.faults.lose_dispositions = 2
        await replica.bus.publish([login(0, customer=1)])
        await replica.bus.publish([login(1, customer=1)])
        assert stand.stored > 2
        await has_all([replica], 2)
        assert replica.ids == ["E-00000", "E-00001"]


async def test_a_busy_hub_says_so_and_what_was_not_taken_can_be_sent_again(stand: HubStand) -> None:
    quick = stand.settings.model_copy(update={"eventhub_send_seconds": 0.8})
    async with open_event_hubs(stand.settings) as bus, open_event_hubs(quick) as hasty:
        await bus.publish([login(0)])
        stand.broker.faults.slow_seconds = 5
        with pytest.raises(UnavailableError, match="EVENTHUB_SEND_SECONDS"):
            await hasty.publish([login(1)])
        stand.broker.faults.slow_seconds = 0
        stand.broker.faults.busy = 1000
        with pytest.raises(OverloadedError, match="takes no more now"):
            await bus.publish([login(1)])
        stand.broker.faults.busy = 0
        assert await bus.publish([login(0), login(1)]) == {"E-00000"}


async def test_too_many_who_wait_to_send_are_told_to_come_again(stand: HubStand) -> None:
    async with open_event_hubs(stand.settings) as bus:
        sending = [asyncio.create_task(bus.publish([login(n)])) for n in range(65)]
        done = await asyncio.gather(*sending, return_exceptions=True)
    refused = [one for one in done if isinstance(one, OverloadedError)]
    assert len(refused) == 1
    assert stand.stored == 64

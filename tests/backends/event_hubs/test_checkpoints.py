"""Where a reader goes on from: its checkpoints, its window, and how far behind it is."""

from datetime import timedelta

import pytest

from backends.azure.event_bus import open_event_hubs
from backends.azure.hub_clients import HubClients
from tests.backends.event_hubs.replica import CONSUMER, WINDOW, has_all, login, owned, reading, send, until
from tests.builders import NOW
from tests.peers.azurite import Azurite
from tests.peers.event_hubs_fixture import HubStand, hub_stand
from tests.peers.hurry import EVENT_HUBS

pytestmark = EVENT_HUBS


async def test_a_reader_goes_back_by_the_window_and_no_further(azurite: Azurite) -> None:
    """From the earliest of the last thousand events, which are of the second hour and later."""
    now = NOW

    def clock() -> float:
        return now.timestamp()

    async with hub_stand(azurite, partitions=1, clock=clock) as stand:
        for hour in range(5):
            now = NOW + timedelta(hours=hour)
            hourly = [login(hour * 300 + n).model_copy(update={"occurred_at": now}) for n in range(300)]
            stand.broker.put("\n".join(event.model_dump_json() for event in hourly).encode(), "0")
        async with reading(stand) as first:
            await has_all([first], 1500)
        async with reading(stand, timedelta(minutes=15)) as again:
            await until(lambda: "E-01499" in again.ids, "the last event")
            assert again.ids == [f"E-{number:05}" for number in range(300, 1500)]


async def test_a_missing_container_is_made_and_a_lost_one_is_made_again(stand: HubStand) -> None:
    async with reading(stand) as replica:
        send(stand, range(10))
        await has_all([replica], 10)
        async with HubClients(stand.settings, None).container() as container:
            await container.delete_container()
            async with reading(stand) as other:
                await until(lambda: len(owned(other)) == 1, "a share for a replica that had none")
                send(stand, range(10, 20))
                await has_all([replica, other], 20)
            assert await container.exists()


@pytest.mark.parametrize(
    "said",
    [
        (None, {"offset": "0"}),
        (
            {"offset": "0", "sequencenumber": "many"},
            {"offset": "0", "sequencenumber": "3", "watermark": "noon"},
        ),
    ],
)
async def test_a_checkpoint_that_cannot_be_read_is_none_and_is_written_anew(
    stand: HubStand, said: tuple[dict[str, str] | None, dict[str, str]]
) -> None:
    clients = HubClients(stand.settings, None)
    folder = f"{clients.namespace}/telemetry/$default.{CONSUMER}/checkpoint"
    async with clients.container() as container:
        await container.create_container()
        for partition, metadata in enumerate(said):
            await container.upload_blob(f"{folder}/{partition}", b"", metadata=metadata)
        send(stand, range(6))
        async with reading(stand, WINDOW) as replica:
            await has_all([replica], 6)
        async with reading(stand) as again:
            send(stand, range(6, 8))
            await until(lambda: {"E-00006", "E-00007"} <= set(again.ids), "what came since")
            assert len(again.ids) == 2


async def test_a_consumer_that_is_behind_says_how_far(stand: HubStand) -> None:
    async with open_event_hubs(stand.settings) as bus:
        for number in range(3):
            stand.broker.put(login(number).model_dump_json().encode(), "1")
        report = await bus.report(CONSUMER)
        assert [(one.partition, one.behind, one.here) for one in report.lag] == [
            ("0", 0, False),
            ("1", 3, False),
        ]
    async with reading(stand) as replica:
        await has_all([replica], 3)
        caught_up = await replica.bus.report(CONSUMER)
        assert [(one.behind, one.here) for one in caught_up.lag] == [(0, True), (0, True)]
    for number in range(3, 8):
        stand.broker.put(login(number).model_dump_json().encode(), "1")
    stand.hub.partitions["1"].forget(before_sequence=6)
    async with reading(stand) as late:
        await until(lambda: len(late.got) == 2, "what retention has left")
        assert (await late.bus.report(CONSUMER)).lag[1].behind <= 2

"""No event lost and none twice, whatever breaks: connections, brokers, replicas, processes."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from tests.backends.event_hubs.replica import Replica, has_all, login, owned, reading, send, until
from tests.peers.azurite import Azurite
from tests.peers.event_hubs_fixture import HubStand, hub_stand
from tests.peers.hurry import EVENT_HUBS

pytestmark = EVENT_HUBS


def in_order(replica: Replica) -> bool:
    """Whether each customer's events came once, in order, from one partition."""
    by_customer: dict[int, list[tuple[str, str]]] = {}
    for partition, event_id in replica.got:
        by_customer.setdefault(int(event_id[2:]) % 7, []).append((partition, event_id))
    return all(found == sorted(set(found)) for found in by_customer.values())


async def test_cut_connections_and_a_restarted_broker_lose_nothing_and_repeat_nothing(
    stand: HubStand,
) -> None:
    async with reading(stand) as replica:
        for wave in range(5):
            await replica.bus.publish([login(wave * 20 + n) for n in range(20)])
            if wave in (1, 2):
                await stand.broker.cut()
            if wave == 3:
                await stand.broker.restart()
        await has_all([replica], 100)
        assert in_order(replica)


async def test_a_stolen_partition_is_taken_back_and_goes_on_from_its_checkpoint(stand: HubStand) -> None:
    async with reading(stand) as replica:
        send(stand, range(20))
        await has_all([replica], 20)
        stand.broker.steal("0")
        stand.broker.steal("1")
        send(stand, range(20, 40))
        await has_all([replica], 40)
        assert in_order(replica)
        assert len(replica.begun) == 4


async def test_replicas_share_the_partitions_and_one_takes_over_from_another(azurite: Azurite) -> None:
    async with hub_stand(azurite, partitions=4) as stand, AsyncExitStack() as stack:
        first = await stack.enter_async_context(reading(stand))
        send(stand, range(30))
        await has_all([first], 30)
        async with reading(stand) as second:
            await until(lambda: len(owned(second)) == 2, "the second replica's share")
            await until(lambda: len(owned(first)) == 2, "the first replica's share")
            send(stand, range(30, 80))
            await has_all([first, second], 80)
            assert {where for where, _ in second.got} <= owned(second)
        send(stand, range(80, 120))
        await has_all([first, second], 120)


async def test_what_was_in_work_when_a_process_was_killed_comes_again(
    stand: HubStand, tmp_path: Path
) -> None:
    send(stand, range(40))
    victim = await _victim(stand, tmp_path)
    assert victim.stdout is not None
    async with asyncio.timeout(120):
        while not (seen := await victim.stdout.readline()).startswith(b"reading"):
            assert seen, (tmp_path / "victim.log").read_text()
    victim.send_signal(signal.SIGKILL)
    await victim.wait()
    async with reading(stand) as replica:
        await has_all([replica], 40)


VICTIM = """
import asyncio, datetime
from backends.azure.event_bus import open_event_hubs
from backends.event_hub_settings import EventHubSettings

async def main():
    async with open_event_hubs(EventHubSettings()) as bus:
        async for batch in bus.subscribe("detector", datetime.timedelta(0)):
            print("reading", len(batch.events), flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


async def _victim(stand: HubStand, tmp_path: Path) -> asyncio.subprocess.Process:
    """A process that reads a batch and never finishes it; it knows the hub by its environment."""
    with (tmp_path / "victim.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            VICTIM,
            env={**os.environ, **environment(stand)},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )


def environment(stand: HubStand) -> dict[str, str]:
    settings, found = stand.settings, {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        secret = getattr(value, "get_secret_value", None)
        if value is not None:
            found[name.upper()] = str(secret() if secret else value)
    return found

"""Replicas that read an event hub, and events for them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

from backends.azure.event_bus import EventHubsBus, open_event_hubs
from backends.azure.hub_clients import HubClients
from casework.telemetry import Login, LoginDetails
from tests.builders import NOW
from tests.peers.event_hubs_fixture import HubStand

WINDOW = timedelta(minutes=5)
CONSUMER = "detector"


def login(number: int, customer: int | None = None) -> Login:
    details = LoginDetails(country="Germany", ip="192.0.2.1", success=True)
    return Login(
        event_id=f"E-{number:05}",
        customer_id=customer if customer is not None else number % 7 + 1,
        occurred_at=NOW + timedelta(seconds=number),
        details=details,
    )


def send(stand: HubStand, numbers: range) -> None:
    """As other systems send: an event for each record."""
    for event in map(login, numbers):
        stand.broker.put(event.model_dump_json().encode(), key=str(event.customer_id))


class Replica:
    """A detection consumer: reads, notes, checkpoints."""

    def __init__(self, bus: EventHubsBus, rewind: timedelta = timedelta(0)) -> None:
        self.bus = bus
        self.got: list[tuple[str, str]] = []
        """Partition and event id, as they came."""
        self.begun: list[str] = []
        self.busy = False
        """Whether something was read whose checkpoint is not yet written."""
        self._rewind = rewind
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with aclosing(self.bus.subscribe(CONSUMER, self._rewind)) as batches:
            async for batch in batches:
                if batch.begins:
                    self.begun.append(batch.partition)
                self.busy = True
                self.got += [(batch.partition, event.event_id) for event in batch.events]
                await batch.done()
                self.busy = False

    @property
    def ids(self) -> list[str]:
        return [event_id for _, event_id in self.got]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def until(true: Callable[[], bool], what: str, seconds: float = 100) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - the other end is a process or the SDK
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


async def has_all(replicas: list[Replica], count: int) -> None:
    wanted = {f"E-{number:05}" for number in range(count)}

    def complete() -> bool:
        got = {event_id for replica in replicas for event_id in replica.ids}
        return got == wanted and not any(replica.busy for replica in replicas)

    await until(complete, f"{count} events")


@asynccontextmanager
async def reading(stand: HubStand, rewind: timedelta = timedelta(0)) -> AsyncIterator[Replica]:
    async with open_event_hubs(stand.settings) as bus:
        replica = Replica(bus, rewind)
        try:
            yield replica
        finally:
            await replica.stop()


def owned(replica: Replica) -> set[str]:
    reading = replica.bus._subscriptions.get(CONSUMER)
    return set() if reading is None else reading.owned


async def parked_lines(stand: HubStand) -> list[dict[str, Any]]:
    async with HubClients(stand.settings, None).container() as container:
        names = [blob.name async for blob in container.list_blobs(name_starts_with="parked/")]
        texts = [await (await container.download_blob(name)).readall() for name in names]
    return [json.loads(line) for text in texts for line in text.decode().splitlines()]

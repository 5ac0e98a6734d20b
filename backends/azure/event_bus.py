"""The telemetry log in Event Hubs: one partition key a customer, checkpoints in blobs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

from backends.azure.checkpoints import RewindingCheckpoints
from backends.azure.hub_clients import (
    RECEIVER,
    SENDER,
    ContainerClient,
    HubClients,
    blob_problem,
    hub_problem,
)
from backends.azure.parked_events import ParkedEvents
from backends.azure.partition_reading import PartitionBatch
from backends.azure.recent_telemetry import RecentTelemetry
from backends.azure.subscription import Subscription
from backends.azure.telemetry_records import CONTENT_TYPE, TRACE, Record, pack
from backends.event_hub_settings import EventHubSettings
from backends.observability.tracing import current_traceparent
from casework.errors import OverloadedError, UnavailableError
from casework.ports import BusReport, PartitionLag, StoredTelemetry
from casework.telemetry import Telemetry

MOST_PUBLISHERS = 64
"""Requests that wait for their turn to send; beyond, the client is told to come again."""
CLOSE_SECONDS = 5.0
ASK_SECONDS = 15.0
"""How long the hub may take to say how far its partitions go; one that is silent says it never."""
REPORT_SECONDS = 5.0
"""How old a report may be: each asks the hub about every partition."""


class EventHubsBus:
    """`casework.ports.EventBus` over one event hub and one blob container."""

    def __init__(self, clients: HubClients, container: ContainerClient) -> None:
        self._clients = clients
        self._settings = clients.settings
        self._container = container
        self._recent = RecentTelemetry(clients.settings.eventhub_recent_events)
        self._parked = ParkedEvents(container, lambda: datetime.now(UTC))
        self._producer: EventHubProducerClient | None = None
        self._watcher: EventHubConsumerClient | None = None
        self._turn = asyncio.Lock()
        self._publishers = 0
        self._subscriptions: dict[str, Subscription] = {}
        self._reporting = asyncio.Lock()
        self._reports: dict[str, tuple[float, BusReport]] = {}

    async def publish(self, events: Sequence[Telemetry]) -> frozenset[str]:
        if self._publishers >= MOST_PUBLISHERS:
            raise OverloadedError(
                f"{MOST_PUBLISHERS} requests already wait for the event hub; try again later"
            )
        self._publishers += 1
        try:
            async with asyncio.timeout(self._settings.eventhub_send_seconds), self._turn:
                return await self._publish(events)
        except TimeoutError as error:
            limit = f"{self._settings.eventhub_send_seconds:g} s (EVENTHUB_SEND_SECONDS)"
            raise UnavailableError(f"the event hub did not take the events within {limit}") from error
        finally:
            self._publishers -= 1

    async def _publish(self, events: Sequence[Telemetry]) -> frozenset[str]:
        by_customer: dict[int, list[Record]] = {}
        fresh: dict[str, Record] = {}
        known: set[str] = set()
        for event in events:
            if event.event_id in self._recent or event.event_id in fresh:
                known.add(event.event_id)
                continue
            record = fresh[event.event_id] = Record(event, event.model_dump_json().encode())
            by_customer.setdefault(event.customer_id, []).append(record)
        sent: set[int] = set()
        try:
            for customer_id, records in by_customer.items():
                await self._send(str(customer_id), records)
                sent.add(customer_id)
        finally:
            self._recent.add(record for record in fresh.values() if record.event.customer_id in sent)
        return frozenset(known)

    async def _send(self, key: str, records: Sequence[Record]) -> None:
        """A customer's records, in order, in as few events as they fit in."""
        try:
            producer = self._producer = self._producer or self._clients.producer()
            batch = await producer.create_batch(partition_key=key)
            for body in pack(records):
                event = _event(body, current_traceparent())
                try:
                    batch.add(event)
                except ValueError:
                    await producer.send_batch(batch)
                    batch = await producer.create_batch(partition_key=key)
                    batch.add(event)
            await producer.send_batch(batch)
        except (EventHubError, AzureError, OSError, ValueError) as error:
            await self._forget_producer()
            raise hub_problem(error, self._settings, SENDER) from error
        except asyncio.CancelledError:
            # Cut off in the middle of a frame, the connection is of no more use.
            await asyncio.shield(self._forget_producer())
            raise

    async def _forget_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _closed(producer)

    async def subscribe(self, consumer: str, rewind: timedelta) -> AsyncGenerator[PartitionBatch, None]:
        store = RewindingCheckpoints(self._container, consumer, rewind)
        reading = Subscription(self._clients, self._container, store, self._recent, self._parked)
        self._subscriptions[consumer] = reading
        batches = reading.batches()
        try:
            async for batch in batches:
                yield batch
        finally:
            await batches.aclose()
            if self._subscriptions.get(consumer) is reading:
                del self._subscriptions[consumer]

    async def tail(self, after: int, limit: int = 500) -> tuple[StoredTelemetry, ...]:
        return self._recent.after(after, limit)

    async def find(self, event_ids: Sequence[str]) -> tuple[Telemetry, ...]:
        return self._recent.find(event_ids)

    async def head(self) -> int:
        return self._recent.head

    async def wait_for_events(self, after: int, timeout_seconds: float) -> bool:
        return await self._recent.wait(after, timeout_seconds)

    async def seen(self) -> int:
        return self._recent.seen

    async def report(self, consumer: str) -> BusReport:
        """At most `REPORT_SECONDS` old."""
        async with self._reporting:
            made = self._reports.get(consumer)
            if made is None or time.monotonic() - made[0] > REPORT_SECONDS:
                made = self._reports[consumer] = (time.monotonic(), await self._report(consumer))
            return made[1]

    async def _report(self, consumer: str) -> BusReport:
        done = await self._done(consumer)
        reading = self._subscriptions.get(consumer)
        owned = reading.owned if reading is not None else set()
        lag = []
        for partition, first, last in await self._extents():
            behind = last - max(done.get(partition, -1), first - 1)
            lag.append(PartitionLag(partition=partition, behind=max(0, behind), here=partition in owned))
        return BusReport(lag=tuple(lag), parked=self._parked.total)

    async def _done(self, consumer: str) -> dict[str, int]:
        store = RewindingCheckpoints(self._container, consumer, timedelta(0))
        try:
            return await store.sequences(
                self._clients.namespace, self._settings.eventhub_name, self._settings.eventhub_consumer_group
            )
        except AzureError as error:
            if getattr(error, "status_code", None) == 404:
                return {}
            raise blob_problem(error, self._settings) from error

    async def _extents(self) -> list[tuple[str, int, int]]:
        """Each partition with its first and its last sequence number."""
        watch = self._watch()
        try:
            async with asyncio.timeout(ASK_SECONDS):
                ids = await watch.get_partition_ids()
                found = await asyncio.gather(*(watch.get_partition_properties(one) for one in ids))
        except TimeoutError as error:
            self._watcher = None  # its connection is of no more use
            await _closed(watch)
            raise UnavailableError(f"the event hub gave no answer within {ASK_SECONDS:g} s") from error
        except (EventHubError, AzureError, OSError) as error:
            raise hub_problem(error, self._settings, RECEIVER) from error
        return [
            (one["id"], one["beginning_sequence_number"], one["last_enqueued_sequence_number"])
            for one in found
        ]

    def _watch(self) -> Any:
        self._watcher = self._watcher or self._clients.consumer()
        return self._watcher

    async def close(self) -> None:
        await self._forget_producer()
        if self._watcher is not None:
            await _closed(self._watcher)


def _event(body: bytes, trace: str | None) -> EventData:
    event = EventData(body)
    event.content_type = CONTENT_TYPE
    if trace is not None:
        event.properties = {TRACE: trace}
    return event


async def _closed(client: Any) -> None:
    # What is given up may be broken in any way.
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()


@asynccontextmanager
async def open_event_hubs(settings: EventHubSettings) -> AsyncIterator[EventHubsBus]:
    """The bus; it connects on first use. Tokens are from the environment's identity."""
    async with AsyncExitStack() as stack:
        credential = None
        if settings.eventhub_connection_string is None or settings.checkpoint_connection_string is None:
            from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - slow, and not for keys

            credential = await stack.enter_async_context(DefaultAzureCredential())
        clients = HubClients(settings, credential)
        container = await stack.enter_async_context(clients.container())
        bus = EventHubsBus(clients, container)
        stack.push_async_callback(bus.close)
        yield bus

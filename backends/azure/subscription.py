"""One consumer's reading of the hub: what the SDK hands to callbacks, as a stream of batches.

The SDK shares partitions among replicas and calls back once for each partition at a time. A callback
waits until its batch is done, so that each partition has one batch under way and memory is bounded. When
a partition goes to another replica, the callback is cancelled: a batch still waiting is dropped, one being
worked on is finished, and its checkpoint does not overtake the new reader's.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import structlog
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.eventhub import EventData
from azure.eventhub.aio import PartitionContext

from backends.azure.checkpoints import RewindingCheckpoints
from backends.azure.hub_clients import (
    RECEIVER,
    ContainerClient,
    HubClients,
    blob_problem,
    ensure_container,
    hub_problem,
)
from backends.azure.parked_events import ParkedEvents
from backends.azure.partition_reading import PartitionBatch, PartitionReading, judged, place, trace_of
from backends.azure.recent_telemetry import RecentTelemetry
from backends.azure.telemetry_records import Poison, Record
from casework.errors import UnavailableError

MOST_EVENTS = 100
"""Events in a batch; each may hold a pack of records."""
PREFETCH = 200
"""Events of a partition that wait here, each as big as a pack: 32 partitions far behind take 300 MB."""
YIELD_EVERY = 10
CLOSE_SECONDS = 15.0

log = structlog.get_logger("backends.event_hubs")


class Subscription:
    """Reads for one consumer until it is closed."""

    def __init__(
        self,
        clients: HubClients,
        container: ContainerClient,
        store: RewindingCheckpoints,
        recent: RecentTelemetry,
        parked: ParkedEvents,
    ) -> None:
        self.owned: set[str] = set()
        self._none_owned = asyncio.Event()
        self._none_owned.set()
        self._clients = clients
        self._container = container
        self._store = store
        self._recent = recent
        self._parked = parked
        self._readings: dict[str, PartitionReading] = {}
        # Bounded by what it is for: at most one batch of each partition is under way.
        self._waiting: asyncio.Queue[PartitionBatch] = asyncio.Queue()

    async def batches(self) -> AsyncGenerator[PartitionBatch, None]:
        """For ever. Raises UnavailableError when reading cannot begin or ends."""
        await ensure_container(self._container, self._clients.settings)
        client = self._clients.consumer(self._store)
        receiving = asyncio.create_task(self._receive(client), name="event-hub")
        try:
            while True:
                batch = await self._next(receiving)
                if not batch.dropped:
                    yield batch
                    batch.finished.set()
        finally:
            await self._close(client, receiving)

    async def _receive(self, client: Any) -> None:
        await client.receive_batch(
            self._on_batch,
            max_batch_size=MOST_EVENTS,
            prefetch=PREFETCH,
            starting_position="-1",
            on_error=self._on_error,
            on_partition_initialize=self._on_taken,
            on_partition_close=self._on_lost,
        )

    async def _next(self, receiving: asyncio.Task[None]) -> PartitionBatch:
        getting = asyncio.ensure_future(self._waiting.get())
        try:
            await asyncio.wait([getting, receiving], return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
        finally:
            getting.cancel()
        error = receiving.exception()
        raise hub_problem(
            error if isinstance(error, Exception) else Exception("closed"), self._clients.settings, RECEIVER
        )

    async def _close(self, client: Any, receiving: asyncio.Task[None]) -> None:
        """Give the partitions back; those that could not be told in time will expire.

        The SDK then sleeps out its second, for which nobody needs to wait.
        """
        closing = asyncio.create_task(client.close())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._none_owned.wait()
                await asyncio.sleep(0)
                await self._store.settled.wait()
        closing.cancel()
        receiving.cancel()
        await asyncio.gather(closing, receiving, return_exceptions=True)

    async def _on_taken(self, context: PartitionContext) -> None:
        partition = context.partition_id
        self._readings[partition] = PartitionReading(partition, self._store.reached.get(partition, -1))
        self.owned.add(partition)
        self._none_owned.clear()
        log.info("partition_taken", partition=partition)

    async def _on_lost(self, context: PartitionContext, reason: Any) -> None:
        self.owned.discard(context.partition_id)
        if not self.owned:
            self._none_owned.set()
        self._readings.pop(context.partition_id, None)
        log.info("partition_given_up", partition=context.partition_id, reason=str(reason))

    async def _on_error(self, context: PartitionContext | None, error: Exception) -> None:
        """The SDK goes on by itself at its next round; this says what is wrong, and mends what it can."""
        partition = context.partition_id if context is not None else None
        if isinstance(error, AzureError):
            problem = blob_problem(error, self._clients.settings)
        else:
            problem = hub_problem(error, self._clients.settings, RECEIVER)
        log.warning("event_hub_trouble", partition=partition, reason=str(problem))
        if isinstance(error, ResourceNotFoundError):
            # Somebody deleted the container; without it no replica gets a partition.
            with contextlib.suppress(UnavailableError):
                await ensure_container(self._container, self._clients.settings)

    async def _on_batch(self, context: PartitionContext, events: list[EventData]) -> None:
        if not events:
            return
        reading = self._readings[context.partition_id]
        traces: dict[str, str] = {}
        records = await self._read(reading, events, traces)
        batch = PartitionBatch(reading, context, events[-1], [record.event for record in records], traces)
        reading.begins = False
        self._waiting.put_nowait(batch)
        try:
            await batch.finished.wait()
        except asyncio.CancelledError:
            batch.dropped = True
            raise

    async def _read(
        self, reading: PartitionReading, events: Sequence[EventData], traces: dict[str, str]
    ) -> list[Record]:
        """The records of some events, and their traces where they have some.

        What cannot be read is parked, unless it was when it came before.
        """
        records: list[Record] = []
        again: list[Record] = []
        poison: list[tuple[int, Poison]] = []
        for number, event in enumerate(events, start=1):
            is_new = place(event) > reading.done_before
            trace = trace_of(event)
            for found in judged(event):
                if isinstance(found, Poison):
                    if is_new:
                        poison.append((place(event), found))
                elif reading.is_new(found.event.event_id):
                    reading.saw(found.event.occurred_at)
                    records.append(found)
                    if trace is not None:
                        traces[found.event.event_id] = trace
                    if not is_new:
                        again.append(found)
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        self._recent.add(again, again=True)
        self._recent.add(records)
        if poison:
            await self._parked.add(reading.partition, poison)
        return records

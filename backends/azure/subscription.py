"""One consumer's reading of the hub: what the SDK hands to callbacks, as a stream of batches.

The SDK shares partitions among replicas and calls back once for each partition at a time. A callback
waits until its batch is done, so that each partition has one batch under way and memory is bounded. When
a partition goes to another replica, the callback is cancelled: a batch still waiting is dropped, one being
worked on is finished, and its checkpoint does not overtake the new reader's.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.eventhub import EventData
from azure.eventhub.aio import PartitionContext
from azure.eventhub.amqp import AmqpMessageBodyType

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
from backends.azure.recent_telemetry import RecentTelemetry
from backends.azure.telemetry_records import TRACE, Poison, Record, unpack
from casework.errors import UnavailableError
from casework.telemetry import Telemetry

MOST_EVENTS = 100
"""Events in a batch; each may hold a pack of records."""
PREFETCH = 1000
YIELD_EVERY = 200
REMEMBERED_IDS = 20_000
RECENT_TIMES = 1000
MOST_LATE = timedelta(hours=24)
"""One event with a time far back must not rewind everything."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""Before everything a hub can hold."""
CLOSE_SECONDS = 15.0

log = structlog.get_logger("backends.event_hubs")


class PartitionReading:
    """What is remembered of a partition while this process reads it."""

    def __init__(self, partition: str, done_before: int) -> None:
        self.partition = partition
        self.done_before = done_before
        """The checkpoint when reading began: what comes up to here comes again."""
        self.begins = True
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._times: deque[datetime] = deque(maxlen=RECENT_TIMES)

    def is_new(self, event_id: str) -> bool:
        """False for an event that was stored twice, because its producer did not hear that it was stored."""
        if event_id in self._ids:
            return False
        self._ids[event_id] = None
        if len(self._ids) > REMEMBERED_IDS:
            self._ids.popitem(last=False)
        return True

    def saw(self, occurred_at: datetime) -> None:
        self._times.append(occurred_at)

    def watermark(self, enqueued_at: datetime | None) -> datetime:
        """The time to rewind from: the earliest of the last events, and no later than their arrival."""
        arrived = enqueued_at or max(self._times, default=LONG_AGO)
        return max(min((*self._times, arrived)), arrived - MOST_LATE)


class PartitionBatch:
    """Some events of a partition; `done()` moves its checkpoint past them."""

    def __init__(
        self,
        reading: PartitionReading,
        context: PartitionContext,
        last: EventData,
        events: Sequence[Telemetry],
        traces: Mapping[str, str],
    ) -> None:
        self.partition = reading.partition
        self.begins = reading.begins
        self.events = events
        self.traces = traces
        self.dropped = False
        self.finished = asyncio.Event()
        self._context = context
        self._last = last
        self._watermark = reading.watermark(arrival(last))

    async def done(self) -> None:
        """Raises UnavailableError when the checkpoint cannot be written: the events will come again."""
        try:
            await self._context.update_checkpoint(self._last, watermark=self._watermark)
        except AzureError as error:
            raise UnavailableError(
                f"the checkpoint of partition {self.partition} is not written: {error}"
            ) from error
        finally:
            self.finished.set()


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
            trace = _trace(event)
            for found in _judged(event):
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


def place(event: EventData) -> int:
    """The sequence number, which every event that was received has."""
    return event.sequence_number or 0


def arrival(event: EventData) -> datetime | None:
    """When the hub took it; None from a hub that does not say."""
    return event.enqueued_time


def _body(event: EventData) -> bytes | None:
    """The bytes of an event; None for a body of an AMQP kind that can hold no text."""
    body: Any = event.body
    if event.body_type is AmqpMessageBodyType.DATA:
        return body if isinstance(body, bytes) else b"".join(body)
    if event.body_type is AmqpMessageBodyType.VALUE and isinstance(body, str | bytes | None):
        return body.encode() if isinstance(body, str) else body or b""
    return None


def _trace(event: EventData) -> str | None:
    """The traceparent its producer gave it, if it gave one."""
    given = (event.properties or {}).get(TRACE.encode())
    return given.decode(errors="replace") if isinstance(given, bytes) else None


def _judged(event: EventData) -> list[Record | Poison]:
    """An event's records. Nothing that a body holds may stop the partition."""
    try:
        body = _body(event)
        if body is None:
            return [Poison(f"its body is an AMQP {event.body_type.value}, not bytes or text", "")]
        return list(unpack(body, arrival(event)))
    except Exception as error:
        log.exception("event_unreadable", sequence=place(event))
        return [Poison(f"{type(error).__name__}: {error}", "")]

"""What is read of one partition: what must be remembered while it is ours, and its batches."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from azure.core.exceptions import AzureError
from azure.eventhub import EventData
from azure.eventhub.aio import PartitionContext
from azure.eventhub.amqp import AmqpMessageBodyType

from backends.azure.telemetry_records import TRACE, Poison, Record, unpack
from casework.errors import UnavailableError
from casework.telemetry import Telemetry

REMEMBERED_IDS = 20_000
RECENT_TIMES = 1000
MOST_LATE = timedelta(hours=24)
"""One event with a time far back must not rewind everything."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""Before everything a hub can hold."""

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


def trace_of(event: EventData) -> str | None:
    """The traceparent its producer gave it, if it gave one."""
    given = (event.properties or {}).get(TRACE.encode())
    return given.decode(errors="replace") if isinstance(given, bytes) else None


def judged(event: EventData) -> list[Record | Poison]:
    """An event's records. Nothing that a body holds may stop the partition."""
    try:
        body = _body(event)
        if body is None:
            return [Poison(f"its body is an AMQP {event.body_type.value}, not bytes or text", "")]
        return list(unpack(body, arrival(event)))
    except Exception as error:
        log.exception("event_unreadable", sequence=place(event))
        return [Poison(f"{type(error).__name__}: {error}", "")]

"""Consumer links: where they start, how fast they are served, and who may read beside whom."""

import asyncio
import re
import time
from typing import Any

from tests.peers.eventhubs.codec import Described, Symbol, Timestamp
from tests.peers.eventhubs.frames import Frame
from tests.peers.eventhubs.links import SendingLink, Session
from tests.peers.eventhubs.log import Hub, Partition, Stored
from tests.peers.eventhubs.messages import PARTITION_KEY, with_annotations

SELECTOR = "apache.org:selector-filter:string"
EPOCH = "com.microsoft:epoch"
METRICS = "com.microsoft:enable-receiver-runtime-metric"
MOST_READERS = 5
_CONDITION = re.compile(r"amqp\.annotation\.x-opt-([a-z-]+) (>=|>) '([^']*)'")

Refusal = tuple[str, str]


def open_consumer(session: Session, attach: Frame, hub: Hub, parts: list[str]) -> "ConsumerLink | Refusal":
    """The link, having displaced whom it displaces, or why there is none."""
    if len(parts) != 5 or parts[1].lower() != "consumergroups" or parts[3].lower() != "partitions":
        return "amqp:not-found", f"no such node: {'/'.join(parts)}"
    group, partition = parts[2].lower(), hub.partitions.get(parts[4])
    if group not in hub.groups:
        return "amqp:not-found", f"The messaging entity '{hub.name}|{group}' could not be found."
    if partition is None:
        return "amqp:argument-out-of-range", f"The hub has no partition {parts[4]}"
    start = start_of(partition, attach["source"])
    if start is None:
        return "amqp:invalid-field", "the filter is not one"
    link = ConsumerLink(session, attach, partition, group, start)
    others = [
        other for other in link.broker.consumers if other.partition is partition and other.group == group
    ]
    refusal = _refusal(link, others)
    if refusal is None:
        link.broker.consumers.add(link)
    return refusal or link


def _refusal(link: "ConsumerLink", others: list["ConsumerLink"]) -> Refusal | None:
    highest = max((other.epoch for other in others), default=-1)
    if link.epoch < highest:
        return "amqp:link:stolen", f"A receiver with a higher epoch '{highest}' already exists."
    if link.epoch < 0 and len(others) >= MOST_READERS:
        return "amqp:resource-limit-exceeded", f"at most {MOST_READERS} receivers a partition and group"
    if link.epoch >= 0:
        for other in others:
            other.close("amqp:link:stolen", f"New receiver with higher epoch of '{link.epoch}' is created.")
    return None


def start_of(partition: Partition, source: Any) -> int | None:
    """The first sequence number to deliver; None for a filter that cannot be read."""
    filters = source.value[7] if len(source.value) > 7 else None
    selector = (filters or {}).get(Symbol(SELECTOR))
    if selector is None:
        return 0
    text = selector.value if isinstance(selector, Described) else selector
    text = text.decode() if isinstance(text, bytes) else str(text)
    match = _CONDITION.fullmatch(text)
    if match is None:
        return None
    name, operator, value = match.groups()
    return _first(partition, name, value, inclusive=operator == ">=")


def _first(partition: Partition, name: str, value: str, *, inclusive: bool) -> int | None:
    end = partition.last.sequence + 1 if partition.last else partition.first
    if value == "@latest":
        return end - 1 if inclusive and partition.last else end
    keys = {"offset": _offset, "sequence-number": _sequence, "enqueued-time": _enqueued}
    if name not in keys or re.fullmatch(r"-?\d+", value) is None:
        return None
    for event in partition.events:
        at = keys[name](event)
        if at > int(value) or (inclusive and at == int(value)):
            return event.sequence
    return end


def _offset(event: Stored) -> int:
    return event.offset


def _sequence(event: Stored) -> int:
    return event.sequence


def _enqueued(event: Stored) -> int:
    return event.enqueued_ms


class ConsumerLink(SendingLink):
    """Delivers a partition from a place on, as fast as the reader grants credit."""

    needs_token = True

    def __init__(self, session: Session, attach: Frame, partition: Partition, group: str, start: int) -> None:
        super().__init__(session, attach)
        self.partition = partition
        self.group = group
        self.next = start
        epoch = (attach["properties"] or {}).get(EPOCH)
        self.epoch = -1 if epoch is None else int(epoch)
        self._metrics = METRICS in (attach["desired_capabilities"] or [])
        self._awake = asyncio.Event()

    def attached(self, *, refused: bool = False) -> None:
        super().attached(refused=refused)
        self.connection.spawn(self._pump())

    def credited(self, frame: Frame) -> None:
        super().credited(frame)
        self.wake()

    def wake(self) -> None:
        self._awake.set()

    def gone(self) -> None:
        self.broker.consumers.discard(self)
        self.wake()

    async def _pump(self) -> None:
        while self in self.broker.consumers:
            self._awake.clear()
            for event in self._ready():
                if self.broker.faults.slow_seconds:
                    await asyncio.sleep(self.broker.faults.slow_seconds)
                if not self.may_send or self not in self.broker.consumers:
                    break
                self.deliver(self._dressed(event))
                self.next = event.sequence + 1
            await self.connection.drain()
            if not (self.may_send and self._ready()):
                await self._awake.wait()

    def _ready(self) -> list[Stored]:
        events = self.partition.events
        if not events or events[-1].sequence < self.next:
            return []
        return events[max(0, self.next - events[0].sequence) :]

    def _dressed(self, event: Stored) -> bytes:
        annotations: dict[Any, Any] = {
            Symbol("x-opt-sequence-number"): event.sequence,
            Symbol("x-opt-offset"): str(event.offset),
        }
        if not self.broker.faults.untimed:
            annotations[Symbol("x-opt-enqueued-time")] = Timestamp(event.enqueued_ms)
        if event.key is not None:
            annotations[PARTITION_KEY] = event.key
        return with_annotations(event.bare, annotations, self._last() if self._metrics else None)

    def _last(self) -> dict[Any, Any]:
        last = self.partition.events[-1]
        return {
            Symbol("last_enqueued_sequence_number"): last.sequence,
            Symbol("last_enqueued_offset"): str(last.offset),
            Symbol("last_enqueued_time_utc"): Timestamp(last.enqueued_ms),
            Symbol("runtime_info_retrieval_time_utc"): Timestamp(int(time.time() * 1000)),
        }

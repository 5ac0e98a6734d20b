"""What every telemetry log does, whatever it is made of."""

import asyncio
import sqlite3
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

from opentelemetry import trace

from backends.embedded.event_bus import open_event_bus
from casework.ports import EventBus, TelemetryBatch
from casework.telemetry import Login, LoginDetails
from tests.builders import NOW
from tests.peers.hurry import EVENT_HUBS, event_loop_policy  # noqa: F401 - the SDK mostly sleeps

pytestmark = EVENT_HUBS

NO_REWIND = timedelta(0)


def login(number: int, minutes: float = 0) -> Login:
    details = LoginDetails(country="Germany", ip="192.0.2.1", success=True)
    return Login(
        event_id=f"E-{number:05}",
        customer_id=1,
        occurred_at=NOW + timedelta(minutes=minutes),
        details=details,
    )


async def next_batch(bus: EventBus, consumer: str = "c", rewind: timedelta = NO_REWIND) -> TelemetryBatch:
    async def first() -> TelemetryBatch:
        async for batch in bus.subscribe(consumer, rewind):
            return batch
        raise AssertionError("the subscription ended")

    return await asyncio.wait_for(first(), 60)


def ids(batch: TelemetryBatch) -> list[str]:
    return [event.event_id for event in batch.events]


async def test_events_come_in_the_order_in_which_they_were_published(bus: EventBus) -> None:
    await bus.publish([login(n) for n in range(5)])
    assert ids(await next_batch(bus)) == [f"E-{n:05}" for n in range(5)]


async def test_events_are_found_by_id_in_the_order_of_the_log(bus: EventBus) -> None:
    await bus.publish([login(n) for n in range(4)])
    found = await bus.find(["E-00003", "E-00001", "gone"])
    assert [event.event_id for event in found] == ["E-00001", "E-00003"]
    assert await bus.find([]) == ()


async def test_an_event_is_kept_once_and_the_publisher_is_told(bus: EventBus) -> None:
    assert await bus.publish([login(1)]) == frozenset()
    assert await bus.publish([login(1), login(2), login(2)]) == {"E-00001", "E-00002"}
    assert ids(await next_batch(bus)) == ["E-00001", "E-00002"]


async def test_what_was_not_done_comes_again_and_what_was_done_does_not(bus: EventBus) -> None:
    await bus.publish([login(1)])
    first = await next_batch(bus)
    assert ids(await next_batch(bus)) == ["E-00001"]
    await first.done()
    await bus.publish([login(2, minutes=1)])
    assert ids(await next_batch(bus)) == ["E-00002"]


async def test_a_consumer_rewinds_by_event_time(bus: EventBus) -> None:
    await bus.publish([login(n, minutes=n) for n in range(10)])
    await (await next_batch(bus)).done()
    await bus.publish([login(10, minutes=10)])
    again = ids(await next_batch(bus, rewind=timedelta(minutes=3)))
    assert again[-1] == "E-00010"
    assert set(again) >= {"E-00006", "E-00007", "E-00008", "E-00009"}


async def test_each_consumer_has_its_own_place(bus: EventBus) -> None:
    await bus.publish([login(1)])
    await (await next_batch(bus, "one")).done()
    assert ids(await next_batch(bus, "two")) == ["E-00001"]


async def test_a_subscriber_is_woken_by_a_new_event(bus: EventBus) -> None:
    waiting = asyncio.create_task(next_batch(bus))
    await asyncio.sleep(0)
    await bus.publish([login(1)])
    assert ids(await waiting) == ["E-00001"]


async def test_the_tail_is_read_by_offset(bus: EventBus) -> None:
    await bus.publish([login(n) for n in range(5)])
    head = await bus.head()
    assert [item.event.event_id for item in await bus.tail(head - 2)] == ["E-00003", "E-00004"]
    assert await bus.tail(head) == ()
    assert not await bus.wait_for_events(head, 0.05)


async def test_the_log_says_how_far_a_consumer_is_behind(bus: EventBus) -> None:
    await bus.publish([login(n) for n in range(3)])
    assert await bus.seen() == 3
    report = await bus.report("c")
    assert report.behind > 0
    assert report.parked == 0


async def test_the_first_batch_of_a_partition_says_that_windows_begin(bus: EventBus) -> None:
    await bus.publish([login(1)])
    async with aclosing(bus.subscribe("c", NO_REWIND)) as batches:
        first = await asyncio.wait_for(anext(batches), 60)
        await first.done()
        await bus.publish([login(2)])
        second = await asyncio.wait_for(anext(batches), 60)
    assert (first.begins, second.begins) == (True, False)
    assert first.partition == second.partition


async def test_a_record_that_no_longer_reads_blocks_nothing(tmp_path: Path) -> None:
    async with open_event_bus(tmp_path / "t.db", timedelta(days=1)) as bus:
        await bus.publish([login(n) for n in range(4)])
        with sqlite3.connect(tmp_path / "t.db") as other:
            other.execute("UPDATE telemetry SET text = '{}' WHERE offset IN (1, 3, 4)")
        other.close()
        assert ids(await next_batch(bus)) == ["E-00001"]
        await bus.publish([login(9)])
        assert [item.event.event_id for item in await bus.tail(2, limit=1)] == ["E-00009"]


async def test_an_event_keeps_the_trace_of_the_request_that_brought_it(bus: EventBus) -> None:
    context = trace.SpanContext(0xA, 0xB, is_remote=False, trace_flags=trace.TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(context)):
        await bus.publish([login(1)])
    await bus.publish([login(2)])
    batch = await next_batch(bus)
    assert ids(batch) == ["E-00001", "E-00002"]
    assert batch.traces == {"E-00001": f"00-{0xA:032x}-{0xB:016x}-01"}

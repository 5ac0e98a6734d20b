"""Who is written to and when: slow clients hold nobody up, nobody is forgotten, the end is said to all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.types import Message

from casework.errors import OverloadedError
from casework.places import Mark, at
from server.live import audience as module
from server.live.audience import AT_ONCE, Audience, Reader
from server.live.frames import HEARTBEAT, Topic
from server.live.hub import Hub, Topics
from server.live.position import Position, Source
from tests.server.desk import until

TELEMETRY: Topics = frozenset({Topic.TELEMETRY})


class Client:
    """Takes what is written while it reads; `reads` is its flow control."""

    def __init__(self, audience: Audience, place: int = 0) -> None:
        self.reads = asyncio.Event()
        self.reads.set()
        self.got: list[bytes] = []
        self.waited = 0
        self.ended = False
        self.hung_up = 0
        self.breaks = False
        self.before: Callable[[], None] = lambda: None
        self.reader = Reader(TELEMETRY, place, self.send, self.hang_up)
        audience.follow(self.reader)

    async def send(self, message: Message) -> None:
        if self.breaks:
            raise RuntimeError("the connection is in no state to be written to")
        if not self.reads.is_set():
            self.waited += 1
            await self.reads.wait()
        self.before()
        self.got.append(message["body"])
        self.ended = not message["more_body"]

    def hang_up(self) -> None:
        self.hung_up += 1

    @property
    def frames(self) -> int:
        return b"".join(self.got).count(b"event: telemetry")


class Stage:
    """An audience and the ring that feeds it."""

    def __init__(self, capacity: int = 1000) -> None:
        self.hub = Hub(Position(), capacity)
        self.audience = Audience(self.hub, 1000)

    def publish(self, count: int = 1, size: int = 10) -> None:
        for _ in range(count):
            body = '"event":"' + "x" * size + '"}'
            place = self.hub.position.telemetry.lanes[0].number + 1
            self.hub.publish(Topic.TELEMETRY, Source.TELEMETRY, (Mark(place), at(place)), body)
        self.audience.ring()


@asynccontextmanager
async def two_clients(stage: Stage) -> AsyncIterator[tuple[Client, Client]]:
    slow, quick = Client(stage.audience), Client(stage.audience)
    yield slow, quick
    for client in (slow, quick):
        stage.audience.part(client.reader)


async def test_a_client_that_does_not_read_holds_nobody_up_and_misses_nothing() -> None:
    stage = Stage()
    async with two_clients(stage) as (slow, quick):
        slow.reads.clear()
        for count in range(1, 6):
            stage.publish()
            await until(lambda count=count: quick.frames == count, "the quick client's frame")  # type: ignore[misc]
        assert slow.got == []
        assert slow.waited == 1, "nothing more is begun while a write waits"
        slow.reads.set()
        await until(lambda: slow.frames == 5, "the slow client's frames")
        assert b"".join(slow.got) == b"".join(quick.got)


async def test_a_client_that_was_overtaken_is_told_and_goes_on() -> None:
    stage = Stage(capacity=16)
    async with two_clients(stage) as (slow, quick):
        slow.reads.clear()
        for _ in range(40):
            before = quick.frames
            stage.publish()
            await until(lambda before=before: quick.frames == before + 1, "the quick client's frame")  # type: ignore[misc]
        slow.reads.set()
        await until(lambda: any(b"event: behind" in data for data in slow.got), "the notice")
        assert b"id: c0.t40" in slow.got[-1]
        stage.publish()
        await until(lambda: b"id: c0.t41" in slow.got[-1], "the news after it")


async def test_a_client_that_never_reads_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_SECONDS", 0.05)
    stage = Stage()
    async with two_clients(stage) as (slow, quick):
        slow.reads.clear()
        stage.publish()
        await until(lambda: slow.hung_up == 1, "the slow client to be given up")
        assert slow.reader.dropped
        slow.reads.set()
        stage.publish()
        await until(lambda: quick.frames == 2, "the quick client's frames")
        assert slow.got == []


async def test_a_client_that_cannot_be_written_to_is_dropped_alone() -> None:
    stage = Stage()
    async with two_clients(stage) as (broken, quick):
        broken.breaks = True
        stage.publish()
        await until(lambda: quick.frames == 1, "the other client's frame")
        assert broken.hung_up == 1


async def test_a_round_gives_way_to_other_work() -> None:
    stage = Stage()
    clients = [Client(stage.audience) for _ in range(AT_ONCE * 4)]
    served_before: list[int] = []

    def look() -> None:
        served_before.append(sum(client.frames for client in clients))

    clients[0].before = lambda: asyncio.get_running_loop().call_soon(look)  # type: ignore[assignment]
    stage.publish()
    await until(lambda: all(client.frames == 1 for client in clients), "everybody's frame")
    assert served_before == [AT_ONCE]
    for client in clients:
        stage.audience.part(client.reader)


async def test_what_is_published_during_a_round_reaches_everybody_once() -> None:
    stage = Stage()
    clients = [Client(stage.audience) for _ in range(AT_ONCE * 3)]

    def publish_more() -> None:
        clients[AT_ONCE + 1].before = lambda: None
        stage.publish()

    clients[AT_ONCE + 1].before = publish_more
    stage.publish()
    await until(lambda: all(client.frames == 2 for client in clients), "both frames everywhere")
    assert len({b"".join(client.got) for client in clients}) == 1
    for client in clients:
        stage.audience.part(client.reader)


async def test_one_who_leaves_during_a_round_is_not_written_to() -> None:
    stage = Stage()
    clients = [Client(stage.audience) for _ in range(AT_ONCE * 2)]
    clients[0].before = lambda: stage.audience.part(clients[-1].reader)
    stage.publish()
    await until(lambda: all(client.frames == 1 for client in clients[:-1]), "the others' frames")
    assert clients[-1].got == []
    for client in clients[:-1]:
        stage.audience.part(client.reader)


async def test_one_far_behind_catches_up_in_several_writes() -> None:
    stage = Stage()
    stage.publish(100, size=4000)
    client = Client(stage.audience, place=0)
    await until(lambda: client.frames == 100, "all frames")
    assert max(len(data) for data in client.got) < 2 * 64 * 1024
    stage.audience.part(client.reader)


async def test_a_heartbeat_goes_to_those_with_nothing_to_read() -> None:
    stage = Stage()
    async with two_clients(stage) as (one, other):
        stage.audience.beat()
        await until(lambda: one.got == other.got == [HEARTBEAT], "a heartbeat for each")


async def test_everybody_is_told_of_the_end_and_who_does_not_read_is_cut_off() -> None:
    stage = Stage()
    async with two_clients(stage) as (slow, quick):
        slow.reads.clear()
        stage.publish()
        await until(lambda: slow.waited == 1, "a write that waits")
        stage.audience.close()
        assert quick.ended
        assert slow.hung_up == 1
        late = Client(stage.audience)
        assert late.ended, "one that was still being greeted is sent away too"
        with pytest.raises(OverloadedError):
            stage.audience.take_seat()


async def test_a_seat_is_free_again_when_it_was_given_back() -> None:
    audience = Audience(Hub(Position(), 16), 1)
    audience.take_seat()
    with pytest.raises(OverloadedError):
        audience.take_seat()
    audience.free_seat()
    audience.take_seat()
    assert len(audience) == 1

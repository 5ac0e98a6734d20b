"""The live stream over real sockets: resumed exactly, honest about gaps, gone when told to stop."""

import asyncio
import json
import random
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx_sse import ServerSentEvent, aconnect_sse

from casework.places import at
from casework.telemetry import TELEMETRY
from tests.builders import story_until_review
from tests.server.desk import Running, listening, running, until
from tests.server.test_telemetry import record

URL = "/api/v1/stream"


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, stream_heartbeat_seconds=0.2) as server, listening(server) as started:
        yield started


@asynccontextmanager
async def following(web: Running, cursor: str | None = None, **params: str) -> AsyncIterator[Any]:
    headers = {"Last-Event-ID": cursor} if cursor else {}
    async with (
        aconnect_sse(web.http, "GET", URL, params=params, headers=headers) as source,
        aclosing(source.aiter_sse()) as frames,
    ):
        yield frames


async def _next(frames: Any) -> ServerSentEvent:
    async with asyncio.timeout(20):
        frame = await anext(frames)
    assert isinstance(frame, ServerSentEvent)
    return frame


async def _publish(web: Running, first: int, count: int) -> None:
    events = [TELEMETRY.validate_python(record(number)) for number in range(first, first + count)]
    await web.backends.telemetry.publish(events)


async def test_it_greets_and_then_tells_what_happens(web: Running) -> None:
    async with following(web) as frames:
        hello = await _next(frames)
        assert (hello.event, json.loads(hello.data)["kind"]) == ("hello", "hello")
        await web.put_review()
        opened = await _next(frames)
        change = json.loads(opened.data)
        assert (opened.event, change["event"]["body"]["type"]) == ("case", "opened")
        assert change["cursor"] == opened.id
        assert change["summary"]["case_id"] == "fraud-A-1"


async def test_topics_are_chosen(web: Running) -> None:
    async with following(web, topics="telemetry") as frames:
        await _next(frames)
        await web.put_review()
        await _publish(web, 1, 1)
        assert (await _next(frames)).event == "telemetry"


async def test_random_disconnects_lose_nothing_and_repeat_nothing(web: Running) -> None:
    chance = random.Random(7)
    seen: list[str] = []
    cursor = "c0.t0"

    async def produce() -> None:
        for number in range(30):
            await _publish(web, number * 5 + 1, 5)
            await web.put_review(f"A-{number}")
            await asyncio.sleep(0)

    producing = asyncio.create_task(produce())
    expected = 30 * 5 + 30 * len(story_until_review())
    async with asyncio.timeout(50):
        while len(seen) < expected:
            async with following(web, cursor) as frames:
                for _ in range(chance.randint(1, 60)):
                    frame = await _next(frames)
                    assert frame.event != "behind"
                    cursor = frame.id
                    if frame.event != "hello":
                        seen.append(_name(frame))
                    if len(seen) == expected:
                        break
    await producing
    assert len(set(seen)) == len(seen) == expected


def _name(frame: ServerSentEvent) -> str:
    data = json.loads(frame.data)
    if frame.event == "telemetry":
        return str(data["event"]["event_id"])
    return f"{data['event']['case_id']}:{data['event']['seq']}"


async def test_what_the_ring_lost_comes_from_the_stores(tmp_path: Path) -> None:
    async with running(tmp_path, stream_frames=16) as server, listening(server) as web:
        await _publish(web, 1, 100)
        await web.put_review()
        await until(lambda: web.desk.live.hub.position.telemetry == at(100), "telemetry to be published")
        await until(lambda: web.desk.live.hub.position.cases.covers(at(7)), "the case to be published")
        async with following(web, "c0.t0") as frames:
            await _next(frames)
            got = [_name(await _next(frames)) for _ in range(107)]
        assert len(set(got)) == 107


async def test_a_client_too_far_behind_is_told_and_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, stream_frames=16, stream_backlog=20) as server, listening(server) as web:
        await _publish(web, 1, 100)
        await until(lambda: web.desk.live.hub.position.telemetry == at(100), "telemetry to be published")
        async with following(web, "c0.t1") as frames:
            behind = await _next(frames)
            assert (behind.event, behind.id) == ("behind", "c0.t100")
            await _publish(web, 101, 1)
            assert _name(await _next(frames)) == "E-101"


async def test_a_cursor_from_a_record_that_is_gone_is_told(web: Running) -> None:
    async with following(web, "c900.t900") as frames:
        behind = await _next(frames)
        assert (behind.event, behind.id) == ("behind", "c0.t0")


async def test_silence_is_filled_with_heartbeats_as_often_as_was_announced(web: Running) -> None:
    async with web.http.stream("GET", URL) as response, asyncio.timeout(20):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["heartbeat-seconds"] == "0.2"
        async for line in response.aiter_lines():
            if line == ": still here":
                return
    raise AssertionError("the stream ended without a heartbeat")


async def test_streams_end_when_the_server_is_told_to_stop(web: Running) -> None:
    async with following(web) as frames:
        await _next(frames)
        web.desk.close_streams()
        async with asyncio.timeout(20):
            assert [frame async for frame in frames] == []


async def test_a_client_that_left_is_forgotten(web: Running) -> None:
    async with following(web) as frames:
        await _next(frames)
        assert len(web.desk.live.audience) == 1
    await until(lambda: len(web.desk.live.audience) == 0, "the client to be forgotten")


async def test_one_who_does_not_read_holds_up_nobody_and_resumes_exactly(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as server,
        listening(server, send_buffer=16 * 1024) as web,
        not_reading(web) as (reader, resume),
        following(web, "c0.t0", topics="telemetry") as frames,
    ):
        await _next(frames)
        for first in range(1, 2001, 100):
            await _publish_large(web, first, 100)
            seen = [_name(await _next(frames)) for _ in range(100)]
            assert seen == [f"E-{number}" for number in range(first, first + 100)]
        assert any(client.rest for client in web.desk.live.audience.readers), "one write waits for room"
        resume()
        ids: list[int] = []
        async with asyncio.timeout(40):
            while not ids or ids[-1] != 2000:
                line = await reader.readline()
                assert line, "the stream ended early"
                if found := re.fullmatch(rb"id: c0\.t(\d+)\n", line):
                    ids.append(int(found[1]))
        assert ids == list(range(2001)), "the greeting, and every event once and in order"


async def test_a_head_request_ends_and_keeps_no_seat(web: Running) -> None:
    answer = await web.http.head(URL)
    assert (answer.status_code, answer.content) == (200, b"")
    await until(lambda: len(web.desk.live.audience) == 0, "the seat to be free")


@asynccontextmanager
async def not_reading(web: Running) -> AsyncIterator[tuple[asyncio.StreamReader, Callable[[], None]]]:
    """A raw client with small buffers that reads nothing until it is told to."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    port = int(web.url.rpartition(":")[2])
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=2**16)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(f"GET {URL}?topics=telemetry HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await until(lambda: len(web.desk.live.audience.readers) == 1, "the client to be greeted")
    try:
        yield reader, writer.transport.resume_reading  # type: ignore[attr-defined]
    finally:
        writer.close()


async def _publish_large(web: Running, first: int, count: int) -> None:
    """Events that are large beside the buffers between server and client."""
    numbers = range(first, first + count)
    events = [TELEMETRY.validate_python(record(n, customer_name="n" * 190)) for n in numbers]
    await web.backends.telemetry.publish(events)


async def test_one_client_too_many_is_refused(tmp_path: Path) -> None:
    async with (
        running(tmp_path, max_stream_clients=1) as server,
        listening(server) as web,
        following(web) as frames,
    ):
        await _next(frames)
        refused = await web.http.get(URL)
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/overloaded")


@pytest.mark.parametrize("params", [{"topics": "everything"}, {"topics": ","}, {"cursor": "x"}])
async def test_a_wrong_request_is_refused(server: Running, params: dict[str, str]) -> None:
    answer = await server.http.get(URL, params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in params

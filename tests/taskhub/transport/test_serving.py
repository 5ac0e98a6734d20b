"""Calls through gRPC's own client to our server, and what becomes of those that go wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import grpc
import pytest

from taskhub.transport.frames import PREFACE
from taskhub.transport.server import GrpcServer

LIMIT = 1 << 20
PATIENCE = 10.0


class Desk:
    """What the served methods do and saw."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()
        self.go_on = asyncio.Event()
        self.metadata: dict[str, str] = {}

    async def echo(self, request: bytes, context: Any) -> bytes:
        self.metadata = dict(context.invocation_metadata())
        return request

    async def wait(self, request: bytes, context: Any) -> bytes:
        self.started.set()
        try:
            await self.go_on.wait()
        finally:
            self.stopped.set()
        return b"done"

    async def refuse(self, request: bytes, context: Any) -> bytes:
        return await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: 100 % »gone«\nreally")

    async def crash(self, request: bytes, context: Any) -> bytes:
        raise LookupError("nobody foresaw this")

    async def count(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        self.started.set()
        try:
            for number in range(int(request)):
                yield b"%d:" % number + bytes(100_000)
            await self.go_on.wait()
        finally:
            self.stopped.set()

    async def chat(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request.upper()


class Served:
    """A running server and a client's channel to it."""

    def __init__(self, server: GrpcServer, port: int, channel: grpc.aio.Channel, desk: Desk) -> None:
        self.server, self.port, self.channel, self.desk = server, port, channel, desk

    def call(self, method: str, request: bytes = b"", **options: Any) -> Any:
        return self.channel.unary_unary(f"/desk/{method}")(request, **options)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@contextlib.asynccontextmanager
async def serving(ping_seconds: float = 30.0) -> AsyncIterator[Served]:
    """A server on a free port; gone afterwards."""
    desk, server = Desk(), GrpcServer(LIMIT, ping_seconds)
    methods = {name: grpc.unary_unary_rpc_method_handler(getattr(desk, name)) for name in UNARY}
    methods["count"] = grpc.unary_stream_rpc_method_handler(desk.count)
    methods["chat"] = grpc.stream_stream_rpc_method_handler(desk.chat)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("desk", methods),))
    port = await server.start("127.0.0.1", 0)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", LIMIT)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield Served(server, port, channel, desk)
    await server.stop(0)


UNARY = ("echo", "wait", "refuse", "crash")


async def until(event: asyncio.Event) -> None:
    """Wait for what must happen."""
    async with asyncio.timeout(PATIENCE):
        await event.wait()


async def status_of(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str]:
    """How a call failed."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value.code(), str(failed.value.details())


async def test_many_calls_at_once_get_their_own_answers(served: Served) -> None:
    requests = [b"%d" % number * (number + 1) for number in range(300)]
    assert await asyncio.gather(*(served.call("echo", one) for one in requests)) == requests


async def test_metadata_reaches_the_handler(served: Served) -> None:
    await served.call("echo", metadata=(("taskhub", "fraud"),))
    assert served.desk.metadata["taskhub"] == "fraud"


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compressed_requests_are_taken(served: Served, compression: grpc.Compression) -> None:
    body = b"words " * 10_000
    assert await served.call("echo", body, compression=compression) == body


async def test_a_large_message_passes_all_windows(served: Served) -> None:
    body = bytes(range(256)) * 4000
    assert await served.call("echo", body) == body


async def test_a_message_above_the_limit_is_refused(served: Served) -> None:
    code, sentence = await status_of(served.call("echo", bytes(LIMIT + 1)))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger" in sentence


async def test_a_refusal_keeps_its_words(served: Served) -> None:
    code, sentence = await status_of(served.call("refuse"))
    assert (code, sentence) == (grpc.StatusCode.NOT_FOUND, "no such thing: 100 % »gone«\nreally")


async def test_a_crash_is_told_and_the_connection_goes_on(served: Served) -> None:
    code, sentence = await status_of(served.call("crash"))
    assert code is grpc.StatusCode.UNKNOWN
    assert "nobody foresaw this" in sentence
    assert await served.call("echo", b"still here") == b"still here"


async def test_an_unknown_method_is_unimplemented(served: Served) -> None:
    code, _ = await status_of(served.call("nothing"))
    assert code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_deadline_stops_the_handler(served: Served) -> None:
    code, _ = await status_of(served.call("wait", timeout=0.2))
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(served.desk.stopped)


async def test_a_cancelled_call_stops_the_handler(served: Served) -> None:
    call = served.call("wait")
    await until(served.desk.started)
    call.cancel()
    await until(served.desk.stopped)


async def test_a_stream_waits_for_its_reader_and_loses_nothing(served: Served) -> None:
    stream = served.channel.unary_stream("/desk/count")(b"200")
    assert (await stream.read()).startswith(b"0:")
    served.desk.go_on.set()
    rest = []
    while (message := await stream.read()) is not grpc.aio.EOF:
        rest.append(int(message.split(b":")[0]))
    assert rest == list(range(1, 200))


async def test_a_client_that_goes_away_stops_its_stream(served: Served) -> None:
    stream = served.channel.unary_stream("/desk/count")(b"1")
    await stream.read()
    await served.channel.close()
    await until(served.desk.stopped)


async def test_both_sides_may_stream(served: Served) -> None:
    stream = served.channel.stream_stream("/desk/chat")(iter([b"a", b"b"]))
    assert [message async for message in stream] == [b"A", b"B"]


async def test_stopping_waits_for_calls_in_flight(served: Served) -> None:
    call = asyncio.ensure_future(served.call("wait"))
    await until(served.desk.started)
    stop = asyncio.ensure_future(served.server.stop(PATIENCE))
    served.desk.go_on.set()
    assert await call == b"done"
    await stop


async def test_calls_that_outlive_the_grace_are_ended(served: Served) -> None:
    call = asyncio.ensure_future(served.call("wait"))
    await until(served.desk.started)
    await served.server.stop(0.05)
    code, _ = await status_of(call)
    assert code is grpc.StatusCode.UNAVAILABLE
    await until(served.desk.stopped)


async def bytes_until_closed(port: int, sent: bytes) -> bytes:
    """What a raw client gets before it is hung up on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read(-1)
    writer.close()
    return answer


async def test_who_does_not_speak_http2_is_hung_up_on(served: Served) -> None:
    await bytes_until_closed(served.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await served.call("echo", b"others go on") == b"others go on"


async def test_a_client_that_answers_no_ping_is_dropped() -> None:
    async with serving(ping_seconds=0.05) as served:
        assert await bytes_until_closed(served.port, PREFACE)


async def test_a_living_client_answers_pings_and_stays() -> None:
    async with serving(ping_seconds=0.05) as served:
        call = asyncio.ensure_future(served.call("wait"))
        await until(served.desk.started)
        await asyncio.sleep(0.4)
        served.desk.go_on.set()
        assert await call == b"done"


async def test_a_taken_port_is_an_error(served: Served) -> None:
    with pytest.raises(OSError, match="in use"):
        await GrpcServer(LIMIT).start("127.0.0.1", served.port)

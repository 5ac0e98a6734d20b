"""Requests that never really begin hold neither a connection nor memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from server import connections
from tests.server.desk import Running, listening

GOOD = b"GET /api/v1/alive HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def connected(server: Running) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with listening(server) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(served.url).port)
        try:
            yield reader, writer
        finally:
            writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /api/v1/alive HTTP/1.1\r\nHost: ", b"\r\n"])
async def test_a_head_that_does_not_arrive_is_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    async with connected(server) as (reader, writer):
        writer.write(sent)
        assert await reader.read() == b""


async def test_nothing_but_line_feeds_after_a_request_is_given_up_too(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    async with connected(server) as (reader, writer):
        writer.write(GOOD)
        assert await reader.readuntil(b'{"status":"ok"}')
        writer.write(b"\r\n")
        assert await reader.read() == b""


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /api/v1/alive?",
        b"GET /api/v1/alive HTTP/1.1\r\nHost: localhost\r\nX: ",
        POST + b"0\r\nX: ",
        POST + b"1;",
    ],
    ids=["url", "header", "trailer", "chunk extension"],
)
async def test_what_frames_a_request_is_bounded(server: Running, begun: bytes) -> None:
    async with connected(server) as (_, writer):
        writer.write(begun)
        with pytest.raises(OSError):
            while True:
                writer.write(b"a" * 65_536)
                await writer.drain()
                await asyncio.sleep(0)


async def test_a_long_token_and_many_requests_on_one_connection_pass(server: Running) -> None:
    async with connected(server) as (reader, writer):
        for _ in range(10):
            writer.write(
                GOOD.replace(b"\r\n\r\n", b"\r\nAuthorization: Bearer " + b"a" * 16_000 + b"\r\n\r\n")
            )
            assert b"200 OK" in await reader.readuntil(b'{"status":"ok"}')


async def test_a_body_in_the_smallest_of_chunks_passes(server: Running) -> None:
    async with connected(server) as (reader, writer):
        writer.write(POST + b"1\r\n \r\n" * 20_000 + b"0\r\n\r\n")
        assert b"415 Unsupported Media Type" in await reader.readuntil(b"\r\n\r\n"), "it was read whole"

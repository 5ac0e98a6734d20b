"""One client's HTTP/2 connection: `http2` keeps the protocol, this shell moves bytes and starts calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import grpc
import structlog

from taskhub.transport.call import Call
from taskhub.transport.frames import Code, Violation, header_block
from taskhub.transport.framing import BadMessage, MessageReader, framed, timeout_seconds, trailers
from taskhub.transport.http2 import Http2

log = structlog.get_logger(__name__)

Handler: TypeAlias = grpc.RpcMethodHandler
Lookup = Callable[[str], Handler | None]

_UNSENT_BYTES = 1 << 18
"""What may lie in the socket's buffer before senders wait for the client to read."""
_HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
_BEGINNING = header_block(_HEADERS)
_WELL_ENDED = header_block(trailers(grpc.StatusCode.OK, ""))


class Connection(asyncio.Protocol):
    """Takes requests of one client and sends it answers."""

    def __init__(
        self, lookup: Lookup, message_limit: int, ping_seconds: float, closed: Callable[[Connection], None]
    ) -> None:
        self._lookup = lookup
        self._message_limit = message_limit
        self._ping_seconds = ping_seconds
        self._closed = closed
        self._http = Http2(self)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._flushing = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._windows = asyncio.Event()
        self._heard = False
        self._pinged = False
        self._watch: asyncio.TimerHandle | None = None
        self._leaving = False
        self.calls: dict[int, Call] = {}
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say what we take; look after the line."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(_UNSENT_BYTES)
        self.peer = _peer(transport.get_extra_info("peername"))
        self._http.greet()
        self._flush()
        self._watch = self._loop.call_later(self._ping_seconds, self._look_after_line)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there for the answers any more."""
        if self._watch is not None:
            self._watch.cancel()
        self._transport = None
        self._writable.set()
        self.windows()
        for call in list(self.calls.values()):
            self._give_up(call)
        self._closed(self)

    def pause_writing(self) -> None:
        """The client does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        self._heard = True
        try:
            self._http.receive(data)
        except Violation as error:
            log.info("connection_refused", peer=self.peer, error=str(error))
            self._http.goodbye(error.code)
            self._close()
            return
        self._flush_soon()

    def request(self, stream_id: int, headers: dict[str, str]) -> None:
        """A call begins."""
        if not headers.get("content-type", "").startswith("application/grpc"):
            self._end(stream_id, header_block([(":status", "415")]))
            return
        path = headers.get(":path", "")
        handler = self._lookup(path)
        if handler is None:
            self._refuse_early(stream_id, grpc.StatusCode.UNIMPLEMENTED, f"no method {path}")
            return
        try:
            reader = MessageReader(self._message_limit, headers.get("grpc-encoding", "identity"))
        except BadMessage as refusal:
            self._refuse_early(stream_id, refusal.code, str(refusal))
            return
        metadata = [(name, value) for name, value in headers.items() if not name.startswith(":")]
        call = self.calls[stream_id] = Call(self, stream_id, handler, metadata, reader)
        seconds = timeout_seconds(headers.get("grpc-timeout", ""))
        if seconds is not None:
            call.deadline = self._loop.call_later(seconds, call.expire)
        if handler.request_streaming:
            call.start()

    def data(self, stream_id: int, data: bytes) -> None:
        """Bytes of a call's request."""
        call = self.calls.get(stream_id)
        if call is not None:
            try:
                call.take(data)
            except BadMessage as refusal:
                self._refuse(call, refusal)

    def ended(self, stream_id: int) -> None:
        """A call's request is whole."""
        call = self.calls.get(stream_id)
        if call is None:
            return
        try:
            call.end_of_requests()
        except BadMessage as refusal:
            self._refuse(call, refusal)
            return
        if call.task is None:
            call.start()

    def reset(self, stream_id: int) -> None:
        """The client gave a call up."""
        if call := self.calls.get(stream_id):
            self._give_up(call)
        self.windows()

    def windows(self) -> None:
        """Senders may go on."""
        self._windows.set()
        self._windows.clear()

    def _refuse(self, call: Call, refusal: BadMessage) -> None:
        """Answer before the request is whole, and tell the client to stop sending it."""
        self.finish(call, refusal.code, str(refusal))
        self._give_up(call)

    def _give_up(self, call: Call) -> None:
        """Stop a call; one whose handler has not begun is over at once."""
        call.cancel()
        if call.task is None:
            self.forget(call)

    async def send(self, call: Call, message: bytes, *, last: bool = False) -> None:
        """Send a message, and with ``last`` the status after it; waits while the client does not read.

        Raises ConnectionError when the client is gone.
        """
        self._open_answer(call)
        body = memoryview(framed(message))
        while body:
            room = await self._room(call)
            self._http.send_data(call.stream_id, body[:room])
            body = body[room:]
        if last:
            self._http.send_headers(call.stream_id, _WELL_ENDED, last=True)
        self._flush_soon()

    async def _room(self, call: Call) -> int:
        """How many bytes may be sent now; waits until there are any."""
        while True:
            self._check(call)
            if self._http.unsent >= _UNSENT_BYTES:
                self._flush()
            if not self._writable.is_set():
                await self._writable.wait()
                continue
            room = self._http.window(call.stream_id)
            if room > 0:
                return room
            self._flush_soon()
            await self._windows.wait()

    def _check(self, call: Call) -> None:
        if self._transport is None or not self._http.is_open(call.stream_id):
            raise ConnectionError("the client is gone")

    def _open_answer(self, call: Call) -> None:
        self._check(call)
        if not call.headers_sent:
            self._http.send_headers(call.stream_id, _BEGINNING)
            call.headers_sent = True

    def finish(self, call: Call, code: grpc.StatusCode, sentence: str) -> None:
        """End a call with a status; nothing happens when it has ended already."""
        if code is grpc.StatusCode.OK and call.headers_sent:
            self._end(call.stream_id, _WELL_ENDED)
            return
        headers = trailers(code, sentence)
        self._end(call.stream_id, header_block(headers if call.headers_sent else [*_HEADERS, *headers]))

    def _refuse_early(self, stream_id: int, code: grpc.StatusCode, sentence: str) -> None:
        """Answer a call that does not come to be."""
        self._end(stream_id, header_block([*_HEADERS, *trailers(code, sentence)]))

    def _end(self, stream_id: int, block: bytes) -> None:
        if self._transport is not None and self._http.is_open(stream_id):
            self._http.send_headers(stream_id, block, last=True)
            self._flush_soon()

    def drop(self, call: Call) -> None:
        """End a call without a status, if it has not ended."""
        if self._transport is not None:
            self._http.reset_stream(call.stream_id, Code.INTERNAL_ERROR)
            self._flush_soon()

    def forget(self, call: Call) -> None:
        """A call is over, whether or not its handler ever ran."""
        if call.deadline is not None:
            call.deadline.cancel()
        self.calls.pop(call.stream_id, None)
        if self._leaving and not self.calls:
            self._close()

    def leave(self) -> None:
        """Take no further calls, and close once those in flight are over."""
        if self._transport is None or self._leaving:
            return
        self._leaving = True
        self._http.goodbye()
        self._flush()
        if not self.calls:
            self._close()

    def abort(self) -> None:
        """Stop all calls and close."""
        for call in list(self.calls.values()):
            self.finish(call, grpc.StatusCode.UNAVAILABLE, "the task hub is stopping")
            call.cancel()
        self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def _flush_soon(self) -> None:
        """Once per turn of the event loop, so that frames of many calls share a write."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._transport is not None and (data := self._http.output()):
            self._transport.write(data)

    def _look_after_line(self) -> None:
        """Ask a silent client whether it is there; drop one that did not answer."""
        if self._transport is None:
            return
        if self._pinged and not self._heard:
            log.info("client_silent", peer=self.peer)
            self._transport.abort()
            return
        self._pinged = not self._heard
        if self._pinged:
            self._http.ping()
            self._flush_soon()
        self._heard = False
        self._watch = self._loop.call_later(self._ping_seconds, self._look_after_line)


def _peer(name: Any) -> str:
    """An address as gRPC writes it."""
    if not isinstance(name, tuple):
        return "unknown"
    host, port = name[0], name[1]
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

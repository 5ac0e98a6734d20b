"""One client's HTTP/2 connection: h2 keeps the protocol, this shell moves bytes and starts calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import grpc
import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import structlog
from hyperframe.frame import GoAwayFrame

from taskhub.transport.call import Call
from taskhub.transport.framing import BadMessage, MessageReader, framed, timeout_seconds, trailers

log = structlog.get_logger(__name__)

Handler: TypeAlias = grpc.RpcMethodHandler
Lookup = Callable[[str], Handler | None]

_CONFIG = h2.config.H2Configuration(
    client_side=False,
    header_encoding="utf-8",
    normalize_outbound_headers=False,
    validate_outbound_headers=False,
)
_FRAME_BYTES = 1 << 20
_STREAM_WINDOW = 4 << 20
_CONNECTION_WINDOW = 64 << 20
_UNSENT_BYTES = 1 << 20
"""What may lie in the socket's buffer before senders wait for the client to read."""
_MOST_CALLS = 65_536
_HEADERS = [(":status", "200"), ("content-type", "application/grpc")]


class Connection(asyncio.Protocol):
    """Takes requests of one client and sends it answers."""

    def __init__(
        self, lookup: Lookup, message_limit: int, ping_seconds: float, closed: Callable[[Connection], None]
    ) -> None:
        self._lookup = lookup
        self._message_limit = message_limit
        self._ping_seconds = ping_seconds
        self._closed = closed
        self._h2 = h2.connection.H2Connection(_CONFIG)
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
        settings = h2.settings.SettingCodes
        self._h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                settings.MAX_CONCURRENT_STREAMS: _MOST_CALLS,
                settings.INITIAL_WINDOW_SIZE: _STREAM_WINDOW,
                settings.MAX_FRAME_SIZE: _FRAME_BYTES,
                settings.MAX_HEADER_LIST_SIZE: 64 * 1024,
                settings.ENABLE_CONNECT_PROTOCOL: 0,
            },
        )
        self._h2.max_inbound_frame_size = _FRAME_BYTES
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW)
        self._flush()
        self._watch = self._loop.call_later(self._ping_seconds, self._look_after_line)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there for the answers any more."""
        if self._watch is not None:
            self._watch.cancel()
        self._transport = None
        self._writable.set()
        self._wake_senders()
        for call in list(self.calls.values()):
            call.cancel()
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
            for event in self._h2.receive_data(data):
                self._take(event)
        except (h2.exceptions.ProtocolError, UnicodeDecodeError) as error:
            log.info("connection_refused", peer=self.peer, error=str(error))
            self._flush()
            self._close()
            return
        self._flush_soon()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.DataReceived():
                self._data(event)
            case h2.events.RequestReceived():
                self._request(event)
            case h2.events.StreamEnded():
                self._ended(event.stream_id)
            case h2.events.StreamReset():
                if call := self.calls.get(event.stream_id):
                    call.cancel()
                self._wake_senders()
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self._wake_senders()
            case h2.events.ConnectionTerminated():
                self._close()

    def _request(self, event: h2.events.RequestReceived) -> None:
        headers = dict(cast(list[tuple[str, str]], event.headers))
        stream_id = event.stream_id
        if not headers.get("content-type", "").startswith("application/grpc"):
            self._refuse_http(stream_id, "415")
            return
        path = headers.get(":path", "")
        handler = self._lookup(path)
        if handler is None:
            self._end(stream_id, [*_HEADERS, *trailers(grpc.StatusCode.UNIMPLEMENTED, f"no method {path}")])
            return
        try:
            reader = MessageReader(self._message_limit, headers.get("grpc-encoding", "identity"))
        except BadMessage as refusal:
            self._end(stream_id, [*_HEADERS, *trailers(refusal.code, str(refusal))])
            return
        metadata = [(name, value) for name, value in headers.items() if not name.startswith(":")]
        call = self.calls[stream_id] = Call(self, stream_id, handler, metadata, reader)
        seconds = timeout_seconds(headers.get("grpc-timeout", ""))
        if seconds is not None:
            call.deadline = self._loop.call_later(seconds, call.expire)
        if handler.request_streaming:
            call.start()

    def _data(self, event: h2.events.DataReceived) -> None:
        call = self.calls.get(event.stream_id)
        try:
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        except h2.exceptions.StreamClosedError:
            return
        if call is not None:
            try:
                call.take(event.data)
            except BadMessage as refusal:
                self._refuse(call, refusal)

    def _ended(self, stream_id: int) -> None:
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

    def _refuse(self, call: Call, refusal: BadMessage) -> None:
        """Answer before the request is whole, and tell the client to stop sending it."""
        self.finish(call, refusal.code, str(refusal))
        self.reset(call, h2.errors.ErrorCodes.NO_ERROR)
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
            self._h2.send_data(call.stream_id, body[:room])
            body = body[room:]
        if last:
            self._h2.send_headers(call.stream_id, trailers(grpc.StatusCode.OK, ""), end_stream=True)
        self._flush_soon()

    async def _room(self, call: Call) -> int:
        """How many bytes may be sent now; waits until there are any."""
        while True:
            if self._transport is None:
                raise ConnectionError("the client is gone")
            if not self._writable.is_set():
                await self._writable.wait()
                continue
            room = min(self._h2.local_flow_control_window(call.stream_id), self._h2.max_outbound_frame_size)
            if room > 0:
                return room
            self._flush_soon()
            await self._windows.wait()

    def _open_answer(self, call: Call) -> None:
        if self._transport is None:
            raise ConnectionError("the client is gone")
        if not call.headers_sent:
            self._h2.send_headers(call.stream_id, _HEADERS)
            call.headers_sent = True

    def finish(self, call: Call, code: grpc.StatusCode, sentence: str) -> None:
        """End a call with a status; nothing happens when it has ended already."""
        headers = trailers(code, sentence)
        self._end(call.stream_id, headers if call.headers_sent else [*_HEADERS, *headers])
        call.headers_sent = True

    def _end(self, stream_id: int, headers: list[tuple[str, str]]) -> None:
        if self._transport is None:
            return
        try:
            self._h2.send_headers(stream_id, headers, end_stream=True)
        except h2.exceptions.ProtocolError:
            return
        self._flush_soon()

    def _refuse_http(self, stream_id: int, status: str) -> None:
        self._end(stream_id, [(":status", status)])

    def reset(self, call: Call, code: h2.errors.ErrorCodes = h2.errors.ErrorCodes.INTERNAL_ERROR) -> None:
        """Drop a call without a status."""
        if self._transport is None:
            return
        try:
            self._h2.reset_stream(call.stream_id, code)
        except h2.exceptions.ProtocolError:
            return
        self._flush_soon()

    def forget(self, call: Call) -> None:
        """A call is over."""
        self.calls.pop(call.stream_id, None)
        if self._leaving and not self.calls:
            self._close()

    def leave(self) -> None:
        """Take no further calls, and close once those in flight are over.

        Sent as a bare frame: h2 considers a connection that said goodbye itself as closed for answers too.
        """
        if self._transport is None or self._leaving:
            return
        self._leaving = True
        self._flush()
        self._transport.write(GoAwayFrame(last_stream_id=self._h2.highest_inbound_stream_id).serialize())
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

    def _wake_senders(self) -> None:
        self._windows.set()
        self._windows.clear()

    def _flush_soon(self) -> None:
        """Once per turn of the event loop, so that frames of many calls share a write."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._transport is not None and (data := self._h2.data_to_send()):
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
            self._h2.ping(b"fraudhub")
            self._flush_soon()
        self._heard = False
        self._watch = self._loop.call_later(self._ping_seconds, self._look_after_line)


def _peer(name: Any) -> str:
    """An address as gRPC writes it."""
    if not isinstance(name, tuple):
        return "unknown"
    host, port = name[0], name[1]
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

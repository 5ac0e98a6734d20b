"""The server's side of HTTP/2 as pure bookkeeping: bytes in, calls to a listener and bytes out. No sockets.

It keeps what gRPC needs of RFC 9113, and checks what a peer may get wrong; header blocks are the `hpack`
library's. Answers use no dynamic header table, so that their blocks are constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import hpack

from taskhub.transport.frames import (
    ACK,
    CONNECTION_WINDOW,
    DEFAULT_FRAME,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    FRAME_BYTES,
    FRAME_HEAD,
    HEADER_BYTES,
    LARGEST_WINDOW,
    LONG,
    MOST_STREAMS,
    PADDED,
    PREFACE,
    PRIORITY,
    SETTING,
    STREAM_WINDOW,
    Code,
    Frame,
    Setting,
    Violation,
    number,
    resizes,
    unpadded,
)

_REMEMBERED_BLOCKS = 256


class Listener(Protocol):
    """Who is told what the peer sends."""

    def request(self, stream_id: int, headers: dict[str, str]) -> None:
        """A request begins."""

    def data(self, stream_id: int, data: bytes) -> None:
        """Bytes of a request."""

    def ended(self, stream_id: int) -> None:
        """A request is whole."""

    def reset(self, stream_id: int) -> None:
        """The peer gives a request up."""

    def windows(self) -> None:
        """More may be sent."""


@dataclass(slots=True)
class _Stream:
    send_window: int
    receive_window: int = STREAM_WINDOW
    peer_done: bool = False


class Http2:
    """One connection as the server keeps it."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._decoder = hpack.Decoder(HEADER_BYTES)
        self._headers_seen: dict[bytes, dict[str, str]] = {}
        self._unread = b""
        self._out = bytearray()
        self._streams: dict[int, _Stream] = {}
        self._greeted = False
        self._last_accepted: int | None = None
        self._receive_window = DEFAULT_WINDOW
        self._send_window = DEFAULT_WINDOW
        self._initial_send_window = DEFAULT_WINDOW
        self._block: tuple[int, bool, bytearray] | None = None
        self.highest_stream = 0
        self.frame_room = DEFAULT_FRAME
        """The largest frame the peer takes."""

    def greet(self) -> None:
        """Say what we take."""
        settings = {
            Setting.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
            Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            Setting.MAX_FRAME_SIZE: FRAME_BYTES,
            Setting.MAX_HEADER_LIST_SIZE: HEADER_BYTES,
        }
        self._frame(Frame.SETTINGS, 0, 0, b"".join(SETTING.pack(*pair) for pair in settings.items()))
        self._grant(0, CONNECTION_WINDOW - DEFAULT_WINDOW)
        self._receive_window = CONNECTION_WINDOW

    def output(self) -> bytes:
        """What must be sent now."""
        out = bytes(self._out)
        self._out.clear()
        return out

    @property
    def unsent(self) -> int:
        """Bytes of output that wait to be taken."""
        return len(self._out)

    def receive(self, data: bytes) -> None:
        """Take bytes of the peer and tell the listener. Raises Violation."""
        data = self._unread + data if self._unread else data
        at = 0
        if not self._greeted:
            if data[: len(PREFACE)] != PREFACE[: len(data)]:
                raise Violation(Code.PROTOCOL_ERROR, "this is not HTTP/2")
            if len(data) < len(PREFACE):
                self._unread = data
                return
            self._greeted, at = True, len(PREFACE)
        while len(data) - at >= FRAME_HEAD.size:
            high, low, kind, flags, stream_id = FRAME_HEAD.unpack_from(data, at)
            length = high << 8 | low
            if length > FRAME_BYTES:
                raise Violation(Code.FRAME_SIZE_ERROR, f"a frame of {length:,} bytes")
            end = at + FRAME_HEAD.size + length
            if end > len(data):
                break
            self._take(kind, flags, stream_id & 0x7FFFFFFF, data[at + FRAME_HEAD.size : end])
            at = end
        self._unread = data[at:]

    def _take(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if self._block is not None and kind != Frame.CONTINUATION:
            raise Violation(Code.PROTOCOL_ERROR, "a header block was interrupted")
        if kind == Frame.DATA:
            self._data(flags, stream_id, payload)
        elif kind == Frame.HEADERS:
            self._headers(flags, stream_id, payload)
        elif kind == Frame.WINDOW_UPDATE:
            self._window_update(stream_id, payload)
        elif kind == Frame.PING:
            self._ping(flags, stream_id, payload)
        elif kind == Frame.SETTINGS:
            self._settings(flags, stream_id, payload)
        elif kind == Frame.RST_STREAM:
            self._reset_by_peer(stream_id, payload)
        elif kind == Frame.CONTINUATION:
            self._continuation(flags, stream_id, payload)
        elif kind == Frame.PUSH_PROMISE:
            raise Violation(Code.PROTOCOL_ERROR, "a client does not push")
        elif kind == Frame.PRIORITY and len(payload) != 5:
            raise Violation(Code.FRAME_SIZE_ERROR, "a priority of the wrong size")

    def _data(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._receive_window -= len(payload)
        if self._receive_window < 0:
            raise Violation(Code.FLOW_CONTROL_ERROR, "more data than the connection's window")
        if self._receive_window < CONNECTION_WINDOW // 2:
            self._grant(0, CONNECTION_WINDOW - self._receive_window)
            self._receive_window = CONNECTION_WINDOW
        stream = self._known(stream_id)
        if stream is None:
            return
        if stream.peer_done:
            self.reset_stream(stream_id, Code.STREAM_CLOSED)
            self._listener.reset(stream_id)
            return
        stream.receive_window -= len(payload)
        if stream.receive_window < 0:
            raise Violation(Code.FLOW_CONTROL_ERROR, "more data than the stream's window")
        ended = bool(flags & END_STREAM)
        if not ended and stream.receive_window < STREAM_WINDOW // 2:
            self._grant(stream_id, STREAM_WINDOW - stream.receive_window)
            stream.receive_window = STREAM_WINDOW
        data = unpadded(payload) if flags & PADDED else payload
        if data:
            self._listener.data(stream_id, data)
        if ended:
            self._peer_done(stream_id)

    def _known(self, stream_id: int) -> _Stream | None:
        """An open stream; None for one that was. Raises Violation for one that never was."""
        stream = self._streams.get(stream_id)
        if stream is None and (stream_id == 0 or stream_id % 2 == 0 or stream_id > self.highest_stream):
            raise Violation(Code.PROTOCOL_ERROR, f"stream {stream_id} was never opened")
        return stream

    def _peer_done(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.peer_done:
            stream.peer_done = True
            self._listener.ended(stream_id)

    def _headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id % 2 == 0:
            raise Violation(Code.PROTOCOL_ERROR, "a client's streams have odd numbers")
        block = unpadded(payload) if flags & PADDED else payload
        if flags & PRIORITY:
            if len(block) < 5:
                raise Violation(Code.FRAME_SIZE_ERROR, "headers without their priority")
            block = block[5:]
        if flags & END_HEADERS:
            self._header_block(stream_id, bool(flags & END_STREAM), block)
        else:
            self._block = stream_id, bool(flags & END_STREAM), bytearray(block)

    def _continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != stream_id:
            raise Violation(Code.PROTOCOL_ERROR, "a continuation of nothing")
        _, ended, block = self._block
        block += payload
        if len(block) > HEADER_BYTES:
            raise Violation(Code.ENHANCE_YOUR_CALM, "headers without end")
        if flags & END_HEADERS:
            self._block = None
            self._header_block(stream_id, ended, bytes(block))

    def _header_block(self, stream_id: int, ended: bool, block: bytes) -> None:
        headers = self._headers_seen.get(block) or self._decoded(block)
        if stream_id <= self.highest_stream:
            self._trailers(stream_id, ended)
            return
        self.highest_stream = stream_id
        if self._last_accepted is not None or len(self._streams) >= MOST_STREAMS:
            self._frame(Frame.RST_STREAM, 0, stream_id, LONG.pack(Code.REFUSED_STREAM))
            return
        self._streams[stream_id] = _Stream(self._initial_send_window)
        if ":method" not in headers or ":path" not in headers:
            self.reset_stream(stream_id, Code.PROTOCOL_ERROR)
            return
        self._listener.request(stream_id, headers)
        if ended:
            self._peer_done(stream_id)

    def _decoded(self, block: bytes) -> dict[str, str]:
        """A header block's headers; remembered while the table it refers to stays as it is."""
        table = self._decoder.header_table.dynamic_entries
        newest = table[0] if table else None
        try:
            headers = cast(dict[str, str], dict(self._decoder.decode(block)))
        except (hpack.HPACKError, UnicodeDecodeError) as error:
            raise Violation(Code.COMPRESSION_ERROR, f"headers that cannot be read: {error}") from error
        if (table[0] if table else None) is not newest or len(self._headers_seen) >= _REMEMBERED_BLOCKS:
            self._headers_seen.clear()
        elif not resizes(block):
            self._headers_seen[block] = headers
        return headers

    def _trailers(self, stream_id: int, ended: bool) -> None:
        """Headers after the data; the stream may be over for us."""
        if not ended:
            raise Violation(Code.PROTOCOL_ERROR, "trailers that do not end the request")
        self._peer_done(stream_id)

    def _window_update(self, stream_id: int, payload: bytes) -> None:
        more = number(payload) & 0x7FFFFFFF
        if stream_id == 0:
            self._send_window += more
            if more == 0 or self._send_window > LARGEST_WINDOW:
                raise Violation(Code.FLOW_CONTROL_ERROR, "a window out of bounds")
        elif (stream := self._known(stream_id)) is not None:
            stream.send_window += more
            if more == 0 or stream.send_window > LARGEST_WINDOW:
                self.reset_stream(stream_id, Code.FLOW_CONTROL_ERROR)
                self._listener.reset(stream_id)
        self._listener.windows()

    def _ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 8 or stream_id:
            raise Violation(Code.FRAME_SIZE_ERROR, "a ping of the wrong size or on a stream")
        if not flags & ACK:
            self._frame(Frame.PING, ACK, 0, payload)

    def _settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) % SETTING.size or (flags & ACK and payload):
            raise Violation(Code.FRAME_SIZE_ERROR, "settings of the wrong size or on a stream")
        if flags & ACK:
            return
        for setting, value in SETTING.iter_unpack(payload):
            self._set(setting, value)
        self._frame(Frame.SETTINGS, ACK, 0)
        self._listener.windows()

    def _set(self, setting: int, value: int) -> None:
        if setting == Setting.INITIAL_WINDOW_SIZE:
            if value > LARGEST_WINDOW:
                raise Violation(Code.FLOW_CONTROL_ERROR, "a window out of bounds")
            for stream in self._streams.values():
                stream.send_window += value - self._initial_send_window
            self._initial_send_window = value
        elif setting == Setting.MAX_FRAME_SIZE:
            if not DEFAULT_FRAME <= value < 1 << 24:
                raise Violation(Code.PROTOCOL_ERROR, "a frame size out of bounds")
            self.frame_room = min(value, FRAME_BYTES)
        elif setting == Setting.ENABLE_PUSH and value > 1:
            raise Violation(Code.PROTOCOL_ERROR, "a switch that is neither on nor off")

    def _reset_by_peer(self, stream_id: int, payload: bytes) -> None:
        number(payload)
        if self._known(stream_id) is not None:
            del self._streams[stream_id]
            self._listener.reset(stream_id)

    def window(self, stream_id: int) -> int:
        """How many bytes of data may be sent now. Raises KeyError when the stream is over."""
        return min(self._send_window, self._streams[stream_id].send_window, self.frame_room)

    def is_open(self, stream_id: int) -> bool:
        """Whether an answer can still be sent."""
        return stream_id in self._streams

    def send_headers(self, stream_id: int, block: bytes, *, last: bool = False) -> None:
        """Headers of an answer, or with ``last`` its end."""
        if len(block) > self.frame_room:
            raise ValueError("an answer's headers fit into one frame")
        self._frame(Frame.HEADERS, END_HEADERS | (END_STREAM if last else 0), stream_id, block)
        if last:
            self._our_end(stream_id)

    def _our_end(self, stream_id: int) -> None:
        """The answer is whole; a request that is not is no longer wanted."""
        stream = self._streams.pop(stream_id)
        if not stream.peer_done:
            self._frame(Frame.RST_STREAM, 0, stream_id, LONG.pack(Code.NO_ERROR))

    def send_data(self, stream_id: int, data: bytes | memoryview) -> None:
        """Data of an answer, no more than the window."""
        self._send_window -= len(data)
        self._streams[stream_id].send_window -= len(data)
        self._frame(Frame.DATA, 0, stream_id, data)

    def reset_stream(self, stream_id: int, code: Code) -> None:
        """Give a stream up, if it is not over."""
        if self._streams.pop(stream_id, None) is not None:
            self._frame(Frame.RST_STREAM, 0, stream_id, LONG.pack(code))

    def ping(self) -> None:
        """Ask whether the peer is there."""
        self._frame(Frame.PING, 0, 0, bytes(8))

    def goodbye(self, code: Code = Code.NO_ERROR) -> None:
        """Take no further requests; those that came so far are answered."""
        if self._last_accepted is None:
            self._last_accepted = self.highest_stream
            self._frame(Frame.GOAWAY, 0, 0, LONG.pack(self._last_accepted) + LONG.pack(code))

    def _grant(self, stream_id: int, more: int) -> None:
        self._frame(Frame.WINDOW_UPDATE, 0, stream_id, LONG.pack(more))

    def _frame(self, kind: int, flags: int, stream_id: int, payload: bytes | memoryview = b"") -> None:
        length = len(payload)
        self._out += FRAME_HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream_id)
        self._out += payload

"""The server's side of HTTP/2, against the h2 library's client and against whoever breaks the rules."""

import struct
from collections import defaultdict

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhub.transport.frames import PREFACE, Code, Frame, Violation, header_block
from taskhub.transport.http2 import Http2

HEADERS = [(":method", "POST"), (":scheme", "http"), (":path", "/hub/Call"), (":authority", "localhost")]
OK = header_block([(":status", "200"), ("content-type", "application/grpc")])
END = header_block([("grpc-status", "0")])


class Heard:
    """Writes down what a server hears."""

    def __init__(self) -> None:
        self.headers: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = defaultdict(bytes)
        self.whole: list[int] = []
        self.given_up: list[int] = []

    def request(self, stream_id: int, headers: dict[str, str]) -> None:
        self.headers[stream_id] = headers

    def data(self, stream_id: int, data: bytes) -> None:
        self.bodies[stream_id] += data

    def ended(self, stream_id: int) -> None:
        self.whole.append(stream_id)

    def reset(self, stream_id: int) -> None:
        self.given_up.append(stream_id)

    def windows(self) -> None:
        pass


class Pair:
    """A server and an h2 client, connected by hand."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.server = Http2(self.heard)
        self.server.greet()
        self.client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.client.initiate_connection()
        self.events: list[h2.events.Event] = []
        self.exchange()

    def exchange(self, chunk: int = 1 << 30) -> None:
        """Carry bytes both ways until both are silent."""
        while True:
            to_server = self.client.data_to_send()
            for at in range(0, len(to_server), chunk):
                self.server.receive(to_server[at : at + chunk])
            to_client = self.server.output()
            if to_client:
                self.events += self.client.receive_data(to_client)
            elif not to_server:
                return

    def call(self, body: bytes = b"", *headers: tuple[str, str], end: bool = True) -> int:
        """Send a request; its stream."""
        stream_id = self.client.get_next_available_stream_id()
        self.client.send_headers(stream_id, [*HEADERS, *headers])
        self.exchange()
        for at in range(0, len(body), self.client.max_outbound_frame_size):
            self.client.send_data(stream_id, body[at : at + self.client.max_outbound_frame_size])
            self.exchange()
        if end:
            self.client.end_stream(stream_id)
        self.exchange()
        return stream_id

    def seen(self, kind: type[h2.events.Event]) -> list[h2.events.Event]:
        """What the client got of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


@given(st.integers(1, 400), st.binary(max_size=3000), st.integers(0, 20))
def test_a_request_arrives_whole_however_its_bytes_are_cut(chunk: int, body: bytes, many: int) -> None:
    pair = Pair()
    stream_id = pair.client.get_next_available_stream_id()
    extra = [(f"x-{at}", f"value {at}") for at in range(many)]
    pair.client.send_headers(stream_id, [*HEADERS, *extra])
    pair.client.send_data(stream_id, body, end_stream=True, pad_length=7)
    pair.exchange(chunk)
    assert pair.heard.headers[stream_id] == dict([*HEADERS, *extra])
    assert pair.heard.bodies[stream_id] == body
    assert pair.heard.whole == [stream_id]


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3), min_size=1, max_size=12))
def test_blocks_that_look_alike_are_read_anew_when_the_table_changed(calls: list[list[str]]) -> None:
    pair = Pair()
    for values in calls:
        extra = [(f"x-{value}", value * 3) for value in values]
        stream_id = pair.call(b"", *extra)
        assert pair.heard.headers[stream_id] == dict([*HEADERS, *extra])


def test_headers_may_come_in_several_frames() -> None:
    pair = Pair()
    stream_id = pair.call(b"", ("x-long", "a" * 30_000))
    assert len(pair.heard.headers[stream_id]["x-long"]) == 30_000


def test_a_body_far_larger_than_the_windows_arrives() -> None:
    pair = Pair()
    body = bytes(range(256)) * 4096 * 70
    stream_id = pair.call(body)
    assert pair.heard.bodies[stream_id] == body


def test_an_answer_is_read_by_the_client() -> None:
    pair = Pair()
    stream_id = pair.call(b"question")
    pair.server.send_headers(stream_id, OK)
    pair.server.send_data(stream_id, b"answer")
    pair.server.send_headers(stream_id, END, last=True)
    pair.exchange()
    (data,) = pair.seen(h2.events.DataReceived)
    assert isinstance(data, h2.events.DataReceived)
    assert data.data == b"answer"
    assert len(pair.seen(h2.events.TrailersReceived)) == 1
    assert len(pair.seen(h2.events.StreamEnded)) == 1
    assert not pair.server.is_open(stream_id)


def test_no_more_is_sent_than_the_client_allows_and_more_once_it_does() -> None:
    pair = Pair()
    stream_id = pair.call()
    pair.server.send_headers(stream_id, OK)
    sent = 0
    while room := pair.server.window(stream_id):
        pair.server.send_data(stream_id, bytes(room))
        sent += room
    assert sent == 65_535
    pair.exchange()
    pair.client.acknowledge_received_data(40_000, stream_id)
    pair.exchange()
    assert pair.server.window(stream_id) > 0


def test_a_changed_window_counts_for_open_streams_too() -> None:
    pair = Pair()
    stream_id = pair.call()
    pair.client.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 10})
    pair.exchange()
    assert pair.server.window(stream_id) == 10


def test_answering_before_the_request_is_whole_tells_the_client_to_stop() -> None:
    pair = Pair()
    stream_id = pair.call(b"half", end=False)
    pair.server.send_headers(stream_id, OK)
    pair.server.send_headers(stream_id, END, last=True)
    pair.client.send_data(stream_id, b"sent before it was told")
    pair.exchange()
    (reset,) = pair.seen(h2.events.StreamReset)
    assert isinstance(reset, h2.events.StreamReset)
    assert reset.error_code == Code.NO_ERROR
    assert pair.heard.bodies[stream_id] == b"half"


def test_a_client_that_gives_up_is_heard() -> None:
    pair = Pair()
    stream_id = pair.call(end=False)
    pair.client.reset_stream(stream_id)
    pair.exchange()
    assert pair.heard.given_up == [stream_id]
    assert not pair.server.is_open(stream_id)


def test_after_goodbye_old_calls_are_answered_and_new_ones_refused() -> None:
    pair = Pair()
    old = pair.call()
    pair.server.goodbye()
    late = pair.client.get_next_available_stream_id()
    pair.client.send_headers(late, HEADERS, end_stream=True)
    pair.server.receive(pair.client.data_to_send())
    pair.server.send_headers(old, OK)
    pair.server.send_headers(old, END, last=True)
    assert late not in pair.heard.headers
    kinds = frames(pair.server.output())
    assert [kind for kind, *_ in kinds] == [Frame.GOAWAY, Frame.RST_STREAM, Frame.HEADERS, Frame.HEADERS]


def test_pings_are_answered_and_unknown_frames_ignored() -> None:
    server = greeted()
    server.receive(
        frame(Frame.PING, 0, 0, b"01234567") + frame(200, 0, 0, b"whatever") + frame(2, 0, 1, bytes(5))
    )
    assert frames(server.output()) == [(Frame.PING, 1, 0, b"01234567")]


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One frame on the wire."""
    return struct.pack(">HBBBL", len(payload) >> 8, len(payload) & 255, kind, flags, stream_id) + payload


def frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """What frames the bytes are."""
    found, at = [], 0
    while at < len(data):
        high, low, kind, flags, stream_id = struct.unpack_from(">HBBBL", data, at)
        end = at + 9 + (high << 8 | low)
        found.append((kind, flags, stream_id, data[at + 9 : end]))
        at = end
    return found


def greeted() -> Http2:
    """A server that has heard the preface."""
    server = Http2(Heard())
    server.greet()
    server.receive(PREFACE)
    server.output()
    return server


BLOCK = header_block(HEADERS)
OPENED = frame(Frame.HEADERS, 0x4, 1, BLOCK)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(Frame.DATA, 0, 1, b"x"), Code.PROTOCOL_ERROR),
        (frame(Frame.DATA, 0, 0, b"x"), Code.PROTOCOL_ERROR),
        (frame(Frame.HEADERS, 0x4, 2, BLOCK), Code.PROTOCOL_ERROR),
        (frame(Frame.HEADERS, 0x4, 1, b"\xff\xff\xff\xff\xff"), Code.COMPRESSION_ERROR),
        (frame(Frame.HEADERS, 0x4 | 0x8, 1, b"\x09ab"), Code.PROTOCOL_ERROR),
        (frame(Frame.HEADERS, 0x4 | 0x20, 1, b"abc"), Code.FRAME_SIZE_ERROR),
        (frame(Frame.HEADERS, 0, 1, BLOCK) + frame(Frame.PING, 0, 0, bytes(8)), Code.PROTOCOL_ERROR),
        (frame(Frame.CONTINUATION, 0x4, 1, BLOCK), Code.PROTOCOL_ERROR),
        (frame(Frame.HEADERS, 0, 1) + frame(Frame.CONTINUATION, 0, 1, bytes(70_000)), Code.ENHANCE_YOUR_CALM),
        (OPENED + frame(Frame.HEADERS, 0x4, 1, BLOCK), Code.PROTOCOL_ERROR),
        (frame(Frame.PUSH_PROMISE, 0, 1, BLOCK), Code.PROTOCOL_ERROR),
        (frame(Frame.PING, 0, 0, b"short"), Code.FRAME_SIZE_ERROR),
        (frame(Frame.SETTINGS, 0, 0, b"12345"), Code.FRAME_SIZE_ERROR),
        (frame(Frame.SETTINGS, 0, 0, struct.pack(">HL", 4, 2**31)), Code.FLOW_CONTROL_ERROR),
        (frame(Frame.SETTINGS, 0, 0, struct.pack(">HL", 5, 100)), Code.PROTOCOL_ERROR),
        (frame(Frame.SETTINGS, 0, 0, struct.pack(">HL", 2, 2)), Code.PROTOCOL_ERROR),
        (frame(Frame.WINDOW_UPDATE, 0, 0, bytes(4)), Code.FLOW_CONTROL_ERROR),
        (frame(Frame.WINDOW_UPDATE, 0, 0, struct.pack(">L", 2**31 - 1)), Code.FLOW_CONTROL_ERROR),
        (frame(Frame.WINDOW_UPDATE, 0, 1, struct.pack(">L", 1)), Code.PROTOCOL_ERROR),
        (frame(Frame.RST_STREAM, 0, 1, bytes(3)), Code.FRAME_SIZE_ERROR),
        (frame(Frame.RST_STREAM, 0, 7, bytes(4)), Code.PROTOCOL_ERROR),
        (b"\xff\xff\xff\x00\x00\x00\x00\x00\x01", Code.FRAME_SIZE_ERROR),
    ],
)
def test_who_breaks_the_protocol_is_told_how(sent: bytes, code: Code) -> None:
    with pytest.raises(Violation) as broken:
        greeted().receive(sent)
    assert broken.value.code is code


def test_a_browser_or_other_client_is_no_http2() -> None:
    with pytest.raises(Violation, match="not HTTP/2"):
        Http2(Heard()).receive(b"GET / HTTP/1.1\r\n\r\n")


def test_a_request_without_a_path_is_reset_alone() -> None:
    server = greeted()
    server.receive(
        frame(Frame.HEADERS, 0x5, 1, header_block([("x", "y")])) + frame(Frame.HEADERS, 0x5, 3, BLOCK)
    )
    assert not server.is_open(1)
    assert server.is_open(3)


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 255), st.integers(0, 9), st.binary(max_size=60)))
)
def test_nothing_a_peer_sends_raises_anything_else(sent: list[tuple[int, int, int, bytes]]) -> None:
    server = greeted()
    try:
        for one in sent:
            server.receive(frame(*one))
    except Violation:
        pass
    frames(server.output())

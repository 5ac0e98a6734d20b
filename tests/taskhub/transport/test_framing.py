"""Messages, timeouts and statuses as gRPC writes them."""

import gzip
import zlib

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhub.transport.framing import BadMessage, MessageReader, framed, timeout_seconds, trailers


@given(st.lists(st.binary(max_size=200), max_size=8), st.lists(st.integers(1, 50), min_size=1))
def test_messages_are_found_however_their_bytes_arrive(messages: list[bytes], sizes: list[int]) -> None:
    data, reader, found = b"".join(map(framed, messages)), MessageReader(1000), []
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        found += reader.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    assert found == messages
    assert not reader.unfinished


def test_a_message_above_the_limit_is_refused_from_its_prefix() -> None:
    with pytest.raises(BadMessage, match="larger than the 10 the hub takes") as refused:
        list(MessageReader(10).feed(framed(b"x" * 11)[:5]))
    assert refused.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_messages_are_expanded(encoding: str, compress: type[bytes]) -> None:
    body = compress(b"words " * 100)
    data = b"\x01" + len(body).to_bytes(4, "big") + body
    assert list(MessageReader(1000, encoding).feed(data)) == [b"words " * 100]


def test_a_message_that_expands_beyond_the_limit_is_refused() -> None:
    body = gzip.compress(bytes(100_000))
    with pytest.raises(BadMessage, match="expands beyond") as refused:
        list(MessageReader(50_000, "gzip").feed(b"\x01" + len(body).to_bytes(4, "big") + body))
    assert refused.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_message_that_is_not_what_its_flag_says_is_refused(encoding: str) -> None:
    with pytest.raises(BadMessage):
        list(MessageReader(1000, encoding).feed(b"\x01\x00\x00\x00\x03abc"))


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(BadMessage, match="snappy"):
        MessageReader(1000, "snappy")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("250m", 0.25), ("2S", 2.0), ("1H", 3600.0), ("100u", 1e-4), ("", None), ("5", None), ("-1S", None)],
)
def test_timeouts_are_read_and_odd_ones_ignored(value: str, seconds: float | None) -> None:
    found = timeout_seconds(value)
    assert found == (None if seconds is None else pytest.approx(seconds))


@given(st.text())
def test_a_status_is_made_of_header_characters_and_fits(sentence: str) -> None:
    for _, value in trailers(grpc.StatusCode.INTERNAL, sentence):
        assert len(value) <= 8000
        assert all(" " <= character <= "~" for character in value)

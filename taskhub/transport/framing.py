"""What gRPC adds to HTTP/2: length-prefixed messages, timeouts and statuses in headers. Pure.

Source of the formats: the gRPC project's "gRPC over HTTP2" protocol description.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from urllib.parse import quote

import grpc

PREFIX_BYTES = 5
"""A flag that says whether the message is compressed, and four bytes of length."""
_LONGEST_SENTENCE = 4000
"""Clients refuse headers above 8 KiB; percent-encoding at most triples the rare characters."""
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_WINDOW_BITS = {"gzip": 31, "deflate": 15}


class BadMessage(Exception):
    """A message that cannot be taken; carries the status to answer with."""

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class MessageReader:
    """Cuts the bytes of a request into messages, none larger than ``limit`` bytes."""

    def __init__(self, limit: int, encoding: str = "identity") -> None:
        """``encoding`` is the request's grpc-encoding: identity, gzip or deflate. Raises BadMessage."""
        if encoding not in ("identity", *_WINDOW_BITS):
            raise BadMessage(grpc.StatusCode.UNIMPLEMENTED, f"messages encoded as '{encoding}' are not taken")
        self._limit = limit
        self._encoding = encoding
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete with ``data``. Raises BadMessage."""
        self._buffer += data
        while len(self._buffer) >= PREFIX_BYTES:
            end = PREFIX_BYTES + self._length()
            if len(self._buffer) < end:
                return
            message, compressed = bytes(self._buffer[PREFIX_BYTES:end]), self._buffer[0] == 1
            del self._buffer[:end]
            yield self._expanded(message) if compressed else message

    @property
    def unfinished(self) -> bool:
        """Whether part of a message is missing."""
        return bool(self._buffer)

    def _length(self) -> int:
        """Of the first message, refused before the rest of it is kept."""
        length = int.from_bytes(self._buffer[1:PREFIX_BYTES], "big")
        if length > self._limit:
            raise BadMessage(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"a message of {length:,} bytes is larger than the {self._limit:,} the hub takes",
            )
        return length

    def _expanded(self, message: bytes) -> bytes:
        if self._encoding == "identity":
            raise BadMessage(
                grpc.StatusCode.INTERNAL, "a compressed message in a request that names no encoding"
            )
        expander = zlib.decompressobj(wbits=_WINDOW_BITS[self._encoding])
        try:
            whole = expander.decompress(message, self._limit + 1)
        except zlib.error as error:
            raise BadMessage(
                grpc.StatusCode.INTERNAL, f"a message that is no {self._encoding}: {error}"
            ) from error
        if len(whole) > self._limit:
            raise BadMessage(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"a message expands beyond the {self._limit:,} bytes the hub takes",
            )
        return whole


def framed(message: bytes) -> bytes:
    """An uncompressed message with its prefix."""
    return b"\x00" + len(message).to_bytes(4, "big") + message


def timeout_seconds(value: str) -> float | None:
    """Seconds of a grpc-timeout header such as ``250m``; None when it is not one."""
    number, unit = value[:-1], value[-1:]
    if not (number.isascii() and number.isdigit() and len(number) <= 8 and unit in _UNITS):
        return None
    return int(number) * _UNITS[unit]


def trailers(code: grpc.StatusCode, sentence: str) -> list[tuple[str, str]]:
    """The headers that end a call."""
    status = ("grpc-status", str(code.value[0]))
    if not sentence:
        return [status]
    return [
        status,
        ("grpc-message", quote(sentence[:_LONGEST_SENTENCE], safe=_PRINTABLE)[: 2 * _LONGEST_SENTENCE]),
    ]

"""Frames of HTTP/2 as values and bytes: types, flags, error codes, limits. Pure.

Names and numbers are those of RFC 9113; sizes are what this server takes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_BYTES = 1 << 20
"""Largest frame we take; clients send no larger ones."""
STREAM_WINDOW = 4 << 20
CONNECTION_WINDOW = 64 << 20
MOST_STREAMS = 65_536
HEADER_BYTES = 64 * 1024
LARGEST_WINDOW = 2**31 - 1
DEFAULT_WINDOW = 65_535
DEFAULT_FRAME = 16_384
FRAME_HEAD = struct.Struct(">HBBBL")
SETTING = struct.Struct(">HL")
LONG = struct.Struct(">L")


class Frame(IntEnum):
    """Types of frames, RFC 9113 section 6."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Code(IntEnum):
    """Error codes, RFC 9113 section 7."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class Setting(IntEnum):
    """Settings, RFC 9113 section 6.5.2."""

    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20


class Violation(Exception):
    """The peer broke the protocol; the connection ends with ``code``."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def header_block(headers: Sequence[tuple[str, str]]) -> bytes:
    """Headers as a block that is valid on every connection."""
    fields = [hpack.NeverIndexedHeaderTuple(name, value) for name, value in headers if name != ":status"]
    status = [(name, value) for name, value in headers if name == ":status"]
    return bytes(hpack.Encoder().encode([*status, *fields], huffman=False))


def resizes(block: bytes) -> bool:
    """Whether a header block begins by resizing its table (RFC 7541, 6.3), which makes it unrepeatable."""
    return bool(block) and block[0] & 0xE0 == 0x20


def number(payload: bytes) -> int:
    """The one number a frame carries. Raises Violation."""
    if len(payload) != LONG.size:
        raise Violation(Code.FRAME_SIZE_ERROR, "a frame of the wrong size")
    return int.from_bytes(payload, "big")


def unpadded(payload: bytes) -> bytes:
    """The payload of a padded frame without its padding. Raises Violation."""
    if not payload or payload[0] >= len(payload):
        raise Violation(Code.PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - payload[0]]

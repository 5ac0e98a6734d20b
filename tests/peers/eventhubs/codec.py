"""AMQP 1.0 values as bytes and back. Types that Python lacks are small subclasses, so nothing is guessed."""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID


class Symbol(str):
    """A name the protocol gives something."""


class UByte(int):
    """8 bits, unsigned."""


class UShort(int):
    """16 bits, unsigned."""


class UInt(int):
    """32 bits, unsigned."""


class ULong(int):
    """64 bits, unsigned."""


class Timestamp(int):
    """Milliseconds since 1970."""


class Described(NamedTuple):
    """A value with what it means: a number or a symbol."""

    descriptor: Any
    value: Any


class MalformedError(Exception):
    """The bytes are not what the protocol says."""


class Symbols(tuple[str, ...]):
    """An array of symbols."""


def encode(value: Any) -> bytes:
    """The value in its longest encoding: clients disagree about which short ones they read."""
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    raise TypeError(f"no AMQP type for {type(value).__name__}")


def _described(value: Described) -> bytes:
    return b"\x00" + encode(value.descriptor) + encode(value.value)


def _descriptor(value: ULong) -> bytes:
    # The SDK looks for performatives and sections at a fixed distance, behind a small ulong.
    return b"\x53" + bytes([value]) if value < 256 else b"\x80" + struct.pack(">Q", value)


def _variable(code: bytes, data: bytes) -> bytes:
    return code + struct.pack(">I", len(data)) + data


def _list(items: list[Any]) -> bytes:
    body = b"".join(map(encode, items))
    return b"\xd0" + struct.pack(">II", len(body) + 4, len(items)) + body


def _map(items: dict[Any, Any]) -> bytes:
    body = b"".join(encode(key) + encode(value) for key, value in items.items())
    return b"\xd1" + struct.pack(">II", len(body) + 4, 2 * len(items)) + body


def _symbols(items: Symbols) -> bytes:
    body = b"\xb3" + b"".join(_variable(b"", item.encode()) for item in items)
    return b"\xf0" + struct.pack(">II", len(body) + 4, len(items)) + body


_WRITERS: list[tuple[Any, Callable[[Any], bytes]]] = [
    (type(None), lambda _: b"\x40"),
    (bool, lambda value: b"\x41" if value else b"\x42"),
    (Described, _described),
    (Symbols, _symbols),
    (UByte, lambda value: b"\x50" + bytes([value])),
    (UShort, lambda value: b"\x60" + struct.pack(">H", value)),
    (UInt, lambda value: b"\x70" + struct.pack(">I", value)),
    (ULong, _descriptor),
    (Timestamp, lambda value: b"\x83" + struct.pack(">q", value)),
    (int, lambda value: b"\x81" + struct.pack(">q", value)),
    (float, lambda value: b"\x82" + struct.pack(">d", value)),
    (UUID, lambda value: b"\x98" + value.bytes),
    (Symbol, lambda value: _variable(b"\xb3", value.encode())),
    (str, lambda value: _variable(b"\xb1", value.encode())),
    ((bytes, bytearray, memoryview), lambda value: _variable(b"\xb0", bytes(value))),
    (dict, _map),
    ((list, tuple), _list),
]


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value at a place, and the place behind it. Raises MalformedError."""
    try:
        if data[at] == 0:
            descriptor, at = decode(data, at + 1)
            value, at = decode(data, at)
            return Described(descriptor, value), at
        return _content(data, at + 1, data[at])
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise MalformedError(f"no AMQP value at byte {at}") from error


def _content(data: bytes, at: int, code: int) -> tuple[Any, int]:
    if code in _EMPTY:
        return _EMPTY[code](), at
    if code in _FIXED:
        form, kind = _FIXED[code]
        size = struct.calcsize(form)
        return kind(struct.unpack_from(form, data, at)[0]), at + size
    if code == 0x98:
        return UUID(bytes=bytes(data[at : at + 16])), at + 16
    if code == 0x56:
        return data[at] == 1, at + 1
    width = 1 if code & 0x10 == 0 else 4
    size = int.from_bytes(data[at : at + width], "big")
    at += width
    if at + size > len(data):
        raise MalformedError(f"a value of {size} bytes is cut off at byte {at}")
    if code in _VARIABLE:
        return _VARIABLE[code](bytes(data[at : at + size])), at + size
    if code in _COMPOUND:
        count = int.from_bytes(data[at : at + width], "big")
        return _COMPOUND[code](data, at + width, count), at + size
    raise MalformedError(f"unknown constructor {code:#04x}")


def _read_list(data: bytes, at: int, count: int) -> list[Any]:
    items = []
    for _ in range(count):
        item, at = decode(data, at)
        items.append(item)
    return items


def _read_map(data: bytes, at: int, count: int) -> dict[Any, Any]:
    flat = _read_list(data, at, count)
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _read_array(data: bytes, at: int, count: int) -> list[Any]:
    code, at, items = data[at], at + 1, []
    for _ in range(count):
        item, at = _content(data, at, code)
        items.append(item)
    return items


_EMPTY: dict[int, Callable[[], Any]] = {
    0x40: lambda: None,
    0x41: lambda: True,
    0x42: lambda: False,
    0x43: lambda: UInt(0),
    0x44: lambda: ULong(0),
    0x45: list,
}
_FIXED: dict[int, tuple[str, Callable[[Any], Any]]] = {
    0x50: (">B", UByte),
    0x51: (">b", int),
    0x52: (">B", UInt),
    0x53: (">B", ULong),
    0x54: (">b", int),
    0x55: (">b", int),
    0x60: (">H", UShort),
    0x61: (">h", int),
    0x70: (">I", UInt),
    0x71: (">i", int),
    0x72: (">f", float),
    0x80: (">Q", ULong),
    0x81: (">q", int),
    0x82: (">d", float),
    0x83: (">q", Timestamp),
}
_VARIABLE: dict[int, Callable[[bytes], Any]] = {
    0xA0: bytes,
    0xB0: bytes,
    0xA1: lambda raw: raw.decode(),
    0xB1: lambda raw: raw.decode(),
    0xA3: lambda raw: Symbol(raw.decode("ascii")),
    0xB3: lambda raw: Symbol(raw.decode("ascii")),
}
_COMPOUND: dict[int, Callable[[bytes, int, int], Any]] = {
    0xC0: _read_list,
    0xD0: _read_list,
    0xC1: _read_map,
    0xD1: _read_map,
    0xE0: _read_array,
    0xF0: _read_array,
}

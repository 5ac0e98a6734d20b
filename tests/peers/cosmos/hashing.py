"""Where a partition key lives: its effective partition key, a place between "" and "FF".

Hash version 2: murmur3 of 128 bits over the typed value, the two highest bits cleared.
"""

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tests.peers.cosmos.sql.values import UNDEFINED

FIRST = ""
END = "FF"
_SPACE = 1 << 126
_MASK = (1 << 64) - 1
_C1, _C2 = 0x87C37B91114253D5, 0x4CF5AD432745937F


def effective_key(components: Sequence[Any], kind: str = "Hash") -> str:
    """The place of a whole key, or of the beginning of a hierarchical one."""
    if kind == "MultiHash":
        return "".join(_place(_typed_bytes(component)) for component in components)
    return _place(b"".join(_typed_bytes(component) for component in components))


def even_boundaries(ranges: int) -> list[tuple[str, str]]:
    """The whole space cut in ranges of the same width."""
    cuts = [FIRST, *(f"{_SPACE * cut // ranges:032X}" for cut in range(1, ranges)), END]
    return list(pairwise(cuts))


def middle(low: str, high: str) -> str:
    """The place half way between two others."""
    start = int(low or "0", 16) if low else 0
    end = _SPACE if high == END else int(high[:32], 16)
    return f"{(start + end) // 2:032X}"


def _place(typed: bytes) -> str:
    low, high = murmur3_128(typed)
    place = high.to_bytes(8, "big") + low.to_bytes(8, "big")
    return bytes([place[0] & 0x3F, *place[1:]]).hex().upper()


def _typed_bytes(value: Any) -> bytes:
    if value is UNDEFINED:
        return b"\x00"
    if value is None:
        return b"\x01"
    if isinstance(value, bool):
        return b"\x03" if value else b"\x02"
    if isinstance(value, int | float):
        return b"\x05" + struct.pack("<d", float(value))
    return b"\x08" + str(value).encode() + b"\xff"


def murmur3_128(data: bytes) -> tuple[int, int]:
    """MurmurHash3, the 128-bit variant for 64-bit machines, seed 0: its two halves."""
    h1 = h2 = 0
    whole = len(data) - len(data) % 16
    for at in range(0, whole, 16):
        k1, k2 = struct.unpack_from("<QQ", data, at)
        h1 = (_rotate(h1 ^ _mix_first(k1), 27) + h2) & _MASK
        h1 = (h1 * 5 + 0x52DCE729) & _MASK
        h2 = (_rotate(h2 ^ _mix_second(k2), 31) + h1) & _MASK
        h2 = (h2 * 5 + 0x38495AB5) & _MASK
    tail = data[whole:]
    h2 ^= _mix_second(int.from_bytes(tail[8:], "little"))
    h1 ^= _mix_first(int.from_bytes(tail[:8], "little"))
    return _finish(h1 ^ len(data), h2 ^ len(data))


def _finish(h1: int, h2: int) -> tuple[int, int]:
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    h1, h2 = _avalanche(h1), _avalanche(h2)
    h1 = (h1 + h2) & _MASK
    return h1, (h2 + h1) & _MASK


def _mix_first(k: int) -> int:
    return (_rotate(k * _C1 & _MASK, 31) * _C2) & _MASK


def _mix_second(k: int) -> int:
    return (_rotate(k * _C2 & _MASK, 33) * _C1) & _MASK


def _rotate(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _MASK


def _avalanche(value: int) -> int:
    value = ((value ^ value >> 33) * 0xFF51AFD7ED558CCD) & _MASK
    value = ((value ^ value >> 33) * 0xC4CEB9FE1A85EC53) & _MASK
    return value ^ value >> 33

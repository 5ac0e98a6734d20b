"""Canonical JSON and the hash chain: how a record is made tamper-evident.

Canonical form: UTF-8, keys sorted, no insignificant white space, no NaN or infinity, a close
relative of RFC 8785 for the values we store (numbers are written as Python's `json` writes them,
so only text produced here is ever hashed, never a re-serialisation by another program).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

GENESIS = "0" * 64
"""What the first record of a chain names as its predecessor."""


class Link(Protocol):
    """A record in a chain: its position, the hash it names as predecessor, and its own."""

    @property
    def seq(self) -> int: ...
    @property
    def prev_hash(self) -> str: ...
    @property
    def hash(self) -> str: ...
    def sealed_content(self) -> object:
        """Everything the hash covers: the whole record except the hash itself, as JSON values."""


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first record of a chain that does not verify, and why."""

    seq: int
    reason: str


def canonical_json(value: object) -> str:
    """JSON with one spelling per value. Raises ValueError for NaN, infinity or a non-JSON value."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except TypeError as error:
        raise ValueError(f"not a JSON value: {error}") from error


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of a value, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def verify_chain(links: Iterable[Link]) -> BrokenLink | None:
    """The first broken record of a whole chain, or None when every record verifies.

    A removed, reordered, inserted or edited record breaks the chain at the first record whose
    position, predecessor or content is not what the records before it imply.
    """
    expected_seq, expected_prev = 1, GENESIS
    for link in links:
        if link.seq != expected_seq:
            return BrokenLink(expected_seq, f"expected record {expected_seq}, found record {link.seq}")
        if link.prev_hash != expected_prev:
            return BrokenLink(link.seq, "names a predecessor other than the record before it")
        if digest(link.sealed_content()) != link.hash:
            return BrokenLink(link.seq, "content does not match its hash")
        expected_seq, expected_prev = link.seq + 1, link.hash
    return None

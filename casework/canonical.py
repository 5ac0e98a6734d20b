"""Canonical JSON and the hash chain: how a record is made tamper-evident.

Canonical form: UTF-8, keys sorted, no insignificant white space, no NaN or infinity, a close
relative of RFC 8785 for the values we store (numbers are written as Python's `json` writes them,
so only text produced here is ever hashed, never a re-serialisation by another program).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

GENESIS = "0" * 64
"""What the first record of a chain names as its predecessor."""


@dataclass(frozen=True, slots=True)
class Link:
    """A record as it is stored: `text` is the canonical JSON that the hash covers, byte for byte."""

    text: str
    hash: str


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
    return digest_text(canonical_json(value))


def digest_text(text: str) -> str:
    """SHA-256 of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def verify_chain(links: Iterable[Link]) -> BrokenLink | None:
    """The first broken record of a whole chain, or None when every record verifies.

    A record's text names its position (`seq`) and its predecessor (`prev_hash`), so a removed,
    reordered, inserted or edited record breaks the chain at the first place that does not follow.
    """
    expected_seq, expected_prev = 1, GENESIS
    for link in links:
        reason = _defect(link, expected_seq, expected_prev)
        if reason is not None:
            return BrokenLink(expected_seq, reason)
        expected_seq, expected_prev = expected_seq + 1, link.hash
    return None


def _defect(link: Link, expected_seq: int, expected_prev: str) -> str | None:
    if digest_text(link.text) != link.hash:
        return "content does not match its hash"
    content = json.loads(link.text)
    if content.get("seq") != expected_seq:
        return f"expected record {expected_seq}, found record {content.get('seq')}"
    if content.get("prev_hash") != expected_prev:
        return "names a predecessor other than the record before it"
    return None

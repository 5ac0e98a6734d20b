"""Signed orders: what is signed, and how the signatures of a record are judged. Keys come in as arguments."""

import json
from collections.abc import Sequence
from enum import StrEnum

from casework.canonical import Link, canonical_json, digest_text
from casework.case import Case
from casework.errors import TransitionError
from casework.events import CaseEvent, NewEvent, content_of, from_link
from casework.signature import Signature, Signer, Verifier, message_of

ORDERS = frozenset({"decision_submitted", "decision_withdrawn", "reversal_ordered"})
"""Whatever a person orders; everything else in a record is said by the system or moves no money."""


class Doubt(StrEnum):
    """Why an order does not count."""

    UNSIGNED = "it is not signed"
    WRONG = "its signature does not fit what it says"
    UNTRUSTED = "it is signed with a key that is not trusted"


def signed(events: Sequence[NewEvent], case: Case, signer: Signer | None) -> tuple[NewEvent, ...]:
    """The events with the order among them signed for its place in the record, right after `case.seq`.

    The place is signed too, so the write must be conditional on `case.seq`, as `recording.record` is.
    """
    if signer is None or not events:
        return tuple(events)
    if len(events) > 1:
        raise TransitionError("an order is signed by itself: it must be the only event of its write")
    order = events[0]
    text = canonical_json(content_of(order, case.case_id, case.seq + 1, case.head_hash))
    return (order.model_copy(update={"signature": signer.sign(message_of(text))}),)


def signed_message(text: str) -> tuple[bytes, Signature | None]:
    """The bytes that a stored record's signature covers, and the signature. Raises ValueError."""
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("a record is a JSON object")
    given = content.pop("signature", None)
    signature = None if given is None else Signature.model_validate(given)
    return message_of(canonical_json(content)), signature


def doubt_about(text: str, verifier: Verifier) -> Doubt | None:
    """What is wrong with the signature under a stored order; None when it counts. Raises ValueError."""
    message, signature = signed_message(text)
    if signature is None:
        return None if verifier.accepts_unsigned else Doubt.UNSIGNED
    if not verifier.fits(signature, message):
        return Doubt.WRONG
    return None if verifier.trusts(signature.key) else Doubt.UNTRUSTED


def link_of(text: str) -> Link:
    """A record's text as the link it claims to be; whether it is in a record is another question."""
    return Link(text, digest_text(text))


def orders_in(links: Sequence[Link]) -> list[tuple[Link, CaseEvent]]:
    """The orders of a record, oldest first. Raises ValueError when one cannot be read."""
    found = []
    for link in links:
        event = from_link(link)
        if event.body.type in ORDERS:
            found.append((link, event))
    return found

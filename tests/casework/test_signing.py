"""What is signed, byte for byte, and which changes a signature betrays."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from backends.signing import AnyKey, Ed25519Signer, KeyRing
from casework import commands
from casework.audit import audit_case
from casework.canonical import GENESIS, Link, canonical_json, digest_text
from casework.case import Case
from casework.errors import TransitionError
from casework.events import CaseEvent, NewEvent, seal
from casework.history import apply
from casework.signing import Doubt, doubt_about, signed, signed_message
from tests.builders import CASE_ID, NOW, case_in_review, make_person, make_request, story_until_review

SIGNER = Ed25519Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
RING = KeyRing(lambda: frozenset({SIGNER.key}))


def sealed(case: Case | None, new: NewEvent) -> CaseEvent:
    return seal(new, CASE_ID, case.seq + 1 if case else 1, case.head_hash if case else GENESIS)


def record(signer: Ed25519Signer | None = SIGNER) -> list[CaseEvent]:
    """A case until somebody decided, as it is stored."""
    events: list[CaseEvent] = []
    case: Case | None = None
    for new in story_until_review():
        events.append(sealed(case, new))
        case = apply(case, events[-1])
    assert case is not None
    order = commands.submit_decision(case, make_request(case), make_person(), NOW)
    events.append(sealed(case, signed(order, case, signer)[0]))
    return events


RECORD = record()
LINKS = [event.link for event in RECORD]


def test_the_signed_bytes_are_the_domain_and_the_record_without_its_signature() -> None:
    event = RECORD[-1]
    content = json.loads(event.link.text)
    assert content.pop("signature") == {"key": SIGNER.key, "value": event.signature and event.signature.value}
    expected = b"fraud-console/order/v1\n" + canonical_json(content).encode()
    assert signed_message(event.link.text) == (expected, event.signature)
    assert event.signature is not None
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(SIGNER.key))
    public.verify(bytes.fromhex(event.signature.value), expected)


def test_who_what_when_where_and_on_which_assessment_are_among_the_signed_bytes() -> None:
    content = json.loads(RECORD[-1].link.text)
    decision = content["body"]["decision"]
    assert {"case_id", "seq", "prev_hash", "actor", "occurred_at", "event_id", "body"} <= set(content)
    assert {"review", "attempt", "assessment_hash", "approved", "action", "actor"} <= set(decision)


def test_a_signed_record_verifies_and_an_unsigned_one_does_not() -> None:
    assert audit_case(CASE_ID, LINKS, None, RING) is None
    broken = audit_case(CASE_ID, [event.link for event in record(None)], None, RING)
    assert broken is not None
    assert (broken.seq, broken.reason) == (len(RECORD), "decision_submitted by ann: it is not signed")
    lenient = KeyRing(lambda: frozenset({SIGNER.key}), accepts_unsigned=True)
    assert audit_case(CASE_ID, [event.link for event in record(None)], None, lenient) is None


def test_a_key_that_nobody_trusts_is_said_to_be_so() -> None:
    assert doubt_about(LINKS[-1].text, KeyRing()) is Doubt.UNTRUSTED
    assert doubt_about(LINKS[-1].text, AnyKey()) is None


@given(st.data())
def test_a_record_made_anew_with_fitting_hashes_is_betrayed_by_its_signature(data: st.DataObject) -> None:
    text = LINKS[-1].text
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda char: char != text[position]))
    changed = text[:position] + other + text[position + 1 :]
    try:
        same = json.loads(changed) == json.loads(text)
    except ValueError:
        return
    broken = audit_case(CASE_ID, [*LINKS[:-1], Link(changed, digest_text(changed))], None, RING)
    assert broken is not None or same
    if broken is not None:
        assert broken.seq == len(LINKS)


def test_a_decision_moved_to_another_place_in_the_record_does_not_fit() -> None:
    case = case_in_review()
    content = json.loads(LINKS[-1].text)
    moved = canonical_json({**content, "seq": case.seq + 2, "prev_hash": "1" * 64})
    assert doubt_about(moved, RING) is Doubt.WRONG


def test_an_order_is_signed_alone() -> None:
    case = case_in_review()
    with pytest.raises(TransitionError, match="only event"):
        signed(story_until_review()[:2], case, SIGNER)


def test_without_a_key_events_stay_as_they_are() -> None:
    events = story_until_review()
    assert signed(events, case_in_review(), None) == tuple(events)

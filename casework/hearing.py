"""Orders that reach the case flow through the task hub: believed as far as the record vouches for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue, ValidationError

from casework.actor import SYSTEM
from casework.canonical import Link, digest, verify_chain
from casework.case import Case
from casework.decision import Decision
from casework.errors import SequenceError, TamperedError, TransitionError, UnavailableError
from casework.events import CaseEvent, DecisionSubmitted, DecisionWithdrawn, NewEvent, OrderRefused, from_link
from casework.history import replay
from casework.ports import DecisionEvent, WithdrawalEvent
from casework.signature import Verifier, key_id_of
from casework.signing import Doubt, doubt_about, link_of, orders_in, signed_message

MOST_REFUSALS = 20
"""How many refused orders a case notes: whoever can raise events must not be able to fill the store."""

Kind = Literal["decision", "withdrawal", "reversal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order is not believed, and whom it names."""

    reason: str
    claims: str = ""


def hear(
    kind: Kind, raw: JsonValue, case_id: str, links: Sequence[Link], verifier: Verifier
) -> Refusal | None:
    """Judge an order as it came. None for one that is in the case's record, whether now or long since."""
    try:
        said = (DecisionEvent if kind == "decision" else WithdrawalEvent).model_validate(raw)
    except ValidationError:
        return Refusal(f"it has not the form of a {kind}")
    claims = said.decision.actor.label[:120] if isinstance(said, DecisionEvent) else ""
    reason = _reason(said, case_id, links, verifier)
    return Refusal(reason, claims) if reason else None


def refuse(case: Case, kind: Kind, raw: JsonValue, refusal: Refusal, now: datetime) -> tuple[NewEvent, ...]:
    """Note a refused order, once, and only so many of them."""
    if case.refused >= MOST_REFUSALS:
        return ()
    fingerprint = digest(raw)
    body = OrderRefused(
        order=kind, reason=refusal.reason[:500], claims=refusal.claims, fingerprint=fingerprint
    )
    event_id = f"{case.case_id}:refused:{fingerprint[:16]}"
    return (NewEvent(event_id=event_id, occurred_at=now, actor=SYSTEM, body=body),)


def vouch_for(case: Case, links: Sequence[Link], verifier: Verifier) -> None:
    """Return when the decision that the case stands on is in its record and signed by a trusted key, and
    so is the approval that it is the second one of.

    Raises TamperedError when the record was changed, and UnavailableError for a missing signature or
    a key that is not trusted: an operator can mend the key ring, and nothing is lost meanwhile.
    """
    if case.decision is None:
        raise TamperedError(f"{case.case_id} stands on a decision that is not there")
    proposed = case.review.proposed if case.review else None
    for decision in (case.decision, proposed):
        if decision is None:
            continue
        recorded = _last_order(links, decision)
        if recorded is None:
            raise TamperedError(f"{decision.decision_id} is not in the record of {case.case_id}")
        believe(recorded[0], decision.decision_id, verifier)


def case_in(case_id: str, links: Sequence[Link]) -> Case:
    """The case as its record describes it, whatever the projection beside it says.

    A signature covers the whole record before it, and so the customer and the amount of what was
    ordered; a projection is covered by nothing. Raises TamperedError for a record that was changed.
    """
    try:
        broken = verify_chain(links)
        case = None if broken else replay(from_link(link) for link in links)
    except (ValueError, AttributeError, TransitionError, SequenceError) as error:
        raise TamperedError(f"the record of {case_id} describes no possible case: {error}"[:500]) from error
    if broken is not None:
        raise TamperedError(f"record {broken.seq} of {case_id}: {broken.reason}")
    if case is None or case.case_id != case_id:
        raise TamperedError(f"the record of {case_id} is not there")
    return case


def believe(link: Link, name: str, verifier: Verifier) -> None:
    """Return when a stored order counts. Raises what `vouch_for` raises."""
    doubt = doubt_about(link.text, verifier)
    if doubt is Doubt.WRONG:
        raise TamperedError(f"{name}: {doubt}")
    if doubt is not None:
        raise UnavailableError(f"{name}: {_in_words(doubt, link.text)}")


def reversal_in(links: Sequence[Link], action_id: str) -> tuple[Link, CaseEvent] | None:
    """The recorded order to undo an action, and None when nobody gave one."""
    for link, event in orders_in(links):
        if event.body.type == "reversal_ordered" and event.body.action_id == action_id:
            return link, event
    return None


def _reason(
    said: DecisionEvent | WithdrawalEvent, case_id: str, links: Sequence[Link], verifier: Verifier
) -> str:
    """Why an order is not believed; empty when it is."""
    if not said.record:
        known = verifier.accepts_unsigned and any(_says(event, said) for _, event in orders_in(links))
        return "" if known else "it carries no signed record"
    try:
        event = from_link(link_of(said.record))
        doubt = doubt_about(said.record, verifier)
    except ValueError:
        return "the record it carries cannot be read"
    if doubt is not None:
        return _in_words(doubt, said.record)
    if event.case_id != case_id:
        return f"it was signed for case {event.case_id}"
    if not _says(event, said):
        return "it does not say what was signed"
    return "" if link_of(said.record) in links else "it is not in the case's record"


def _in_words(doubt: Doubt, text: str) -> str:
    if doubt is not Doubt.UNTRUSTED:
        return str(doubt)
    _, signature = signed_message(text)
    key = key_id_of(signature.key) if signature else ""
    return f"it is signed with the key {key[:16]}, which is not among AUDIT_TRUSTED_KEYS"


def _says(event: CaseEvent, said: DecisionEvent | WithdrawalEvent) -> bool:
    match event.body:
        case DecisionSubmitted(decision=decision) if isinstance(said, DecisionEvent):
            return decision == said.decision and event.actor == decision.actor
        case DecisionWithdrawn(review=review) if isinstance(said, WithdrawalEvent):
            return review == said.review
    return False


def _last_order(links: Sequence[Link], decision: Decision) -> tuple[Link, CaseEvent] | None:
    for link, event in reversed(orders_in(links)):
        if isinstance(event.body, DecisionSubmitted) and event.body.decision == decision:
            return (link, event) if event.actor == decision.actor else None
    return None

"""How a case is kept as documents: one for each event, and one for the projection, which lists find it by.

A field that is listed, compared or sorted by is in every projection and always of the same type: an order
over documents in which it is sometimes missing can not be merged over partitions.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from casework.canonical import Link, digest_text
from casework.case import Case
from casework.events import CaseEvent, from_link
from casework.transitions import Status

Document = dict[str, Any]
PROJECTION = "case"
"""The id of a case's projection; its events have ids of their own."""
EVENT = "event"
RETIRING = "retiring"
RETIRED = "retired"
"""What the projection's place is taken by when a case was kept for long enough."""
NO_DEADLINE = 1e12
NO_RISK = -1.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A projection as it was read, with the tag that the next write has to name."""

    case: Case
    etag: str


def event_document(event: CaseEvent) -> Document:
    """An event under an id made of its own, so that the store refuses it twice."""
    link = event.link
    return {
        "id": event_document_id(event.event_id),
        "case_id": event.case_id,
        "kind": EVENT,
        "seq": event.seq,
        "event_id": event.event_id,
        "text": link.text,
        "hash": link.hash,
    }


def event_document_id(event_id: str) -> str:
    """An id without the characters that ids may not have."""
    return f"event-{digest_text(event_id)[:40]}"


def link_of(document: Document) -> Link:
    return Link(document["text"], document["hash"])


def event_of(document: Document) -> CaseEvent:
    return from_link(link_of(document))


def case_document(case: Case) -> Document:
    alert = case.alert
    unapplied = case.status is Status.WITHDRAWN or (
        case.status is Status.DECIDED and not case.decision_applied
    )
    return {
        "id": PROJECTION,
        "case_id": case.case_id,
        "kind": PROJECTION,
        "seq": case.seq,
        "status": str(case.status),
        "customer_id": alert.customer_id,
        "alert_type": alert.alert_type,
        "severity": str(alert.severity),
        "rule_id": alert.rule_id or "",
        "outcome": str(case.outcome or ""),
        "risk_key": NO_RISK if case.risk is None else float(case.risk),
        "deadline_key": case.deadline.timestamp() if case.deadline else NO_DEADLINE,
        "opened_key": case.opened_at.timestamp(),
        "updated_key": case.updated_at.timestamp(),
        "claim_actor": case.claim.actor.actor_id if case.claim else "",
        "claim_until": case.claim.until.timestamp() if case.claim else 0.0,
        "deferred_until": case.deferral.until.timestamp() if case.deferral else 0.0,
        "tags": list(case.tags),
        "linked": list(case.linked_customers or ()),
        "unapplied": unapplied,
        "search": f"{case.case_id} {alert.alert_type} {alert.customer_id} {alert.description}".lower(),
        "projection": case.model_dump_json(),
    }


def stored_case(document: Document) -> Stored:
    return Stored(case_of(document["projection"]), document["_etag"])


@lru_cache(maxsize=256)
def case_of(projection: str) -> Case:
    """A stored projection. Cases are immutable, and the same one is read many times in a row."""
    return Case.model_validate_json(projection)

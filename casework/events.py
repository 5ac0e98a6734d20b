"""Everything that can happen to a case: stored, streamed and rendered as it is here."""

import json
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from casework.action import Action, ActionReceipt, Step
from casework.actor import Actor, Role
from casework.alert import Alert, Frozen
from casework.assessment import Assessment
from casework.canonical import Link, canonical_json, digest
from casework.decision import Decision, FreeText, HexDigest, Stage
from casework.finding import Finding, Specialist, ToolCall
from casework.policy import Terms
from casework.signature import Signature
from casework.tags import Tag
from casework.telemetry import Telemetry

EventId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Deterministic: the same happening always has the same id, so that writing it again changes nothing."""


class EscalationReason(StrEnum):
    TIMEOUT = "timeout"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    ACTION_FAILED = "action_failed"
    ANALYST = "analyst"
    """An analyst sent the case to the senior queue; the decision before says why."""


class Outcome(StrEnum):
    """How a case ended."""

    AUTO_CLEARED = "auto_cleared"
    CLEARED = "cleared"
    ACTIONED = "actioned"
    UNANSWERED = "unanswered"
    """Nobody decided, not even the senior queue: no action was taken, a lead is notified."""
    FAILED = "failed"
    """The orchestration ended without an outcome of its own (terminated, or a defect)."""


MOST_TRIGGERS = 20
"""How much of the telemetry behind an alert is kept with its case: the latest events."""


class Opened(Frozen):
    type: Literal["opened"] = "opened"
    alert: Alert
    terms: Terms
    triggers: Annotated[
        tuple[Telemetry, ...], Field(max_length=MOST_TRIGGERS, exclude_if=lambda kept: not kept)
    ] = ()
    """The telemetry that raised the alert, oldest first; the log forgets it, the record does not.

    Left out of the stored text when there is none, so that older records keep their hashes.
    """


class InvestigationStarted(Frozen):
    type: Literal["investigation_started"] = "investigation_started"
    attempt: int
    feedback: FreeText = ""


class ToolCalled(Frozen):
    type: Literal["tool_called"] = "tool_called"
    attempt: int
    specialist: Specialist
    call: ToolCall


class FindingRecorded(Frozen):
    type: Literal["finding_recorded"] = "finding_recorded"
    finding: Finding


class AssessmentRecorded(Frozen):
    type: Literal["assessment_recorded"] = "assessment_recorded"
    assessment: Assessment
    assessment_hash: HexDigest


class ReviewRequested(Frozen):
    type: Literal["review_requested"] = "review_requested"
    review: int
    stage: Stage
    attempt: int
    assessment_hash: HexDigest
    deadline: AwareDatetime
    required_role: Role
    proposed: Decision | None = None
    """The first approval that a second approver is asked to confirm."""


class Claimed(Frozen):
    type: Literal["claimed"] = "claimed"
    until: AwareDatetime


class Released(Frozen):
    type: Literal["released"] = "released"


class Deferred(Frozen):
    """Deferred by a person: until then nobody needs to look at the case."""

    type: Literal["deferred"] = "deferred"
    until: AwareDatetime
    reason: FreeText = ""


class DeferralEnded(Frozen):
    """The time of a deferral came, or somebody took it back before."""

    type: Literal["deferral_ended"] = "deferral_ended"


class TagsChanged(Frozen):
    type: Literal["tags_changed"] = "tags_changed"
    added: tuple[Tag, ...] = ()
    removed: tuple[Tag, ...] = ()


class NoteAdded(Frozen):
    type: Literal["note_added"] = "note_added"
    text: FreeText


class DecisionSubmitted(Frozen):
    type: Literal["decision_submitted"] = "decision_submitted"
    decision: Decision


class DecisionApplied(Frozen):
    type: Literal["decision_applied"] = "decision_applied"
    decision_id: str
    review: int


class HoldStarted(Frozen):
    type: Literal["hold_started"] = "hold_started"
    review: int
    action: Action
    until: AwareDatetime


class DecisionWithdrawn(Frozen):
    type: Literal["decision_withdrawn"] = "decision_withdrawn"
    review: int
    reason: FreeText = ""


class ActionStarted(Frozen):
    type: Literal["action_started"] = "action_started"
    action: Action
    attempt: int


class ActionExecuted(Frozen):
    type: Literal["action_executed"] = "action_executed"
    receipt: ActionReceipt


class ActionFailed(Frozen):
    type: Literal["action_failed"] = "action_failed"
    action_id: str
    step: Step
    error: str


class ActionReversed(Frozen):
    type: Literal["action_reversed"] = "action_reversed"
    reverses: str
    receipt: ActionReceipt
    reason: FreeText = ""


class ReversalOrdered(Frozen):
    """A person wants an executed step undone; `action_reversed` follows when that is done."""

    type: Literal["reversal_ordered"] = "reversal_ordered"
    action_id: str
    reason: FreeText = ""


class OrderRefused(Frozen):
    """An order came to the case flow past the server, or does not say what was signed; nothing was done."""

    type: Literal["order_refused"] = "order_refused"
    order: Literal["decision", "withdrawal", "reversal"]
    reason: Annotated[str, StringConstraints(max_length=500)]
    claims: Annotated[str, StringConstraints(max_length=200)] = ""
    """Whom it names as its author. Nothing vouches for that."""
    fingerprint: HexDigest
    """Of the order as it came: the same one is noted once."""


class Escalated(Frozen):
    type: Literal["escalated"] = "escalated"
    reason: EscalationReason


class NotificationSent(Frozen):
    type: Literal["notification_sent"] = "notification_sent"
    channel: str
    text: FreeText


class CaseClosed(Frozen):
    type: Literal["closed"] = "closed"
    outcome: Outcome
    action: Action | None = None
    detail: FreeText = ""


EventBody = Annotated[
    Opened
    | InvestigationStarted
    | ToolCalled
    | FindingRecorded
    | AssessmentRecorded
    | ReviewRequested
    | Claimed
    | Released
    | Deferred
    | DeferralEnded
    | TagsChanged
    | NoteAdded
    | DecisionSubmitted
    | DecisionApplied
    | HoldStarted
    | DecisionWithdrawn
    | ActionStarted
    | ActionExecuted
    | ActionFailed
    | ActionReversed
    | ReversalOrdered
    | OrderRefused
    | Escalated
    | NotificationSent
    | CaseClosed,
    Field(discriminator="type"),
]


class NewEvent(Frozen):
    """Something that happened, before it has a place in the record."""

    event_id: EventId
    occurred_at: AwareDatetime
    actor: Actor
    body: EventBody
    signature: Annotated[Signature | None, Field(exclude_if=lambda given: given is None)] = None
    """Under an order, for the place it takes in the record.

    Left out of the stored text when there is none, so that older records keep their hashes.
    """


class CaseEvent(NewEvent):
    """One record of a case: numbered from 1, and sealed with the hash of the one before it."""

    case_id: str
    seq: int
    prev_hash: HexDigest
    hash: HexDigest

    @property
    def link(self) -> Link:
        """The record as it is stored and hashed."""
        return Link(canonical_json(self.model_dump(mode="json", exclude={"hash"})), self.hash)


def content_of(event: NewEvent, case_id: str, seq: int, prev_hash: str) -> dict[str, Any]:
    """What is stored of an event at a place in a case's chain, and hashed."""
    return {**event.model_dump(mode="json"), "case_id": case_id, "seq": seq, "prev_hash": prev_hash}


def seal(event: NewEvent, case_id: str, seq: int, prev_hash: str) -> CaseEvent:
    """Give an event its place in a case's chain."""
    content = content_of(event, case_id, seq, prev_hash)
    return CaseEvent(
        **{name: getattr(event, name) for name in NewEvent.model_fields},
        case_id=case_id,
        seq=seq,
        prev_hash=prev_hash,
        hash=digest(content),
    )


def from_link(link: Link) -> CaseEvent:
    """A stored record as an event. Raises ValueError when it is not one."""
    return CaseEvent.model_validate({**json.loads(link.text), "hash": link.hash})

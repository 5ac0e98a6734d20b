"""What the API shows of a case: the shapes that server, console and page share. Pure projections."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, JsonValue

from casework import events as ev
from casework.action import Action, Step
from casework.actor import Actor, Role
from casework.alert import Frozen, Money, Severity
from casework.assessment import RiskLevel
from casework.case import Case, Deferral, Progress
from casework.citations import CheckedClaim
from casework.decision import DecisionRequest, FreeText, Stage
from casework.finding import Finding, Specialist, TokenUsage
from casework.glance import Glance
from casework.links import LinkedEntities
from casework.tags import MOST_TAGS, Tag
from casework.telemetry import Telemetry
from casework.transitions import Status


class ClaimView(Frozen):
    """Who holds a case, until when."""

    actor_id: str
    name: str
    until: AwareDatetime


class DeferralView(Frozen):
    """Who deferred a case, since when, until when and why."""

    actor_id: str
    name: str
    since: AwareDatetime
    until: AwareDatetime
    reason: str


class UndoneView(Frozen):
    """Who had steps of a closed case undone, which, when and why; `done` once the first of them is."""

    actor_id: str
    name: str
    at: AwareDatetime
    reason: str
    steps: tuple[Step, ...]
    done: bool
    whole: bool
    """Whether nothing of what was executed is left."""


class CaseSummary(Frozen):
    """One row of the queue."""

    case_id: str
    seq: int
    alert_id: str
    alert_type: str
    severity: Severity
    description: str
    customer_id: int
    amount: Money | None
    status: Status
    stage: Stage | None
    attempt: int
    max_attempts: int
    risk: float | None
    evidence_risk: float | None
    level: RiskLevel | None
    recommended_action: Action | None
    assessment_hash: str | None
    required_role: Role | None
    second_approver: bool
    proposed: str | None
    """In a second approval: what the first approver decided, in words."""
    passed_on: str | None = None
    """In the senior queue: which analyst sent it there, when and why, in words."""
    deadline: AwareDatetime | None
    hold_until: AwareDatetime | None
    hold_seconds: float | None = None
    """How long a decision on it is held before it takes effect; unknown to rows of older servers."""
    claim: ClaimView | None
    deferral: DeferralView | None = None
    returned: DeferralView | None = None
    """The deferral that a case which waits for a decision has come back from."""
    rejected: str | None = None
    """After a rejection: of which attempt, by whom, and with which feedback, in words."""
    progress: dict[Specialist, Progress]
    degraded: tuple[str, ...]
    tags: tuple[str, ...] = ()
    other_cases: int = 0
    """How many more cases the customer has, open and closed."""
    cases_of_linked: int = 0
    """How many cases those have whom a finding, in their cases or the customer's, links to the customer."""
    linked_customers: tuple[int, ...] = ()
    """Other customers who, by the findings, share a device, an address or the like; the first twenty."""
    notes: int
    decided: str | None
    """The accepted decision on the present review, in words."""
    outcome: ev.Outcome | None
    action_taken: Action | None
    undone: UndoneView | None = None
    """Of a closed case: what of its action was undone, or ordered to be."""
    opened_at: AwareDatetime
    updated_at: AwareDatetime
    closed_at: AwareDatetime | None


class CaseList(Frozen):
    """A page of the queue."""

    items: tuple[CaseSummary, ...]
    next_cursor: str | None
    total: int


class CaseCounts(Frozen):
    """How many cases stand where; `cursor` is where to join the stream for what comes after."""

    by_status: dict[Status, int]
    total: int
    cursor: str


class CaseDetail(Frozen):
    """One case whole: the projection, the findings of every attempt, and earlier cases of the customer.

    `linked_cases` are those of other customers who, by a finding, share a device or the like.
    """

    summary: CaseSummary
    case: Case
    findings: tuple[Finding, ...]
    related: tuple[CaseSummary, ...]
    linked_cases: tuple[CaseSummary, ...] = ()
    server_time: AwareDatetime


class Timeline(Frozen):
    """Part of a case's record, oldest first; `next_after` is given when there is more."""

    items: tuple[ev.CaseEvent, ...]
    next_after: int | None


class Evidence(Frozen):
    """Every finding of a case with its tool calls, and what follows from them.

    `claims` have the rows they rest on; `customer` and `links` are what was looked up about the customer;
    `triggers` is the telemetry that raised the alert, as it was when the case opened.
    """

    findings: tuple[Finding, ...]
    claims: tuple[CheckedClaim, ...]
    customer: Glance
    links: LinkedEntities
    triggers: tuple[Telemetry, ...]


class NoteRequest(Frozen):
    text: Annotated[FreeText, Field(min_length=1)]


class DeferRequest(Frozen):
    """Until when nobody needs to look at the case: before its decision deadline."""

    until: AwareDatetime
    reason: FreeText = ""


class TagRequest(Frozen):
    """Tags to put on a case, and tags to take off."""

    add: Annotated[tuple[Tag, ...], Field(max_length=MOST_TAGS)] = ()
    remove: Annotated[tuple[Tag, ...], Field(max_length=MOST_TAGS)] = ()


class WithdrawRequest(Frozen):
    reason: FreeText = ""


class ReverseRequest(Frozen):
    action_id: str
    reason: Annotated[FreeText, Field(min_length=1)]


class NextRequest(Frozen):
    """Which case to hand out: by default the one that expires first among those waiting for one's role."""

    customer_id: int | None = None
    alert_type: str | None = None
    filter: Annotated[str, Field(max_length=500)] = ""
    """In the filter language; only a case that it matches is handed out."""


class BulkItem(DecisionRequest):
    """One decision of a bulk request."""

    case_id: str


class BulkRequest(Frozen):
    items: Annotated[tuple[BulkItem, ...], Field(min_length=1, max_length=500)]


class BulkResult(Frozen):
    """What became of one decision: `accepted`, or refused with the same status and words as alone."""

    case_id: str
    accepted: bool
    status: int
    detail: str


class BulkResponse(Frozen):
    results: tuple[BulkResult, ...]
    accepted: int
    refused: int


class RejectedTelemetry(Frozen):
    """A record that was not taken: where it stood in the batch, and why."""

    index: int
    event_id: str | None
    field: str
    reason: str


class TelemetryReceipt(Frozen):
    """What became of a batch. Accepted events are on disk; duplicates were, before."""

    accepted: int
    duplicates: int
    rejected: tuple[RejectedTelemetry, ...]


class Me(Frozen):
    """Who the server takes the caller for, and until when if they signed in."""

    actor: Actor
    authenticated: bool
    environment: str
    signed_in_until: AwareDatetime | None = None


class SignInTerms(Frozen):
    """What somebody needs to know to sign in; nothing of it is secret. All empty where nobody has to."""

    required: bool = False
    authority: str = ""
    tenant_id: str = ""
    client_id: str = ""
    scope: str = ""


class Stats(Frozen):
    """The desk at a glance."""

    by_status: dict[Status, int]
    by_outcome: dict[str, int]
    open_total: int
    awaiting_total: int
    oldest_waiting_seconds: float | None
    next_deadline: AwareDatetime | None
    decisions_accepted: int
    median_decision_seconds: float | None
    usage: TokenUsage
    telemetry_events: int
    alerts_by_rule: dict[str, int]
    shadow_hits_by_rule: dict[str, int]
    stream_clients: int


class AuditReport(Frozen):
    """Whether the record verifies; the first bad record of each broken case."""

    cases: int
    events: int
    broken: tuple["AuditBreak", ...]


class AuditBreak(Frozen):
    case_id: str
    seq: int
    reason: str


class Problem(Frozen):
    """An error as RFC 9457 describes it (application/problem+json)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    errors: tuple[dict[str, JsonValue], ...] = ()


class CaseChange(Frozen):
    """Data of a `case` frame of the stream: something happened, and the case's row after it."""

    cursor: str
    event: ev.CaseEvent
    summary: CaseSummary


class TelemetrySeen(Frozen):
    """Data of a `telemetry` frame of the stream."""

    cursor: str
    event: Telemetry


class StreamNotice(Frozen):
    """Data of a `hello`, `behind` or `expired` frame: where the stream stands, and what to do.

    After `expired`, whose cursor is empty, the stream ends: go on from your own cursor with a new token.
    """

    kind: Literal["hello", "behind", "expired"]
    cursor: str
    detail: str


def found_in(row: CaseSummary) -> int:
    """In how many other cases the customer, or one linked to them, is found."""
    return row.other_cases + row.cases_of_linked


def summarise(case: Case, now: datetime, cases_of_customer: int = 1, cases_of_linked: int = 0) -> CaseSummary:
    """The queue's row of a case at a moment (an expired claim is no claim), one of its customer's cases."""
    review, assessment, decision = case.review, case.assessment, case.decision
    return CaseSummary(
        case_id=case.case_id,
        seq=case.seq,
        alert_id=case.alert.alert_id,
        alert_type=case.alert.alert_type,
        severity=case.alert.severity,
        description=case.alert.description,
        customer_id=case.alert.customer_id,
        amount=case.alert.amount,
        status=case.status,
        stage=review.stage if review and case.awaiting else None,
        attempt=case.attempt,
        max_attempts=case.terms.max_attempts,
        risk=case.risk,
        evidence_risk=assessment.evidence_risk if assessment else None,
        level=assessment.level if assessment else None,
        recommended_action=assessment.recommended_action if assessment else None,
        assessment_hash=case.assessment_hash,
        required_role=review.required_role if review and case.awaiting else None,
        second_approver=bool(assessment and assessment.second_approver),
        proposed=review.proposed.summary if review and case.awaiting and review.proposed else None,
        passed_on=_passed_on(case),
        deadline=case.deadline,
        hold_until=case.hold_until,
        hold_seconds=case.terms.hold_seconds,
        claim=_claim_view(case, now),
        deferral=_deferral_view(case.deferred_at(now)),
        returned=_deferral_view(case.returned_at(now)) if case.awaiting else None,
        rejected=_rejected(case),
        progress=case.progress,
        degraded=assessment.degraded if assessment else (),
        tags=case.tags,
        other_cases=max(0, cases_of_customer - 1),
        cases_of_linked=cases_of_linked,
        linked_customers=case.linked_customers or (),
        notes=case.notes,
        decided=decision.summary if decision else None,
        outcome=case.outcome,
        action_taken=case.action_taken,
        undone=_undone(case),
        opened_at=case.opened_at,
        updated_at=case.updated_at,
        closed_at=case.closed_at,
    )


def _claim_view(case: Case, now: datetime) -> ClaimView | None:
    claim = case.claim_at(now)
    if claim is None:
        return None
    return ClaimView(actor_id=claim.actor.actor_id, name=claim.actor.label, until=claim.until)


def _rejected(case: Case) -> str | None:
    if case.rejected is None:
        return None
    decision = case.rejected
    return f"attempt {decision.attempt} rejected by {decision.actor.label}: {decision.feedback}"


def _undone(case: Case) -> UndoneView | None:
    """The last word on undoing a closed case's steps: what is done before what is only ordered.

    Steps that were rolled back before the case closed are no part of how it ended.
    """
    asked = [one for one in case.undoings if case.closed_at is not None and one.at >= case.closed_at]
    if not asked:
        return None
    done = [one for one in asked if one.done]
    told = done or asked
    step_of = {receipt.action_id: receipt.step for receipt in case.receipts}
    return UndoneView(
        actor_id=told[-1].actor.actor_id,
        name=told[-1].actor.label,
        at=told[-1].at,
        reason=told[-1].reason,
        steps=tuple(step_of[one.action_id] for one in told if one.action_id in step_of),
        done=bool(done),
        whole=set(step_of) <= set(case.reversed_actions),
    )


def _deferral_view(deferral: Deferral | None) -> DeferralView | None:
    if deferral is None:
        return None
    return DeferralView(
        actor_id=deferral.actor.actor_id,
        name=deferral.actor.label,
        since=deferral.since,
        until=deferral.until,
        reason=deferral.reason,
    )


def _passed_on(case: Case) -> str | None:
    if case.passed_on is None or case.review is None or case.review.stage is not Stage.SENIOR:
        return None
    return f"{case.passed_on.summary}: {case.passed_on.feedback}"

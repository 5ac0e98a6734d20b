"""A case: the fold of its events. `apply(case, event)` is the only way a case changes."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import AwareDatetime, Field

from casework import events as ev
from casework.action import Action, ActionReceipt
from casework.actor import Actor, Role
from casework.alert import Alert, CustomerId, Frozen
from casework.assessment import Assessment
from casework.canonical import GENESIS
from casework.decision import Decision, Stage
from casework.errors import NotFoundError, SequenceError
from casework.finding import Finding, FindingStatus, Risk, Specialist, TokenUsage
from casework.links import with_linked
from casework.policy import Terms
from casework.transitions import AWAITING, Status, next_status


class CaseClaim(Frozen):
    """Who is working on the case, and until when nobody else can take it."""

    actor: Actor
    until: AwareDatetime


class Deferral(Frozen):
    """Who deferred the case, until when and why."""

    actor: Actor
    since: AwareDatetime
    until: AwareDatetime
    reason: str = ""


class Review(Frozen):
    """The question that is, or was last, put to a person. A decision must answer exactly this one."""

    number: int
    stage: Stage
    attempt: int
    assessment_hash: str
    deadline: AwareDatetime
    required_role: Role
    proposed: Decision | None = None


class Progress(Frozen):
    """How far one specialist has come in the present attempt."""

    tool_calls: int = 0
    last_tool: str | None = None
    status: FindingStatus | None = None
    risk: Risk | None = None


class Case(Frozen):
    """The projection of a case's events: everything needed to list it, decide on it and drive it."""

    case_id: str
    seq: int
    head_hash: str
    status: Status
    alert: Alert
    terms: Terms
    opened_at: AwareDatetime
    updated_at: AwareDatetime
    attempt: int = 0
    feedback: str = ""
    progress: dict[Specialist, Progress] = Field(default_factory=dict)
    assessment: Assessment | None = None
    assessment_hash: str | None = None
    review: Review | None = None
    decision: Decision | None = None
    """The decision on the present review, from its acceptance on; None while one is awaited."""
    decision_applied: bool = False
    hold_until: AwareDatetime | None = None
    claim: CaseClaim | None = None
    deferral: Deferral | None = None
    """Only while a decision is awaited: a claim, a decision or the end of its time ends it."""
    returned: Deferral | None = None
    """The deferral that the case came back from, until something is decided or asked anew."""
    rejected: Decision | None = None
    """Who sent the case back to the agents for the present attempt, and with which feedback."""
    tags: tuple[str, ...] = ()
    linked_customers: tuple[CustomerId, ...] | None = None
    """Who shares something with the customer, by any attempt's findings; None when a projection is older."""
    notes: int = 0
    decisions: int = 0
    """How many decisions were accepted over the whole case."""
    refused: int = 0
    """How many orders the case flow was given and did not believe."""
    receipts: tuple[ActionReceipt, ...] = ()
    reversed_actions: tuple[str, ...] = ()
    escalation: ev.EscalationReason | None = None
    passed_on: Decision | None = None
    """Who sent the present assessment to the senior queue, and why; None when nobody did."""
    usage: TokenUsage = TokenUsage()
    outcome: ev.Outcome | None = None
    action_taken: Action | None = None
    closed_at: AwareDatetime | None = None

    @property
    def awaiting(self) -> bool:
        """Whether a person is asked to decide now."""
        return self.status in AWAITING

    @property
    def deadline(self) -> datetime | None:
        """When silence has a consequence: the review's deadline, only while one is awaited."""
        return self.review.deadline if self.review and self.awaiting else None

    @property
    def risk(self) -> float | None:
        return self.assessment.risk if self.assessment else None

    def progress_of(self, specialist: Specialist) -> Progress:
        """How far a specialist has come; one who has not begun has come nowhere."""
        return self.progress.get(specialist, Progress())

    def claim_at(self, now: datetime) -> CaseClaim | None:
        """How the case is held at a moment; an expired claim is no claim."""
        return self.claim if self.claim and self.claim.until > now else None

    def claimed_by(self, now: datetime) -> Actor | None:
        """Who holds the case at a moment."""
        claim = self.claim_at(now)
        return claim.actor if claim else None

    def deferred_at(self, now: datetime) -> Deferral | None:
        """How the case is deferred at a moment; a deferral whose time has come is none."""
        return self.deferral if self.deferral and self.deferral.until > now else None

    def returned_at(self, now: datetime) -> Deferral | None:
        """The deferral that the case has come back from at a moment, by a hand or because its time came."""
        return (
            self.returned if self.deferral is None else None if self.deferral.until > now else self.deferral
        )


Changes = dict[str, object]
"""Fields of a case and what they become."""

_UNASSESSED: Changes = {"assessment": None, "assessment_hash": None}
_UNDECIDED: Changes = {"decision": None, "decision_applied": False}
_NOT_PUT_OFF: Changes = {"deferral": None, "returned": None}
_IN_NO_HANDS: Changes = {"claim": None, **_NOT_PUT_OFF}


def apply(case: Case | None, event: ev.CaseEvent) -> Case:
    """The case after one more event.

    Raises TransitionError when the event is not possible in the case's status, and SequenceError
    when it does not follow the case's last event.
    """
    status = next_status(case.status if case else None, event.body)
    if case is None:
        return _opened(event, status)
    if event.seq != case.seq + 1 or event.prev_hash != case.head_hash:
        raise SequenceError(f"event {event.seq} does not follow event {case.seq} of {case.case_id}")
    changes = _changes(case, event)
    head = {"seq": event.seq, "head_hash": event.hash, "status": status, "updated_at": event.occurred_at}
    return case.model_copy(update={**changes, **head})


def extend(
    case: Case | None, case_id: str, events: Iterable[ev.NewEvent]
) -> tuple[Case, tuple[ev.CaseEvent, ...]]:
    """The case after some new events, and those events sealed as they follow its last.

    Raises NotFoundError when there is no case and the first of them opens none, and TransitionError.
    """
    sealed: list[ev.CaseEvent] = []
    for event in events:
        if case is None and event.body.type != "opened":
            raise NotFoundError(f"no case {case_id}")
        seq, prev_hash = (case.seq, case.head_hash) if case else (0, GENESIS)
        sealed.append(ev.seal(event, case_id, seq + 1, prev_hash))
        case = apply(case, sealed[-1])
    if case is None:
        raise NotFoundError(f"no case {case_id}")
    return case, tuple(sealed)


def expect_seq(case: Case | None, case_id: str, expected_seq: int | None) -> None:
    """Raise SequenceError when a case is not where a writer believes it to be; 0 means that there is none."""
    found = case.seq if case else 0
    if expected_seq is not None and expected_seq != found:
        raise SequenceError(f"{case_id} is at event {found}, not {expected_seq}: reload and try again")


def replay(events: Iterable[ev.CaseEvent]) -> Case | None:
    """The case that a whole record describes; None for an empty one."""
    case: Case | None = None
    for event in events:
        case = apply(case, event)
    return case


def _opened(event: ev.CaseEvent, status: Status) -> Case:
    assert isinstance(event.body, ev.Opened)
    if event.seq != 1 or event.prev_hash != GENESIS:
        raise SequenceError(f"event {event.seq} cannot open {event.case_id}")
    return Case(
        case_id=event.case_id,
        seq=event.seq,
        head_hash=event.hash,
        status=status,
        alert=event.body.alert,
        terms=event.body.terms,
        opened_at=event.occurred_at,
        updated_at=event.occurred_at,
        linked_customers=(),
    )


def _changes(case: Case, event: ev.CaseEvent) -> Changes:
    """What an event changes beside sequence and status; each belongs to one part of the work, or to none."""
    return (
        _investigating(case, event.body)
        or _handling(case, event)
        or _deciding(case, event.body)
        or _acting(case, event.body)
        or _adding(case, event.body)
        or _ending(event)
    )


def _investigating(case: Case, body: ev.EventBody) -> Changes:
    """What the specialists found, and what it was weighed to."""
    match body:
        case ev.InvestigationStarted(attempt=attempt, feedback=feedback):
            begun = {specialist: Progress() for specialist in Specialist}
            sent_back = case.decision if case.decision and not case.decision.approved else None
            asked = {"attempt": attempt, "feedback": feedback, "passed_on": None}
            asked |= {"rejected": sent_back, "returned": None}
            return {"progress": begun, **asked, **_UNASSESSED, **_UNDECIDED}
        case ev.ToolCalled(specialist=specialist, call=call):
            calls = case.progress_of(specialist).tool_calls + 1
            return _progress(case, specialist, tool_calls=calls, last_tool=call.tool)
        case ev.FindingRecorded(finding=found):
            return {
                **_progress(case, found.specialist, status=found.status, risk=found.risk),
                "usage": case.usage + found.usage,
                "linked_customers": _linked(case, found),
            }
        case ev.AssessmentRecorded(assessment=assessment, assessment_hash=assessment_hash):
            return {"assessment": assessment, "assessment_hash": assessment_hash}
        case _:
            return {}


def _handling(case: Case, event: ev.CaseEvent) -> Changes:
    """Who works on the case, and who put it off."""
    match event.body:
        case ev.Claimed(until=until):
            return {"claim": CaseClaim(actor=event.actor, until=until), **_back(case)}
        case ev.Released():
            return {"claim": None}
        case ev.Deferred(until=until, reason=reason):
            put_off = Deferral(actor=event.actor, since=event.occurred_at, until=until, reason=reason)
            return {"deferral": put_off, "claim": None, "returned": None}
        case ev.DeferralEnded():
            return _back(case)
        case _:
            return {}


def _back(case: Case) -> Changes:
    """A case that was put off is so no more, and it stays known that it was; any other is as before."""
    return {"deferral": None, "returned": case.deferral or case.returned}


def _deciding(case: Case, body: ev.EventBody) -> Changes:
    """What is asked, what is answered, and what becomes of the answer."""
    match body:
        case ev.ReviewRequested():
            review = Review(number=body.review, **body.model_dump(exclude={"type", "review"}))
            return {"review": review, "hold_until": None, **_NOT_PUT_OFF, **_UNDECIDED}
        case ev.DecisionSubmitted(decision=decision):
            accepted = {"decision": decision, "decisions": case.decisions + 1}
            return {**_UNDECIDED, **accepted, **_NOT_PUT_OFF}
        case ev.DecisionApplied():
            return {"decision_applied": True}
        case ev.Escalated(reason=reason):
            passed_on = case.decision if reason is ev.EscalationReason.ANALYST else None
            return {"escalation": reason, "passed_on": passed_on, **_UNDECIDED, **_IN_NO_HANDS}
        case _:
            return {}


def _acting(case: Case, body: ev.EventBody) -> Changes:
    """How an approved action is held, taken back, carried out and undone."""
    match body:
        case ev.HoldStarted(until=until):
            return {"hold_until": until}
        case ev.DecisionWithdrawn() | ev.ActionStarted():
            return {"hold_until": None}
        case ev.ActionExecuted(receipt=receipt):
            return {"receipts": (*case.receipts, receipt)}
        case ev.ActionReversed(reverses=action_id):
            return {"reversed_actions": (*case.reversed_actions, action_id)}
        case _:
            return {}


def _adding(case: Case, body: ev.EventBody) -> Changes:
    """What may be added at any time, and moves nothing."""
    match body:
        case ev.TagsChanged(added=added, removed=removed):
            return {"tags": tuple(sorted({*case.tags, *added} - {*removed}))}
        case ev.NoteAdded():
            return {"notes": case.notes + 1}
        case ev.OrderRefused():
            return {"refused": case.refused + 1}
        case _:
            return {}


def _ending(event: ev.CaseEvent) -> Changes:
    if not isinstance(event.body, ev.CaseClosed):
        return {}
    ended = {"outcome": event.body.outcome, "action_taken": event.body.action, "closed_at": event.occurred_at}
    return {**ended, **_IN_NO_HANDS}


def _progress(case: Case, specialist: Specialist, **news: object) -> Changes:
    """One specialist has come further; the others are where they were."""
    further = case.progress_of(specialist).model_copy(update=news)
    return {"progress": {**case.progress, specialist: further}}


def _linked(case: Case, found: Finding) -> tuple[int, ...] | None:
    """What is not known of earlier findings stays unknown, so that the projection never says half of it."""
    known = case.linked_customers
    return None if known is None else with_linked(known, found, case.alert.customer_id)

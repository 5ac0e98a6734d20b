"""What crosses the task hub: typed, versioned, small. Evidence stays in the case store."""

from pydantic import AwareDatetime, JsonValue

from casework.action import Action, Step
from casework.actor import Actor
from casework.alert import Alert, Frozen
from casework.case import Case
from casework.decision import HexDigest
from casework.events import EscalationReason, Outcome
from casework.policy import Route, Terms
from casework.ports import FlowStart
from casework.transitions import Status


class OpenReview(Frozen):
    """The question being put to a person, as far as a decision has to match it."""

    number: int
    attempt: int
    assessment_hash: HexDigest
    deadline: AwareDatetime


class Standing(Frozen):
    """Where a case stands after a step: all that the orchestration needs to choose the next one."""

    case_id: str
    status: Status
    attempt: int
    risk: float | None = None
    assessment_hash: str | None = None
    route: Route | None = None
    review: OpenReview | None = None
    hold_until: AwareDatetime | None = None
    action: Action | None = None
    outcome: Outcome | None = None
    escalation: EscalationReason | None = None


class RunRequest(Frozen):
    """Input of the agent entity's operation `run`. Running twice with the same values is running once."""

    case_id: str
    correlation_id: str
    attempt: int
    alert: Alert
    terms: Terms


class CaseCall(Frozen):
    """Input of an activity that moves a case on."""

    case_id: str
    attempt: int = 1
    review: int = 0
    hold_is_over: bool = False
    order: JsonValue = None
    """The decision or withdrawal as it came through the task hub, unbelieved."""
    alert: Alert | None = None
    terms: Terms | None = None


class StepCall(Frozen):
    """Input of an activity that executes or undoes a step on the customer's account."""

    case_id: str
    step: Step | None = None
    action_id: str | None = None
    error: str = ""
    by: Actor | None = None
    reason: str = ""


class StepOutcome(Frozen):
    """What became of a step: done, refused for good, or out of reach for now."""

    action_id: str = ""
    error: str | None = None
    permanent: bool = False


class Fault(Frozen):
    """An activity's answer when trying again cannot help; the orchestration fails with it."""

    fault: str


def before(start: FlowStart) -> Standing:
    """Where a case stands before anything was done."""
    return Standing(case_id=start.case_id, status=Status.OPEN, attempt=0)


def standing_of(case: Case) -> Standing:
    """Where a case stands now."""
    review = case.review
    return Standing(
        case_id=case.case_id,
        status=case.status,
        attempt=case.attempt,
        risk=case.risk,
        assessment_hash=case.assessment_hash,
        route=case.assessment.route if case.assessment else None,
        review=OpenReview(
            number=review.number,
            attempt=review.attempt,
            assessment_hash=review.assessment_hash,
            deadline=review.deadline,
        )
        if review
        else None,
        hold_until=case.hold_until,
        action=case.decision.action if case.decision else case.action_taken,
        outcome=case.outcome,
        escalation=case.escalation,
    )

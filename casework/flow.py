"""What the flow itself does to a case, step by step: each function returns the events a step causes.

Pure, like `casework.commands`, which is what people may ask. A step that has already happened, or
that an accepted decision has overtaken, returns nothing; a step that belongs to an earlier attempt
raises TransitionError, so that a late writer can be dropped.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from casework.action import Action, ActionOrder, ActionReceipt, Step, order_id
from casework.actor import AGENT, POLICY, SYSTEM, Actor, Role
from casework.alert import Money
from casework.assessment import Assessment
from casework.case import Case, Review
from casework.decision import Decision, Stage
from casework.errors import NotFoundError, TransitionError
from casework.events import (
    ActionExecuted,
    ActionFailed,
    ActionReversed,
    ActionStarted,
    AssessmentRecorded,
    CaseClosed,
    DecisionApplied,
    DeferralEnded,
    Escalated,
    EscalationReason,
    EventBody,
    FindingRecorded,
    HoldStarted,
    InvestigationStarted,
    NewEvent,
    NotificationSent,
    Outcome,
    ReviewRequested,
    ToolCalled,
)
from casework.finding import Finding, Specialist, ToolCall
from casework.policy import Policy, needs_second_approver
from casework.transitions import Status

Events = Sequence[NewEvent]

TIME_TO_THINK_AGAIN = timedelta(minutes=15)
"""What a case is given at least when its approval was withdrawn shortly before its deadline."""

_OUTCOMES = {
    Outcome.AUTO_CLEARED: "closed by policy: the evidence stays below the threshold",
    Outcome.CLEARED: "cleared: nothing is done to the account",
    Outcome.ACTIONED: "the ordered action was carried out",
    Outcome.UNANSWERED: "nobody decided in time: nothing was done to the account, a lead must look",
    Outcome.FAILED: "the flow ended without an outcome",
}


def start_investigation(case: Case, attempt: int, now: datetime, feedback: str = "") -> Events:
    """Begin an attempt; nothing when it has begun."""
    if case.attempt >= attempt:
        return ()
    body = InvestigationStarted(attempt=attempt, feedback=feedback)
    return (_event(case, f"investigation:{attempt}", AGENT, now, body),)


def record_tool_call(
    case: Case, attempt: int, specialist: Specialist, call: ToolCall, now: datetime
) -> Events:
    """Note a tool call while its attempt is under investigation. Raises TransitionError when it is over."""
    _require_investigating(case, attempt)
    body = ToolCalled(attempt=attempt, specialist=specialist, call=call)
    return (_event(case, f"tool:{attempt}:{specialist}:{call.call_id}", AGENT, now, body),)


def record_finding(case: Case, finding: Finding, now: datetime) -> Events:
    """Note a specialist's finding, the first one of its attempt. Raises TransitionError when that is over."""
    _require_investigating(case, finding.attempt)
    if case.progress_of(finding.specialist).status is not None:
        return ()
    body = FindingRecorded(finding=finding)
    return (_event(case, f"finding:{finding.attempt}:{finding.specialist}", AGENT, now, body),)


def record_assessment(case: Case, assessment: Assessment, now: datetime) -> Events:
    """Conclude an attempt; nothing when it has been concluded, by whatever assessment."""
    if case.attempt > assessment.attempt or case.status not in (Status.OPEN, Status.INVESTIGATING):
        return ()
    begun = start_investigation(case, assessment.attempt, now)
    body = AssessmentRecorded(assessment=assessment, assessment_hash=assessment.hash)
    return (*begun, _event(case, f"assessment:{assessment.attempt}", POLICY, now, body))


def request_review(case: Case, now: datetime) -> Events:
    """Ask a person: about a new assessment, or again after an approval was withdrawn.

    Being asked again is no new question: it is due when it was, with TIME_TO_THINK_AGAIN at the least.
    """
    if case.status is Status.ASSESSED:
        return (_review(case, Stage.ANALYST, now),)
    if case.status is Status.WITHDRAWN:
        due = case.review.deadline if case.review else now
        return (_review(case, _base_stage(case.review), now, due=max(due, now + TIME_TO_THINK_AGAIN)),)
    return ()


def apply_decision(case: Case, policy: Policy, now: datetime) -> Events:
    """Take up the accepted decision: the hold, the second approver, the next attempt, or a senior."""
    decision, review = case.decision, case.review
    if case.status is not Status.DECIDED or decision is None or review is None:
        return ()
    body = DecisionApplied(decision_id=decision.decision_id, review=review.number)
    applied = () if case.decision_applied else (_event(case, f"applied:{review.number}", SYSTEM, now, body),)
    follow = _passed_on if decision.escalate else _approved if decision.approved else _rejected
    return (*applied, *follow(case, review, decision, policy, now))


def expire_review(case: Case, review_number: int, now: datetime) -> Events:
    """Silence: a senior is asked; a senior's silence closes the case. Nothing once a decision is in."""
    review = case.review
    if review is None or not case.awaiting or review.number != review_number:
        return ()
    if review.stage is Stage.SENIOR:
        return close(case, Outcome.UNANSWERED, None, now)
    return _escalated(case, EscalationReason.TIMEOUT, now)


def end_deferral(case: Case, now: datetime) -> Events:
    """A deferral's time has come: the case is on everybody's desk again."""
    if case.deferral is None or case.deferral.until > now:
        return ()
    return (_event(case, f"deferral-ended:{case.seq}", SYSTEM, now, DeferralEnded()),)


def begin_action(case: Case, now: datetime, *, hold_is_over: bool = False) -> Events:
    """End the hold and start executing, unless the approval was withdrawn or the hold still runs."""
    held = case.status is Status.HELD and case.hold_until is not None
    if not held or case.review is None or case.decision is None or case.decision.action is None:
        return ()
    if not hold_is_over and case.hold_until is not None and now < case.hold_until:
        return ()
    body = ActionStarted(action=case.decision.action, attempt=case.attempt)
    return (_event(case, f"action-started:{case.review.number}", SYSTEM, now, body),)


def order_for(case: Case, step: Step) -> ActionOrder:
    """The order of a step of the decided action.

    Its id is the same on every try; only when it was executed and undone does the step get a new one.
    Raises TransitionError unless the case is executing an action with this step.
    """
    action = case.decision.action if case.decision else None
    if case.status is not Status.EXECUTING or action is None or step not in action.steps:
        raise TransitionError(f"no {step} is ordered while the case is {case.status}")
    first = order_id(case.case_id, case.attempt, step)
    number = case.review.number if case.review else 0
    action_id = f"{first}:{number}" if first in case.reversed_actions else first
    return ActionOrder(
        action_id=action_id,
        case_id=case.case_id,
        customer_id=case.alert.customer_id,
        attempt=case.attempt,
        step=step,
        amount=_amount(case, step),
    )


def lacks_second_approver(case: Case, policy: Policy) -> bool:
    """Whether policy wants a second person for what is executed, and nobody was asked as one."""
    decision = case.decision
    if decision is None or decision.action is None or decision.stage is Stage.SECOND:
        return False
    return needs_second_approver(policy, case.alert, decision.action)


def inverse_order_for(case: Case, action_id: str) -> ActionOrder:
    """The order that undoes an executed step. Raises NotFoundError when no such step was executed."""
    receipt = next((done for done in case.receipts if done.action_id == action_id), None)
    if receipt is None:
        raise NotFoundError(f"no executed action {action_id} in {case.case_id}")
    return ActionOrder(
        action_id=f"{action_id}:undo",
        case_id=case.case_id,
        customer_id=case.alert.customer_id,
        attempt=case.attempt,
        step=receipt.step.inverse,
        amount=_amount(case, receipt.step),
        reverses=action_id,
    )


def record_execution(case: Case, receipt: ActionReceipt, now: datetime) -> Events:
    """Note that a step was executed, once."""
    if any(done.action_id == receipt.action_id for done in case.receipts):
        return ()
    body = ActionExecuted(receipt=receipt)
    return (_event(case, f"executed:{_tail(case, receipt.action_id)}", SYSTEM, now, body),)


def record_failure(case: Case, step: Step, error: str, now: datetime) -> Events:
    """Note that a step finally failed; nothing when the case has left execution."""
    if case.status is not Status.EXECUTING:
        return ()
    order = order_for(case, step)
    number = case.review.number if case.review else 0
    body = ActionFailed(action_id=order.action_id, step=step, error=error[:2000])
    return (_event(case, f"failed:{_tail(case, order.action_id)}:{number}", SYSTEM, now, body),)


def record_reversal(
    case: Case, receipt: ActionReceipt, reverses: str, now: datetime, *, by: Actor = SYSTEM, reason: str = ""
) -> Events:
    """Note that an executed step was undone, once."""
    if reverses in case.reversed_actions:
        return ()
    body = ActionReversed(reverses=reverses, receipt=receipt, reason=reason[:4000])
    return (_event(case, f"reversed:{_tail(case, reverses)}", by, now, body),)


def escalate_failed_action(case: Case, now: datetime) -> Events:
    """Hand a case whose action failed to a senior."""
    if case.status is not Status.EXECUTING:
        return ()
    return _escalated(case, EscalationReason.ACTION_FAILED, now)


def finish(case: Case, now: datetime) -> Events:
    """Close a case whose action is done, or that policy cleared. Nothing when it is closed."""
    if case.status is Status.CLOSED:
        return ()
    if case.status is Status.ASSESSED:
        return close(case, Outcome.AUTO_CLEARED, Action.CLEAR, now)
    action = case.decision.action if case.decision else None
    if case.status is not Status.EXECUTING or action is None:
        raise TransitionError(f"a case that is {case.status} has no outcome yet")
    missing = [step for step in action.steps if order_for(case, step).action_id not in _executed(case)]
    if missing:
        raise TransitionError(f"{', '.join(missing)} is not executed yet")
    return close(case, Outcome.ACTIONED if action.steps else Outcome.CLEARED, action, now)


def close(case: Case, outcome: Outcome, action: Action | None, now: datetime) -> Events:
    """Notify and close in one stroke, so that no case ends unannounced and none is announced twice."""
    if case.status is Status.CLOSED:
        return ()
    detail = _OUTCOMES[outcome]
    told = NotificationSent(channel="case record", text=f"{case.case_id}: {detail}")
    closed = CaseClosed(outcome=outcome, action=action, detail=detail)
    by = POLICY if outcome is Outcome.AUTO_CLEARED else SYSTEM
    return (_event(case, "notified", SYSTEM, now, told), _event(case, "closed", by, now, closed))


def _approved(case: Case, review: Review, decision: Decision, policy: Policy, now: datetime) -> Events:
    action = decision.action
    if action is None:
        raise TransitionError("an approval without an action cannot be carried out")
    if review.stage is not Stage.SECOND and needs_second_approver(policy, case.alert, action):
        return (_review(case, Stage.SECOND, now, proposed=decision),)
    until = now + timedelta(seconds=case.terms.hold_seconds)
    body = HoldStarted(review=review.number, action=action, until=until)
    return (_event(case, f"hold:{review.number}", SYSTEM, now, body),)


def _passed_on(case: Case, review: Review, decision: Decision, policy: Policy, now: datetime) -> Events:
    return _escalated(case, EscalationReason.ANALYST, now)


def _rejected(case: Case, review: Review, decision: Decision, policy: Policy, now: datetime) -> Events:
    if review.stage is Stage.SECOND:
        base = _base_stage(review)
        if base is Stage.SENIOR:
            return _escalated(case, case.escalation or EscalationReason.TIMEOUT, now)
        return (_review(case, base, now),)
    if case.attempt < case.terms.max_attempts:
        return start_investigation(case, case.attempt + 1, now, decision.feedback)
    return _escalated(case, EscalationReason.ATTEMPTS_EXHAUSTED, now)


def _escalated(case: Case, reason: EscalationReason, now: datetime) -> Events:
    number = case.review.number if case.review else 0
    body = Escalated(reason=reason)
    return (_event(case, f"escalated:{number}", POLICY, now, body), _review(case, Stage.SENIOR, now))


def _review(
    case: Case, stage: Stage, now: datetime, proposed: Decision | None = None, due: datetime | None = None
) -> NewEvent:
    """A question that must be answered within its stage's time, or by `due` if that is sooner."""
    if case.assessment is None or case.assessment_hash is None:
        raise TransitionError("there is no assessment to review")
    number = case.review.number + 1 if case.review else 1
    seconds = (
        case.terms.senior_deadline_seconds if stage is Stage.SENIOR else case.terms.decision_deadline_seconds
    )
    deadline = now + timedelta(seconds=seconds)
    body = ReviewRequested(
        review=number,
        stage=stage,
        attempt=case.attempt,
        assessment_hash=case.assessment_hash,
        deadline=min(deadline, due) if due else deadline,
        required_role=_role_for(stage, case.assessment.required_role),
        proposed=proposed,
    )
    return _event(case, f"review:{number}", POLICY, now, body)


def _role_for(stage: Stage, least: Role) -> Role:
    if stage is Stage.SENIOR and not least.includes(Role.SENIOR):
        return Role.SENIOR
    return least


def _base_stage(review: Review | None) -> Stage:
    """Who is asked when a review has to be repeated: whoever gave the approval, not the second one."""
    if review is None:
        return Stage.ANALYST
    if review.stage is Stage.SECOND:
        return review.proposed.stage if review.proposed else Stage.ANALYST
    return review.stage


def _amount(case: Case, step: Step) -> Money | None:
    return case.alert.amount if step in (Step.REFUND_CHARGES, Step.REVERSE_REFUND) else None


def _executed(case: Case) -> frozenset[str]:
    return frozenset(receipt.action_id for receipt in case.receipts) - frozenset(case.reversed_actions)


def _require_investigating(case: Case, attempt: int) -> None:
    if case.status is not Status.INVESTIGATING or case.attempt != attempt:
        raise TransitionError(
            f"attempt {attempt} is over: the case is {case.status} in attempt {case.attempt}"
        )


def _tail(case: Case, action_id: str) -> str:
    """An action id without the case id it begins with: event ids have it already."""
    return action_id.removeprefix(f"{case.case_id}:")


def _event(case: Case, key: str, actor: Actor, now: datetime, body: EventBody) -> NewEvent:
    return NewEvent(event_id=f"{case.case_id}:{key}", occurred_at=now, actor=actor, body=body)

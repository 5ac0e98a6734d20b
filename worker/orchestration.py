"""The case flow: where the case stands decides what happens next, until it is closed.

Deterministic: time comes from the context, everything else from activities, the agent entity and
events. The case store arbitrates; every activity returns where the case stands afterwards, so an
orchestration that starts over, or hears an event twice or late, goes on from the truth.
"""

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar

from durabletask import task
from durabletask.entities import EntityInstanceId
from pydantic import BaseModel, JsonValue, ValidationError

from casework import durable_names as names
from casework.action import Action
from casework.events import EscalationReason, Outcome
from casework.policy import Route
from casework.ports import DecisionEvent, FlowStart, ReversalOrder, WithdrawalEvent
from casework.transitions import Status
from worker.payloads import (
    CaseCall,
    Fault,
    OpenReview,
    RunRequest,
    Standing,
    StepCall,
    StepOutcome,
    before,
)

Step = Generator[task.Task[Any], Any, Standing]
T = TypeVar("T", bound=BaseModel)

KNOWN_VERSION = 1
JUDGES_ORDERS = (1, 1)
"""The first version of the flow in which an activity judges what arrives; see `names.FLOW_VERSION`."""
LARGEST_ORDER = 256 * 1024
"""Characters of JSON. A decision cannot have more; what has is not even looked at."""
MAX_ENTITY_KEY = 70
"""Ids on a task hub have at most 100 characters, and the entity's name takes some of them."""


class CaseFlowError(Exception):
    """The flow cannot go on; the message says why. The server closes the case as failed."""


@dataclass(frozen=True)
class Patience:
    """How long to try before giving up. Seconds."""

    store_first: float = 1
    store_longest: float = 300
    store_tries: int = 500
    action_delays: tuple[float, ...] = (1, 2, 4, 8, 15, 30)
    agent_grace: float = 15
    """Added to the agent's own deadline before the flow goes on without it."""

    @property
    def store_policy(self) -> task.RetryPolicy:
        """For activities: only an unreachable case store makes one fail."""
        return task.RetryPolicy(
            first_retry_interval=timedelta(seconds=self.store_first),
            max_number_of_attempts=self.store_tries,
            backoff_coefficient=2,
            max_retry_interval=timedelta(seconds=self.store_longest),
        )


PATIENCE = Patience()


def fraud_detection_orchestration(ctx: task.OrchestrationContext, raw: Any) -> Any:
    """From an alert to a closed case; returns the result that the demo's page shows."""
    return (yield from run_case(ctx, raw, PATIENCE))


def reverse_fraud_action(ctx: task.OrchestrationContext, raw: Any) -> Any:
    """Undo one executed step, once; returns whether that worked and, if not, why."""
    return (yield from run_reversal(ctx, raw, PATIENCE))


def run_case(
    ctx: task.OrchestrationContext, raw: Any, patience: Patience
) -> Generator[task.Task[Any], Any, dict[str, Any]]:
    """The case flow with a given patience."""
    flow = _Flow(ctx, _checked(FlowStart.model_validate(raw)), patience)
    standing = before(flow.start)
    while standing.status is not Status.CLOSED:
        standing = yield from _STEPS[standing.status](flow, standing)
    flow.tell("Completed", standing)
    return _result(flow.start, standing)


def run_reversal(
    ctx: task.OrchestrationContext, raw: Any, patience: Patience
) -> Generator[task.Task[Any], Any, dict[str, Any]]:
    """The reversal with a given patience."""
    order = ReversalOrder.model_validate(raw)
    if order.version > KNOWN_VERSION:
        raise CaseFlowError(f"version {order.version} is newer than this worker")
    call = StepCall(
        case_id=order.case_id, action_id=order.action_id, by=order.requested_by, reason=order.reason
    )
    outcome = yield from _try_step(ctx, "undo_fraud_action", call, patience)
    return {"action_id": order.action_id, "success": outcome.error is None, "error": outcome.error}


def _checked(start: FlowStart) -> FlowStart:
    if start.version > KNOWN_VERSION:
        raise CaseFlowError(f"version {start.version} is newer than this worker")
    return start


class _Flow:
    """One run of the flow: the waits that outlive a step, and short forms of what steps do."""

    def __init__(self, ctx: task.OrchestrationContext, start: FlowStart, patience: Patience) -> None:
        self.ctx = ctx
        self.start = start
        self.patience = patience
        self._event_waits: dict[str, task.CancellableTask[Any]] = {}
        self._review_timers: dict[int, task.TimerTask] = {}
        self._hold_timers: dict[int, task.TimerTask] = {}
        self.judges_orders = _is_at_least(ctx.version, JUDGES_ORDERS)
        """Whether orders go to an activity as they came; instances of older releases end as they began."""

    def tell(self, message: str, standing: Standing) -> None:
        """Publish the custom status: a JSON string, so that on the wire it is encoded twice."""
        status = {
            "message": message,
            "risk_score": standing.risk,
            "attempt": standing.attempt,
            "assessment_hash": standing.assessment_hash,
        }
        self.ctx.set_custom_status(json.dumps(status))

    def call(self, activity: str, call: CaseCall | StepCall) -> Step:
        """Run an activity that returns where the case stands."""
        return _call(self.ctx, activity, call, self.patience, Standing)

    def wait_for(self, event: str) -> task.CancellableTask[Any]:
        """The pending wait for an event: one at a time, or an abandoned wait would swallow the next event."""
        if event not in self._event_waits:
            self._event_waits[event] = self.ctx.wait_for_external_event(event)
        return self._event_waits[event]

    def take(self, event: str, kind: type[T]) -> T | None:
        """What arrived; None when it does not have the shape it should have."""
        try:
            return kind.model_validate(self._event_waits.pop(event).get_result())
        except ValidationError:
            return None

    def take_as_it_came(self, event: str) -> JsonValue:
        """What arrived, whatever it is, as long as an activity can be handed it."""
        came: JsonValue = self._event_waits.pop(event).get_result()
        size = len(json.dumps(came))
        return came if size <= LARGEST_ORDER and came is not None else {"unreadable": True, "size": size}

    def end_of_hold(self, review: OpenReview, until: datetime) -> task.TimerTask:
        """The one timer of a hold, however often the wait for a withdrawal is entered."""
        if review.number not in self._hold_timers:
            self._hold_timers[review.number] = self.ctx.create_timer(until)
        return self._hold_timers[review.number]

    def deadline_of(self, review: OpenReview) -> task.TimerTask:
        """The one timer of a review, however often the wait for its decision is entered."""
        if review.number not in self._review_timers:
            self._review_timers[review.number] = self.ctx.create_timer(review.deadline)
        return self._review_timers[review.number]


def _investigate(flow: _Flow, standing: Standing) -> Step:
    """Let the agent work, up to its deadline; then conclude with what there is."""
    attempt = max(standing.attempt, 1)
    start = flow.start
    begun = standing.model_copy(update={"attempt": attempt})
    if attempt == 1:
        flow.tell(f"Running fraud analysis for {start.alert.alert_id}", begun)
    else:
        flow.tell(f"Re-investigating with analyst feedback (attempt {attempt})", begun)
    request = RunRequest(
        case_id=start.case_id,
        correlation_id=f"{start.case_id}:{attempt}",
        attempt=attempt,
        alert=start.alert,
        terms=start.terms,
    )
    agent = EntityInstanceId(names.AGENT_ENTITY, entity_key(start.case_id))
    run = flow.ctx.call_entity(agent, "run", request.model_dump(mode="json"))
    patience = start.terms.agent_deadline_seconds + flow.patience.agent_grace
    timer = flow.ctx.create_timer(timedelta(seconds=patience))
    yield task.when_any([run, timer])
    if run.is_complete and not run.is_failed:
        timer.cancel()
        return Standing.model_validate(run.get_result())
    call = CaseCall(case_id=start.case_id, attempt=attempt, alert=start.alert, terms=start.terms)
    return (yield from flow.call("conclude_investigation", call))


def _route(flow: _Flow, standing: Standing) -> Step:
    """Clear what policy lets clear; ask a person about the rest."""
    call = CaseCall(case_id=standing.case_id, attempt=standing.attempt)
    if standing.route is not Route.AUTO_CLEAR:
        return (yield from flow.call("notify_analyst", call))
    flow.tell(f"Auto-clearing alert (risk={standing.risk or 0:.2f})", standing)
    cleared = yield from flow.call("auto_clear_alert", call)
    flow.tell("Sending notification", cleared)
    return (yield from flow.call("send_notification", call))


def _ask_again(flow: _Flow, standing: Standing) -> Step:
    """An approval was withdrawn: the same question is put again."""
    call = CaseCall(case_id=standing.case_id, attempt=standing.attempt)
    return (yield from flow.call("notify_analyst", call))


def _await_decision(flow: _Flow, standing: Standing) -> Step:
    """Race the decision on exactly this review against its deadline."""
    review = _required(standing.review)
    flow.tell(
        f"Awaiting analyst review (risk={standing.risk or 0:.2f}, attempt {standing.attempt})", standing
    )
    call = CaseCall(case_id=standing.case_id, attempt=standing.attempt, review=review.number)
    timer = flow.deadline_of(review)
    while True:
        wait = flow.wait_for(names.DECISION_EVENT)
        winner = yield task.when_any([wait, timer])
        if winner is timer:
            flow.tell("Review timed out - escalating", standing)
            return (yield from flow.call("escalate_timeout", call))
        if flow.judges_orders:
            came = flow.take_as_it_came(names.DECISION_EVENT)
            return (yield from flow.call("apply_decision", call.model_copy(update={"order": came})))
        event = flow.take(names.DECISION_EVENT, DecisionEvent)
        if event is not None and _answers(event, review):
            return (yield from flow.call("apply_decision", call))


def _apply(flow: _Flow, standing: Standing) -> Step:
    """A decision was accepted whose event has not been heard, or was overtaken by the deadline."""
    call = CaseCall(case_id=standing.case_id, attempt=standing.attempt)
    return (yield from flow.call("apply_decision", call))


def _hold(flow: _Flow, standing: Standing) -> Step:
    """Wait in case the approval is withdrawn; the case store says which of the two came first."""
    flow.tell("Executing analyst-approved action", standing)
    until, review = _required(standing.hold_until), _required(standing.review)
    call = CaseCall(case_id=standing.case_id, attempt=standing.attempt, hold_is_over=True)
    now = flow.ctx.current_utc_datetime
    if until.replace(tzinfo=None) > now.replace(tzinfo=None):
        timer = flow.end_of_hold(review, until) if flow.judges_orders else flow.ctx.create_timer(until)
        while not timer.is_complete:
            wait = flow.wait_for(names.WITHDRAWAL_EVENT)
            winner = yield task.when_any([wait, timer])
            if winner is timer:
                break
            if flow.judges_orders:
                came = flow.take_as_it_came(names.WITHDRAWAL_EVENT)
                call = call.model_copy(update={"hold_is_over": False, "order": came})
                break
            withdrawn = flow.take(names.WITHDRAWAL_EVENT, WithdrawalEvent)
            if withdrawn is not None and withdrawn.review == review.number:
                timer.cancel()
                call = call.model_copy(update={"hold_is_over": False})
                break
    return (yield from flow.call("begin_action", call))


def _execute(flow: _Flow, standing: Standing) -> Step:
    """Carry out the steps in order; when one finally fails, undo the ones before it and ask a senior."""
    flow.tell("Executing analyst-approved action", standing)
    done: list[str] = []
    for step in _required(standing.action).steps:
        call = StepCall(case_id=standing.case_id, step=step)
        outcome = yield from _try_step(flow.ctx, "execute_fraud_action", call, flow.patience)
        if outcome.error is not None:
            error = outcome.error + (yield from _undo(flow, standing.case_id, done))
            failed = StepCall(case_id=standing.case_id, step=step, error=error)
            return (yield from flow.call("fail_fraud_action", failed))
        done.append(outcome.action_id)
    flow.tell("Sending notification", standing)
    call_on = CaseCall(case_id=standing.case_id, attempt=standing.attempt)
    return (yield from flow.call("send_notification", call_on))


def _undo(flow: _Flow, case_id: str, action_ids: Sequence[str]) -> Generator[task.Task[Any], Any, str]:
    """Undo executed steps, last first; returns what to add to the failure's text."""
    text = ""
    for action_id in reversed(action_ids):
        call = StepCall(case_id=case_id, action_id=action_id, reason="a later step of the same action failed")
        outcome = yield from _try_step(flow.ctx, "undo_fraud_action", call, flow.patience)
        text += (
            f"; {action_id} was undone"
            if outcome.error is None
            else (f"; {action_id} could NOT be undone: {outcome.error}")
        )
    return text


_STEPS: dict[Status, Callable[[_Flow, Standing], Step]] = {
    Status.OPEN: _investigate,
    Status.INVESTIGATING: _investigate,
    Status.ASSESSED: _route,
    Status.AWAITING_REVIEW: _await_decision,
    Status.AWAITING_SECOND: _await_decision,
    Status.ESCALATED: _await_decision,
    Status.DECIDED: _apply,
    Status.HELD: _hold,
    Status.WITHDRAWN: _ask_again,
    Status.EXECUTING: _execute,
}


def entity_key(case_id: str) -> str:
    """The agent session of a case: the case id, shortened without losing uniqueness when it is too long."""
    if len(case_id) <= MAX_ENTITY_KEY:
        return case_id
    return f"{case_id[: MAX_ENTITY_KEY - 33]}-{sha256(case_id.encode()).hexdigest()[:32]}"


def _is_at_least(version: str | None, wanted: tuple[int, ...]) -> bool:
    """Whether an instance was started by a release that far; those without a version are the oldest."""
    parts = (version or "0").split(".")
    return all(part.isdigit() for part in parts) and tuple(map(int, parts)) >= wanted


def _try_step(
    ctx: task.OrchestrationContext, activity: str, call: StepCall, patience: Patience
) -> Generator[task.Task[Any], Any, StepOutcome]:
    """Execute a step, trying again while the acting system is out of reach."""
    outcome = yield from _call(ctx, activity, call, patience, StepOutcome)
    for delay in patience.action_delays:
        if outcome.error is None or outcome.permanent:
            break
        yield ctx.create_timer(timedelta(seconds=delay))
        outcome = yield from _call(ctx, activity, call, patience, StepOutcome)
    return outcome


def _call(
    ctx: task.OrchestrationContext, activity: str, call: BaseModel, patience: Patience, kind: type[T]
) -> Generator[task.Task[Any], Any, T]:
    payload = call.model_dump(mode="json", exclude_defaults=True)
    raw = yield ctx.call_activity(activity, input=payload, retry_policy=patience.store_policy)
    if isinstance(raw, dict) and "fault" in raw:
        raise CaseFlowError(Fault.model_validate(raw).fault)
    return kind.model_validate(raw)


def _answers(event: DecisionEvent, review: OpenReview) -> bool:
    """Whether a decision was made on exactly this review."""
    made_on = (event.decision.review, event.decision.attempt, event.decision.assessment_hash)
    return made_on == (review.number, review.attempt, review.assessment_hash)


def _result(start: FlowStart, standing: Standing) -> dict[str, Any]:
    return {
        "alert_id": start.alert.alert_id,
        "status": "completed",
        "risk_score": standing.risk,
        "action_taken": _action_taken(standing),
        "success": standing.outcome not in (Outcome.UNANSWERED, Outcome.FAILED),
        "review_attempts": standing.attempt,
        "step_details": {},
    }


def _action_taken(standing: Standing) -> str:
    if standing.outcome is Outcome.AUTO_CLEARED:
        return "auto_clear"
    if standing.outcome in (Outcome.CLEARED, Outcome.ACTIONED):
        return str(standing.action or Action.CLEAR)
    exhausted = standing.escalation is EscalationReason.ATTEMPTS_EXHAUSTED
    return "max_attempts_exhausted" if exhausted else "escalate_timeout"


def _required(value: "T2 | None") -> "T2":
    if value is None:
        raise CaseFlowError("the case store and the flow disagree about where the case stands")
    return value


T2 = TypeVar("T2")

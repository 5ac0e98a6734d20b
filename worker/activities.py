"""The flow's side effects, each thin over the case store or the action port, and safe to run twice."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from durabletask.task import ActivityContext
from pydantic import BaseModel, JsonValue

from backends.observability import names as attributes
from backends.observability.tracing import annotate, span
from casework import flow, hearing
from casework.action import ActionOrder, ActionReceipt
from casework.actor import SYSTEM
from casework.case import Case
from casework.errors import CaseworkError, SequenceError, TransitionError, UnavailableError
from casework.events import ReversalOrdered
from casework.flow import Events
from casework.policy import Route
from casework.recording import record
from casework.transitions import Status
from worker.bridge import Bridge
from worker.desk import Desk
from worker.investigation import conclude_late
from worker.payloads import CaseCall, Fault, Standing, StepCall, StepOutcome, standing_of

log = structlog.get_logger()

ACTIVITY_SECONDS = 60.0

Activity = Callable[[ActivityContext, Any], Any]


async def notify_analyst(desk: Desk, call: CaseCall) -> Standing:
    """Put the case before a person, with a deadline."""
    case = await _record(desk, call, lambda case: flow.request_review(case, desk.clock()))
    if case.review is not None:
        log.info("review_requested", case_id=call.case_id, review=case.review.number, stage=case.review.stage)
    return standing_of(case)


async def apply_decision(desk: Desk, call: CaseCall) -> Standing:
    """Take up the decision the case store accepted, if its signature vouches for it.

    What came through the task hub is refused when the record does not hold it; the case then stands
    where it stood.
    """
    with span("apply decision", {attributes.CASE_ID: call.case_id}, link=_decided_in(call)):
        await _hear(desk, call, "decision")
        case = await desk.cases.load(call.case_id)
        if case.status is Status.DECIDED:
            await _as_signed(desk, call.case_id)
        case = await _record(desk, call, lambda case: flow.apply_decision(case, desk.policy, desk.clock()))
        annotate({attributes.STATUS: str(case.status)})
    return standing_of(case)


async def escalate_timeout(desk: Desk, call: CaseCall) -> Standing:
    """Act on silence, unless a decision was accepted in the meantime."""
    case = await _record(desk, call, lambda case: flow.expire_review(case, call.review, desk.clock()))
    log.info("review_expired", case_id=call.case_id, review=call.review, status=case.status)
    return standing_of(case)


async def begin_action(desk: Desk, call: CaseCall) -> Standing:
    """End the hold, unless the approval was withdrawn in the meantime."""
    over = call.hold_is_over
    await _hear(desk, call, "withdrawal")
    case = await _record(desk, call, lambda case: flow.begin_action(case, desk.clock(), hold_is_over=over))
    return standing_of(case)


async def execute_fraud_action(desk: Desk, call: StepCall) -> StepOutcome:
    """Execute one ordered step of a signed decision, once however often it is asked for."""
    if call.step is None:
        raise TransitionError("no step is named")
    case = await _as_signed(desk, call.case_id)
    order = flow.order_for(case, call.step)
    if flow.lacks_second_approver(case, desk.policy):
        return StepOutcome(
            action_id=order.action_id, error="nobody approved it as the second", permanent=True
        )
    try:
        receipt = await _performed(desk, order)
    except CaseworkError as error:
        return _refused(order.action_id, error)
    await _record(desk, call, lambda case: flow.record_execution(case, receipt, desk.clock()))
    log.info("action_executed", case_id=call.case_id, action_id=order.action_id, reference=receipt.reference)
    return StepOutcome(action_id=order.action_id)


async def undo_fraud_action(desk: Desk, call: StepCall) -> StepOutcome:
    """Execute the inverse of an executed step, once; when a person asks, only on their signed order."""
    links = await desk.cases.links(call.case_id)
    case = hearing.case_in(call.case_id, links)
    action_id = call.action_id or ""
    if action_id in case.reversed_actions:
        return StepOutcome(action_id=action_id)
    if case.status not in (Status.EXECUTING, Status.CLOSED):
        return StepOutcome(action_id=action_id, error=f"the case is {case.status}", permanent=True)
    by, reason = SYSTEM, call.reason
    if call.by is not None or case.status is Status.CLOSED:
        order = hearing.reversal_in(links, action_id)
        if order is None or not isinstance(order[1].body, ReversalOrdered):
            return await _not_ordered(desk, call, action_id)
        hearing.believe(order[0], order[1].event_id, desk.verifier)
        by, reason = order[1].actor, order[1].body.reason
    try:
        receipt = await _performed(desk, flow.inverse_order_for(case, action_id))
    except CaseworkError as error:
        return _refused(action_id, error)
    await _record(
        desk,
        call,
        lambda case: flow.record_reversal(case, receipt, action_id, desk.clock(), by=by, reason=reason),
    )
    log.info("action_reversed", case_id=call.case_id, action_id=action_id, reference=receipt.reference)
    return StepOutcome(action_id=action_id)


async def fail_fraud_action(desk: Desk, call: StepCall) -> Standing:
    """Note that the ordered action failed, and ask a senior."""

    def decide(case: Case) -> Events:
        now = desk.clock()
        failed = flow.record_failure(case, call.step, call.error, now) if call.step else ()
        return (*failed, *flow.escalate_failed_action(case, now))

    case = await _record(desk, call, decide)
    log.error("action_failed", case_id=call.case_id, step=call.step, error=call.error)
    return standing_of(case)


async def auto_clear_alert(desk: Desk, call: CaseCall) -> Standing:
    """Check on the record that policy lets this case close by itself; it is closed when that is announced."""
    case = await desk.cases.load(call.case_id)
    if case.assessment is not None and case.assessment.route is not Route.AUTO_CLEAR:
        raise TransitionError("the record says that a person must review this case")
    log.info("auto_cleared", case_id=call.case_id, risk=case.risk)
    return standing_of(case)


async def send_notification(desk: Desk, call: CaseCall) -> Standing:
    """Announce the outcome and close the case, in one stroke."""
    case = await _record(desk, call, lambda case: flow.finish(case, desk.clock()))
    log.info("case_closed", case_id=call.case_id, outcome=case.outcome, action=case.action_taken)
    return standing_of(case)


async def conclude_investigation(desk: Desk, call: CaseCall) -> Standing:
    """Go on without the agent, with whatever it had found."""
    log.warning("agent_overdue", case_id=call.case_id, attempt=call.attempt)
    return standing_of(await conclude_late(desk, call))


_CASE_STEPS = (
    notify_analyst,
    apply_decision,
    escalate_timeout,
    begin_action,
    auto_clear_alert,
    send_notification,
    conclude_investigation,
)
_ACTION_STEPS = (execute_fraud_action, undo_fraud_action, fail_fraud_action)


def make_activities(desk: Desk, bridge: Bridge) -> tuple[Activity, ...]:
    """Every activity, ready to register: plain functions, named after their durable names."""
    return (
        *(_activity(work, CaseCall, desk, bridge) for work in _CASE_STEPS),
        *(_activity(work, StepCall, desk, bridge) for work in _ACTION_STEPS),
    )


def _activity(
    work: Callable[[Desk, Any], Awaitable[BaseModel]],
    kind: type[CaseCall] | type[StepCall],
    desk: Desk,
    bridge: Bridge,
) -> Activity:
    def run(_ctx: ActivityContext, raw: Any) -> Any:
        answer = bridge.call(_answered(work, desk, kind.model_validate(raw)), ACTIVITY_SECONDS)
        return answer.model_dump(mode="json")

    run.__name__ = work.__name__
    run.__doc__ = work.__doc__
    return run


async def _answered(
    work: Callable[[Desk, Any], Awaitable[BaseModel]], desk: Desk, call: CaseCall | StepCall
) -> BaseModel:
    """Let through what trying again may cure; anything else of ours is an answer, not a reason to retry."""
    structlog.contextvars.bind_contextvars(case_id=call.case_id)
    annotate({attributes.CASE_ID: call.case_id})
    try:
        return await work(desk, call)
    except (UnavailableError, SequenceError):
        raise
    except CaseworkError as error:
        log.error("activity_impossible", activity=work.__name__, reason=str(error))
        return Fault(fault=f"{work.__name__}: {error}")


def _decided_in(call: CaseCall) -> str | None:
    """The trace of the request that decided, as it came through the task hub: a reference, not an order."""
    trace = call.order.get("traceparent") if isinstance(call.order, dict) else None
    return trace if isinstance(trace, str) else None


async def _performed(desk: Desk, order: ActionOrder) -> ActionReceipt:
    about = {
        attributes.CASE_ID: order.case_id,
        attributes.ACTION: str(order.step),
        attributes.ACTION_ID: order.action_id,
    }
    with span(f"action {order.step}", about):
        return await desk.actions.perform(order)


async def _as_signed(desk: Desk, case_id: str) -> Case:
    """The case as its record has it, once the signature under what it stands on was verified."""
    links = await desk.cases.links(case_id)
    case = hearing.case_in(case_id, links)
    hearing.vouch_for(case, links, desk.verifier)
    return case


async def _record(desk: Desk, call: CaseCall | StepCall, decide: Callable[[Case], Events]) -> Case:
    return (await record(desk.cases, call.case_id, decide)).case


async def _hear(desk: Desk, call: CaseCall, kind: hearing.Kind) -> None:
    """Note an order that is not believed. Whether there is one to carry out, the record alone says."""
    if call.order is None:
        return
    links = await desk.cases.links(call.case_id)
    refusal = hearing.hear(kind, call.order, call.case_id, links, desk.verifier)
    if refusal is not None:
        await _refuse(desk, call, kind, call.order, refusal)


async def _refuse(
    desk: Desk, call: CaseCall | StepCall, kind: hearing.Kind, raw: JsonValue, refusal: hearing.Refusal
) -> None:
    log.error("order_refused", case_id=call.case_id, order=kind, claims=refusal.claims, reason=refusal.reason)
    await _record(desk, call, lambda case: hearing.refuse(case, kind, raw, refusal, desk.clock()))


async def _not_ordered(desk: Desk, call: StepCall, action_id: str) -> StepOutcome:
    """Somebody with access to the task hub wants a step undone that nobody ordered undone."""
    refusal = hearing.Refusal("nobody ordered that in the record", call.by.label if call.by else "")
    await _refuse(desk, call, "reversal", call.model_dump(mode="json"), refusal)
    return StepOutcome(action_id=action_id, error=refusal.reason, permanent=True)


def _refused(action_id: str, error: CaseworkError) -> StepOutcome:
    permanent = not isinstance(error, UnavailableError)
    log.warning("action_not_done", action_id=action_id, permanent=permanent, reason=str(error))
    return StepOutcome(action_id=action_id, error=str(error) or type(error).__name__, permanent=permanent)

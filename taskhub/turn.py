"""Turns the actions of one orchestrator turn into what must be stored and sent; pure.

The worker answers a turn with actions. Each becomes a history event, which the worker will see
on replay, and usually a message. Nothing here reads a clock, a database or a random number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.limits import INVALID_ID, PAYLOAD_TOO_LARGE, Limits
from taskhub.plan import (
    ChildDraft,
    ContinuedAsNew,
    EntityMessage,
    EventDraft,
    Finished,
    MessageKind,
    Rewound,
    Termination,
    TimerDraft,
    TurnPlan,
    draft_activity,
)


@dataclass(frozen=True, slots=True)
class TurnContext:
    """Facts about the instance and the moment; times in microseconds, traces serialised TraceContext."""

    instance_id: str
    execution_id: str
    now: int
    limits: Limits
    trace: bytes | None = None


def plan_turn(context: TurnContext, actions: Iterable[pb.OrchestratorAction]) -> TurnPlan:
    """The plan for one turn's actions.

    A call that goes beyond a limit is recorded as scheduled and answered at once with a failure, so
    that the orchestrator can handle it like any other. A message nobody answers fails the execution.
    """
    plan = TurnPlan()
    for action in actions:
        kind = action.WhichOneof("orchestratorActionType")
        planner = _PLANNERS.get(kind or "")
        if planner is not None:
            planner(context, action, plan)
    if plan.refusal is not None:
        plan.outcome = Finished(pb.ORCHESTRATION_STATUS_FAILED, None, plan.refusal)
    return plan


def _schedule_task(context: TurnContext, action: pb.OrchestratorAction, plan: TurnPlan) -> None:
    task = action.scheduleTask
    trace = task.parentTraceContext if task.HasField("parentTraceContext") else _inherited(context)
    problem = context.limits.oversize(f"the input of activity '{task.name}'", events.optional(task, "input"))
    scheduled = pb.TaskScheduledEvent(
        name=task.name,
        version=task.version if task.HasField("version") else None,
        input=task.input if task.HasField("input") and not problem else None,
        parentTraceContext=trace,
        tags=dict(task.tags),
    )
    plan.history.append(events.event(context.now, action.id, taskScheduled=scheduled))
    if problem:
        plan.to_self.append(
            events.task_failed(context.now, action.id, events.failure(PAYLOAD_TOO_LARGE, problem))
        )
        return
    owner = pb.OrchestrationInstance(
        instanceId=context.instance_id, executionId=events.text(context.execution_id)
    )
    plan.activities.append(draft_activity(action.id, task, owner, trace))


def _create_timer(context: TurnContext, action: pb.OrchestratorAction, plan: TurnPlan) -> None:
    fire_at = action.createTimer.fireAt
    created = pb.TimerCreatedEvent(fireAt=fire_at)
    plan.history.append(events.event(context.now, action.id, timerCreated=created))
    due = events.micros(fire_at)
    plan.timers.append(TimerDraft(due, events.timer_fired(max(due, context.now), action.id, fire_at)))


def _create_child(context: TurnContext, action: pb.OrchestratorAction, plan: TurnPlan) -> None:
    child = action.createSubOrchestration
    child_input = events.optional(child, "input")
    instance_id = child.instanceId or f"{context.instance_id}:{action.id:04x}"
    problem = context.limits.oversize(f"the input of sub-orchestration '{child.name}'", child_input)
    refused = events.failure(PAYLOAD_TOO_LARGE, problem) if problem else None
    if id_problem := context.limits.child_id_problem(instance_id):
        refused = events.failure(INVALID_ID, id_problem)
    trace = child.parentTraceContext if child.HasField("parentTraceContext") else _inherited(context)
    created = pb.SubOrchestrationInstanceCreatedEvent(
        instanceId=instance_id,
        name=child.name,
        version=child.version if child.HasField("version") else None,
        input=child.input if child.HasField("input") and not problem else None,
        parentTraceContext=trace,
        tags=dict(child.tags),
    )
    plan.history.append(events.event(context.now, action.id, subOrchestrationInstanceCreated=created))
    if refused is not None:
        plan.to_self.append(events.child_failed(context.now, action.id, refused))
        return
    plan.children.append(
        ChildDraft(
            task_id=action.id,
            instance_id=instance_id,
            name=child.name,
            version=events.optional(child, "version"),
            input=child_input,
            trace=trace.SerializeToString() if trace else None,
            tags=dict(child.tags),
        )
    )


def _send_event(context: TurnContext, action: pb.OrchestratorAction, plan: TurnPlan) -> None:
    sent = action.sendEvent
    target = sent.instance.instanceId
    data = events.optional(sent, "data")
    if problem := context.limits.oversize(f"the event '{sent.name}'", data):
        plan.refusal = events.failure(PAYLOAD_TOO_LARGE, problem)
        return
    record = pb.EventSentEvent(instanceId=target, name=sent.name, input=events.text(data))
    plan.history.append(events.event(context.now, action.id, eventSent=record))
    if target:
        plan.raised.append(EventDraft(target, events.event_raised(context.now, sent.name, data)))


def _send_entity_message(context: TurnContext, action: pb.OrchestratorAction, plan: TurnPlan) -> None:
    message = action.sendEntityMessage
    kind = message.WhichOneof("EntityMessageType")
    if kind is None:
        return
    body = getattr(message, kind)
    if refusal := _refusal(context, kind, body):
        plan.refusal = refusal
        return
    plan.history.append(events.event(context.now, action.id, **{kind: body}))
    event = events.event(context.now, **{kind: body})
    if kind == "entityOperationSignaled":
        due = events.micros(body.scheduledTime) if body.HasField("scheduledTime") else None
        due = due if due is not None and due > context.now else None
        plan.messages.append(EntityMessage(MessageKind.SIGNAL, body.targetInstanceId.value, event, due=due))
    elif kind == "entityOperationCalled":
        _call_entity(context, body, event, plan)
    elif kind == "entityLockRequested":
        target = body.lockSet[body.position]
        plan.messages.append(EntityMessage(MessageKind.LOCK, target, event, section=body.criticalSectionId))
    else:
        plan.messages.append(
            EntityMessage(
                MessageKind.UNLOCK, body.targetInstanceId.value, event, section=body.criticalSectionId
            )
        )


def _refusal(context: TurnContext, kind: str, body: Any) -> pb.TaskFailureDetails | None:
    """Why this message can go to no entity, if so."""
    targets = body.lockSet if kind == "entityLockRequested" else [body.targetInstanceId.value]
    for target in targets:
        if problem := context.limits.entity_id_problem(target):
            return events.failure(INVALID_ID, f"'{target}': {problem}")
    if kind == "entityOperationSignaled":
        what = f"the input of signal '{body.operation}'"
        if problem := context.limits.oversize(what, events.optional(body, "input")):
            return events.failure(PAYLOAD_TOO_LARGE, problem)
    return None


def _call_entity(
    context: TurnContext, call: pb.EntityOperationCalledEvent, event: bytes, plan: TurnPlan
) -> None:
    problem = context.limits.oversize(
        f"the input of operation '{call.operation}'", events.optional(call, "input")
    )
    if problem:
        failed = events.failure(PAYLOAD_TOO_LARGE, problem)
        plan.to_self.append(events.operation_failed(context.now, call.requestId, failed))
        return
    plan.messages.append(EntityMessage(MessageKind.CALL, call.targetInstanceId.value, event))


def _complete(context: TurnContext, action: pb.OrchestratorAction, plan: TurnPlan) -> None:
    done = action.completeOrchestration
    result = events.optional(done, "result")
    if done.orchestrationStatus == pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
        plan.outcome = ContinuedAsNew(
            input=result,
            version=events.optional(done, "newVersion"),
            carryover=tuple(event.SerializeToString() for event in done.carryoverEvents),
        )
        return
    failure = None
    if done.HasField("failureDetails"):
        failure = events.clipped(done.failureDetails, context.limits.payload_bytes)
    status = int(done.orchestrationStatus)
    if problem := context.limits.oversize("the orchestration's output", result):
        status, result = pb.ORCHESTRATION_STATUS_FAILED, None
        failure = events.failure(PAYLOAD_TOO_LARGE, problem)
    plan.outcome = Finished(status, result, failure)


def _terminate(context: TurnContext, action: pb.OrchestratorAction, plan: TurnPlan) -> None:
    body = action.terminateOrchestration
    plan.terminations.append(
        Termination(body.instanceId, events.optional(body, "reason"), bool(body.recurse))
    )


def _rewind(context: TurnContext, action: pb.OrchestratorAction, plan: TurnPlan) -> None:
    plan.outcome = Rewound(tuple(action.rewindOrchestration.newHistory))


def _inherited(context: TurnContext) -> pb.TraceContext | None:
    return pb.TraceContext.FromString(context.trace) if context.trace else None


_PLANNERS: dict[str, Callable[[TurnContext, pb.OrchestratorAction, TurnPlan], None]] = {
    "scheduleTask": _schedule_task,
    "createTimer": _create_timer,
    "createSubOrchestration": _create_child,
    "sendEvent": _send_event,
    "sendEntityMessage": _send_entity_message,
    "completeOrchestration": _complete,
    "terminateOrchestration": _terminate,
    "rewindOrchestration": _rewind,
}

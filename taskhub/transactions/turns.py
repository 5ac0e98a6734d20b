"""Stores the outcome of one orchestrator turn, all of it or nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.limits import PAYLOAD_TOO_LARGE, Limits
from taskhub.plan import ChildDraft, ContinuedAsNew, EntityMessage, Finished, MessageKind, TurnPlan
from taskhub.transactions import activities, commands, lifecycle, locks, rewinding
from taskhub.transactions.lifecycle import NewInstance, ParentLink, StoredTimer
from taskhub.transactions.records import (
    Instance,
    MessageClass,
    TimerKind,
    instance_by_id,
    instance_by_key,
    scalar,
)
from taskhub.turn import TurnContext, plan_turn
from taskhub.writer import Transaction


@dataclass(frozen=True, slots=True)
class TurnWork:
    """What was handed to the worker: messages up to ``last_seq``, as ``new_events``."""

    key: int
    generation: int
    last_seq: int
    new_events: tuple[bytes, ...]


def complete(
    work: TurnWork, response: pb.OrchestratorResponse, limits: Limits
) -> Callable[[Transaction], None]:
    """Store the turn. A turn of an execution that is over meanwhile changes nothing."""

    def change(tx: Transaction) -> None:
        instance = instance_by_key(tx.execute, work.key)
        if instance is None or instance.ended or instance.generation != work.generation:
            return
        trace = _span(instance, response)
        context = TurnContext(instance.instance_id, instance.execution_id, tx.now, limits, trace)
        plan = plan_turn(context, response.actions)
        status = _custom_status(response, limits, plan)
        tx.execute("DELETE FROM inbox WHERE key = ? AND seq <= ?", (instance.key, work.last_seq))
        _send(tx, instance, plan, trace)
        _record(tx, instance, response, status)
        if isinstance(plan.outcome, ContinuedAsNew):
            _start_over(tx, instance, plan.outcome)
        elif plan.outcome is None or isinstance(plan.outcome, Finished):
            _extend_history(tx, instance, work, plan)
        else:
            rewinding.apply(tx, instance, plan.outcome)
        if not instance.ended and _has_messages(tx, instance.key):
            lifecycle.wake(tx, instance)

    return change


def _custom_status(response: pb.OrchestratorResponse, limits: Limits, plan: TurnPlan) -> str | None:
    status = events.optional(response, "customStatus")
    if problem := limits.oversize("the custom status", status):
        failure = events.failure(PAYLOAD_TOO_LARGE, problem)
        plan.outcome = Finished(pb.ORCHESTRATION_STATUS_FAILED, None, failure)
        return None
    return status


def _record(
    tx: Transaction, instance: Instance, response: pb.OrchestratorResponse, status: str | None
) -> None:
    if instance.status == pb.ORCHESTRATION_STATUS_PENDING:
        instance.status = pb.ORCHESTRATION_STATUS_RUNNING
        tx.effects.changed.append((instance.hub, instance.instance_id))
    trace = response.orchestrationTraceContext
    tx.execute(
        "UPDATE instances SET status = ?, updated_at = ?, turns = turns + 1, losses = 0, custom_status = ?,"
        " trace = ? WHERE key = ?",
        (
            instance.status,
            tx.now,
            status,
            trace.SerializeToString() if response.HasField("orchestrationTraceContext") else None,
            instance.key,
        ),
    )


def _extend_history(tx: Transaction, instance: Instance, work: TurnWork, plan: TurnPlan) -> None:
    record = [*work.new_events, *plan.history, events.orchestrator_completed(tx.now)]
    outcome = plan.outcome
    if isinstance(outcome, Finished):
        record.append(events.execution_completed(tx.now, outcome.status, outcome.output, outcome.failure))
    lifecycle.append_history(tx, instance.key, instance.turns, record)
    if isinstance(outcome, Finished):
        lifecycle.end(tx, instance, outcome.status, outcome.output, outcome.failure)


def _has_messages(tx: Transaction, key: int) -> bool:
    return tx.execute("SELECT 1 FROM inbox WHERE key = ? LIMIT 1", (key,)).fetchone() is not None


def _send(tx: Transaction, instance: Instance, plan: TurnPlan, trace: bytes | None) -> None:
    for activity in plan.activities:
        activities.schedule(tx, instance, activity)
    for timer in plan.timers:
        lifecycle.add_timer(
            tx, StoredTimer(timer.due, TimerKind.RESULT, instance.key, instance.generation, timer.event)
        )
    for child in plan.children:
        _start_child(tx, instance, child)
    for raised in plan.raised:
        target = instance_by_id(tx.execute, instance.hub, raised.instance_id)
        if target is not None:
            lifecycle.deliver(tx, target, MessageClass.EXTERNAL, raised.event)
    for message in plan.messages:
        _send_to_entity(tx, instance, message, trace)
    for termination in plan.terminations:
        target = instance_by_id(tx.execute, instance.hub, termination.instance_id)
        if target is not None and target.key != instance.key:
            commands.end_by_termination(tx, target, termination.reason, termination.recurse)
    for event in plan.to_self:
        lifecycle.put(tx, instance.key, MessageClass.RESULT, event)


def _start_child(tx: Transaction, instance: Instance, child: ChildDraft) -> None:
    existing = instance_by_id(tx.execute, instance.hub, child.instance_id)
    if existing is not None and not existing.ended:
        taken = events.failure(
            "TaskHub.InstanceExists", f"orchestration instance '{child.instance_id}' already exists"
        )
        answer = events.child_failed(tx.now, child.task_id, taken)
        lifecycle.put(tx, instance.key, MessageClass.RESULT, answer)
        return
    if existing is not None:
        lifecycle.remove(tx, existing)
    parent = ParentLink(
        instance.key,
        instance.generation,
        child.task_id,
        instance.name,
        instance.version,
        instance.instance_id,
        instance.execution_id,
    )
    new = NewInstance(
        child.instance_id, child.name, child.version, child.input, child.tags, child.trace, parent=parent
    )
    lifecycle.create(tx, instance.hub, new)


def _send_to_entity(tx: Transaction, instance: Instance, message: EntityMessage, trace: bytes | None) -> None:
    if message.kind == MessageKind.UNLOCK:
        locks.unlock(tx, instance.hub, message.entity_id, message.section or "")
        return
    entity = locks.entity_for(tx, instance.hub, message.entity_id)
    if message.due is not None:
        lifecycle.add_timer(
            tx, StoredTimer(message.due, TimerKind.SIGNAL, entity.key, 0, message.event, trace)
        )
        return
    locks.post(tx, entity, message, (instance.key, instance.generation), trace)


def _start_over(tx: Transaction, instance: Instance, outcome: ContinuedAsNew) -> None:
    """Begin the next execution: fresh history, the carried events, then what arrived meanwhile."""
    survivors = tx.execute(
        "SELECT kind, event, resumed FROM inbox WHERE key = ? AND kind IN (?, ?) ORDER BY seq",
        (instance.key, int(MessageClass.EXTERNAL), int(MessageClass.SUSPENSION)),
    ).fetchall()
    lifecycle.forget_pending(tx, instance.key)
    locks.release_all(tx, instance.key)
    tx.execute("DELETE FROM history WHERE key = ?", (instance.key,))
    tx.execute("UPDATE payloads SET input = ? WHERE key = ?", (outcome.input, instance.key))
    _renew(tx, instance, outcome)
    for carried in outcome.carryover:
        lifecycle.put(tx, instance.key, MessageClass.EXTERNAL, carried)
    for kind, event, resumed in survivors:
        seq = tx.next_seq()
        tx.execute(
            "INSERT INTO inbox (key, seq, kind, event, resumed) VALUES (?, ?, ?, ?, ?)",
            (instance.key, seq, kind, event, resumed),
        )


def _renew(tx: Transaction, instance: Instance, outcome: ContinuedAsNew) -> None:
    instance.generation += 1
    instance.execution_id = uuid.uuid4().hex
    instance.version = outcome.version if outcome.version is not None else instance.version
    tx.execute(
        "UPDATE instances SET generation = ?, execution_id = ?, version = ?, turns = 0, trace = NULL"
        " WHERE key = ?",
        (instance.generation, instance.execution_id, instance.version, instance.key),
    )
    tags = scalar(tx.execute, "SELECT tags FROM instances WHERE key = ?", (instance.key,))
    started = events.execution_started(
        tx.now,
        name=instance.name,
        version=instance.version,
        input_text=outcome.input,
        instance_id=instance.instance_id,
        execution_id=instance.execution_id,
        tags=json.loads(tags) if tags else {},
        parent=_stored_parent(tx, instance),
        parent_trace=instance.parent_trace,
    )
    lifecycle.put(tx, instance.key, MessageClass.START, started)


def _stored_parent(tx: Transaction, instance: Instance) -> pb.ParentInstanceInfo | None:
    if instance.parent_key is None:
        return None
    parent = instance_by_key(tx.execute, instance.parent_key)
    if parent is None:
        return None
    return pb.ParentInstanceInfo(
        taskScheduledId=instance.parent_task_id or 0,
        name=events.text(parent.name),
        version=events.text(parent.version),
        orchestrationInstance=pb.OrchestrationInstance(
            instanceId=parent.instance_id, executionId=events.text(parent.execution_id)
        ),
    )


def _span(instance: Instance, response: pb.OrchestratorResponse) -> bytes | None:
    """The orchestration's own span as a parent for what it calls, or else the span that started it."""
    if not instance.parent_trace:
        return None
    parent = pb.TraceContext.FromString(instance.parent_trace)
    span_id = response.orchestrationTraceContext.spanID.value
    parts = parent.traceParent.split("-")
    if not span_id or len(parts) != 4:
        return instance.parent_trace
    own = pb.TraceContext(traceParent=f"{parts[0]}-{parts[1]}-{span_id}-{parts[3]}", spanID=span_id)
    if parent.HasField("traceState"):
        own.traceState.CopyFrom(parent.traceState)
    return bytes(own.SerializeToString())


def fail(work_key: int, error_type: str, message: str) -> Callable[[Transaction], None]:
    """End an instance whose turn cannot be run, with the reason in its failure details."""

    def change(tx: Transaction) -> None:
        instance = instance_by_key(tx.execute, work_key)
        if instance is None or instance.ended:
            return
        failure = events.failure(error_type, message)
        lifecycle.end_from_outside(tx, instance, pb.ORCHESTRATION_STATUS_FAILED, failure=failure)

    return change

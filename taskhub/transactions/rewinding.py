"""Puts a rewound execution back to work from the history the worker cleaned."""

from __future__ import annotations

import uuid

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.transactions import commands, lifecycle
from taskhub.transactions.lifecycle import NewInstance, ParentLink, StoredTimer
from taskhub.transactions.records import Instance, MessageClass, TimerKind, instance_by_id
from taskhub.turn import Rewound
from taskhub.writer import Transaction


def apply(tx: Transaction, instance: Instance, outcome: Rewound) -> None:
    """Replace the history, restart what it still waits for, and wake the instance."""
    instance.execution_id = uuid.uuid4().hex
    tx.execute(
        "UPDATE instances SET execution_id = ?, turns = 1 WHERE key = ?",
        (instance.execution_id, instance.key),
    )
    tx.execute("DELETE FROM history WHERE key = ?", (instance.key,))
    lifecycle.append_history(tx, instance.key, 0, [event.SerializeToString() for event in outcome.history])
    answered = _answered(outcome)
    for event in outcome.history:
        kind = event.WhichOneof("eventType")
        if (kind, event.eventId) in answered:
            continue
        if kind == "taskScheduled":
            _restart_activity(tx, instance, event)
        elif kind == "timerCreated":
            _restart_timer(tx, instance, event)
        elif kind == "subOrchestrationInstanceCreated":
            _restart_child(tx, instance, event, _reason(outcome))
    note = events.event(tx.now, genericEvent=pb.GenericEvent(data=events.text("rewound")))
    lifecycle.deliver(tx, instance, MessageClass.RESULT, note)


def _answered(outcome: Rewound) -> set[tuple[str, int]]:
    done: set[tuple[str, int]] = set()
    for event in outcome.history:
        kind = event.WhichOneof("eventType")
        if kind == "taskCompleted":
            done.add(("taskScheduled", event.taskCompleted.taskScheduledId))
        elif kind == "timerFired":
            done.add(("timerCreated", event.timerFired.timerId))
        elif kind == "subOrchestrationInstanceCompleted":
            task_id = event.subOrchestrationInstanceCompleted.taskScheduledId
            done.add(("subOrchestrationInstanceCreated", task_id))
    return done


def _reason(outcome: Rewound) -> str | None:
    for event in reversed(outcome.history):
        if event.HasField("executionRewound"):
            return events.optional(event.executionRewound, "reason")
    return None


def _restart_activity(tx: Transaction, instance: Instance, event: pb.HistoryEvent) -> None:
    """Its answer, if it came, came while the instance was failed and was dropped."""
    query = "SELECT 1 FROM activities WHERE key = ? AND task_id = ?"
    if tx.execute(query, (instance.key, event.eventId)).fetchone():
        return
    scheduled = event.taskScheduled
    request = pb.ActivityRequest(
        name=scheduled.name,
        version=scheduled.version if scheduled.HasField("version") else None,
        input=scheduled.input if scheduled.HasField("input") else None,
        orchestrationInstance=pb.OrchestrationInstance(
            instanceId=instance.instance_id, executionId=events.text(instance.execution_id)
        ),
        taskId=event.eventId,
        parentTraceContext=scheduled.parentTraceContext if scheduled.HasField("parentTraceContext") else None,
        tags=dict(scheduled.tags),
    )
    seq, version = tx.next_seq(), events.optional(scheduled, "version")
    tx.execute(
        "INSERT INTO activities (seq, hub, key, generation, task_id, name, version, request)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            seq,
            instance.hub,
            instance.key,
            instance.generation,
            event.eventId,
            scheduled.name,
            version,
            request.SerializeToString(),
        ),
    )
    tx.effects.activities.append((instance.hub, seq, scheduled.name, version))


def _restart_timer(tx: Transaction, instance: Instance, event: pb.HistoryEvent) -> None:
    fire_at = event.timerCreated.fireAt
    due = events.micros(fire_at)
    fired = events.timer_fired(max(due, tx.now), event.eventId, fire_at)
    lifecycle.add_timer(tx, StoredTimer(due, TimerKind.RESULT, instance.key, instance.generation, fired))


def _restart_child(tx: Transaction, instance: Instance, event: pb.HistoryEvent, reason: str | None) -> None:
    """Rewind a failed sub-orchestration, start a purged one afresh."""
    created = event.subOrchestrationInstanceCreated
    child = instance_by_id(tx.execute, instance.hub, created.instanceId)
    if child is None:
        parent = ParentLink(
            instance.key,
            instance.generation,
            event.eventId,
            instance.name,
            instance.version,
            instance.instance_id,
            instance.execution_id,
        )
        trace = created.parentTraceContext
        again = NewInstance(
            created.instanceId,
            created.name,
            events.optional(created, "version"),
            events.optional(created, "input"),
            dict(created.tags),
            trace.SerializeToString() if created.HasField("parentTraceContext") else None,
            parent=parent,
        )
        lifecycle.create(tx, instance.hub, again)
    elif child.status == pb.ORCHESTRATION_STATUS_FAILED:
        commands.begin_rewind(tx, child, reason)

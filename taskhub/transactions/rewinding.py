"""Puts a rewound execution back to work from the history the worker cleaned.

The worker took the failures out. What had not been answered when the execution failed is either
still under way, or answered meanwhile and kept unread, or has to be started again.
"""

from __future__ import annotations

import uuid

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.plan import EntityMessage, MessageKind, Rewound, draft_activity
from taskhub.transactions import activities, commands, lifecycle, locks
from taskhub.transactions.lifecycle import NewInstance, ParentLink, StoredTimer
from taskhub.transactions.records import Instance, MessageClass, TimerKind, instance_by_id
from taskhub.writer import Transaction

_ANSWERS = {
    "taskCompleted": ("taskScheduled", "taskScheduledId"),
    "timerFired": ("timerCreated", "timerId"),
    "subOrchestrationInstanceCompleted": ("subOrchestrationInstanceCreated", "taskScheduledId"),
}
"""Answer -> the kind of event that asked, and where the answer names it."""

_STALE = frozenset({"taskFailed", "subOrchestrationInstanceFailed", "entityLockGranted"})
"""Unread answers a rewound execution must not see: failures, and locks released when it failed."""


def apply(tx: Transaction, instance: Instance, outcome: Rewound) -> None:
    """Replace the history, restart what it still waits for, and wake the instance."""
    instance.execution_id = _execution_id(outcome) or uuid.uuid4().hex
    tx.execute(
        "UPDATE instances SET execution_id = ?, turns = 1 WHERE key = ?",
        (instance.execution_id, instance.key),
    )
    tx.execute("DELETE FROM history WHERE key = ?", (instance.key,))
    lifecycle.append_history(tx, instance.key, 0, [event.SerializeToString() for event in outcome.history])
    answered = _answered([*outcome.history, *_unread_answers(tx, instance)])
    for event in outcome.history:
        kind = event.WhichOneof("eventType")
        if (kind, event.eventId) in answered:
            continue
        if kind == "taskScheduled":
            restart_activity(tx, instance, event)
        elif kind == "timerCreated":
            restart_timer(tx, instance, event)
        elif kind == "subOrchestrationInstanceCreated":
            _restart_child(tx, instance, event, _reason(outcome))
    _ask_for_locks_again(tx, instance, outcome)
    note = events.event(tx.now, genericEvent=pb.GenericEvent(data=events.text("rewound")))
    lifecycle.deliver(tx, instance, MessageClass.RESULT, note)


def _unread_answers(tx: Transaction, instance: Instance) -> list[pb.HistoryEvent]:
    """What was answered between failure and rewind, without the stale ones, which are dropped."""
    rows = tx.execute(
        "SELECT seq, event FROM inbox WHERE key = ? AND kind = ?", (instance.key, int(MessageClass.RESULT))
    ).fetchall()
    unread = []
    for seq, stored in rows:
        event = pb.HistoryEvent.FromString(stored)
        if event.WhichOneof("eventType") in _STALE:
            tx.execute("DELETE FROM inbox WHERE key = ? AND seq = ?", (instance.key, seq))
        else:
            unread.append(event)
    return unread


def _answered(known: list[pb.HistoryEvent]) -> set[tuple[str, int]]:
    done: set[tuple[str, int]] = set()
    for event in known:
        kind = event.WhichOneof("eventType")
        if kind in _ANSWERS:
            asked, field = _ANSWERS[kind]
            done.add((asked, int(getattr(getattr(event, kind), field))))
    return done


def _execution_id(outcome: Rewound) -> str:
    """The id under which the worker lets the execution go on; empty when it named none."""
    started = (event.executionStarted for event in outcome.history if event.HasField("executionStarted"))
    return next((one.orchestrationInstance.executionId.value for one in started), "")


def _reason(outcome: Rewound) -> str | None:
    for event in reversed(outcome.history):
        if event.HasField("executionRewound"):
            return events.optional(event.executionRewound, "reason")
    return None


def restart_activity(tx: Transaction, instance: Instance, event: pb.HistoryEvent) -> None:
    """Run it again unless it is still waiting or running."""
    query = "SELECT 1 FROM activities WHERE key = ? AND task_id = ?"
    if tx.execute(query, (instance.key, event.eventId)).fetchone():
        return
    scheduled = event.taskScheduled
    owner = pb.OrchestrationInstance(
        instanceId=instance.instance_id, executionId=events.text(instance.execution_id)
    )
    trace = scheduled.parentTraceContext if scheduled.HasField("parentTraceContext") else None
    activities.schedule(tx, instance, draft_activity(event.eventId, scheduled, owner, trace))


def restart_timer(tx: Transaction, instance: Instance, event: pb.HistoryEvent) -> None:
    fire_at = event.timerCreated.fireAt
    due = events.micros(fire_at)
    fired = events.timer_fired(max(due, tx.now), event.eventId, fire_at)
    lifecycle.add_timer(tx, StoredTimer(due, TimerKind.RESULT, instance.key, instance.generation, fired))


def _restart_child(tx: Transaction, instance: Instance, event: pb.HistoryEvent, reason: str | None) -> None:
    """Rewind a failed sub-orchestration, leave a running one alone, start any other afresh."""
    created = event.subOrchestrationInstanceCreated
    child = instance_by_id(tx.execute, instance.hub, created.instanceId)
    if child is not None and child.parent_key != instance.key:
        taken = events.failure(
            "TaskHub.InstanceExists", f"orchestration instance '{created.instanceId}' is somebody else's now"
        )
        lifecycle.put(
            tx, instance.key, MessageClass.RESULT, events.child_failed(tx.now, event.eventId, taken)
        )
    elif child is not None and child.status == pb.ORCHESTRATION_STATUS_FAILED:
        commands.begin_rewind(tx, child, reason, instance.execution_id)
    elif child is None or child.ended:
        if child is not None:
            lifecycle.remove(tx, child)
        _start_child_again(tx, instance, event)


def _start_child_again(tx: Transaction, instance: Instance, event: pb.HistoryEvent) -> None:
    created = event.subOrchestrationInstanceCreated
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


def _ask_for_locks_again(tx: Transaction, instance: Instance, outcome: Rewound) -> None:
    """Requests not granted before the failure were withdrawn then; they line up anew."""
    granted = {
        event.entityLockGranted.criticalSectionId
        for event in outcome.history
        if event.HasField("entityLockGranted")
    }
    for event in outcome.history:
        wanted = event.entityLockRequested
        if not event.HasField("entityLockRequested") or wanted.criticalSectionId in granted:
            continue
        target = locks.entity_for(tx, instance.hub, wanted.lockSet[wanted.position])
        message = EntityMessage(
            MessageKind.LOCK, target.entity_id, event.SerializeToString(), section=wanted.criticalSectionId
        )
        locks.post(tx, target, message, (instance.key, instance.generation))

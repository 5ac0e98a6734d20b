"""The life of an instance: created, spoken to, ended, removed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events, wire
from taskhub.transactions import locks
from taskhub.transactions.records import (
    Instance,
    MessageClass,
    TimerKind,
    instance_by_key,
    scalar,
)
from taskhub.writer import Transaction


@dataclass(frozen=True, slots=True)
class ParentLink:
    """The orchestration that waits for this one."""

    key: int
    generation: int
    task_id: int
    name: str
    version: str | None
    instance_id: str
    execution_id: str


@dataclass(frozen=True, slots=True)
class NewInstance:
    """What is needed to start an instance; ``scheduled_at`` in microseconds."""

    instance_id: str
    name: str
    version: str | None = None
    input: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    trace: bytes | None = None
    scheduled_at: int | None = None
    execution_id: str | None = None
    parent: ParentLink | None = None


def create(tx: Transaction, hub: int, new: NewInstance) -> int:
    """Store a new instance and the event that starts it; its row key. The id must be free."""
    execution_id = new.execution_id or uuid.uuid4().hex
    key = _insert(tx, hub, new, execution_id)
    started = events.execution_started(
        tx.now,
        name=new.name,
        version=new.version,
        input_text=new.input,
        instance_id=new.instance_id,
        execution_id=execution_id,
        tags=new.tags,
        parent=_parent_info(new.parent) if new.parent else None,
        parent_trace=new.trace,
        scheduled_at=new.scheduled_at,
    )
    if new.scheduled_at is not None and new.scheduled_at > tx.now:
        add_timer(tx, StoredTimer(new.scheduled_at, TimerKind.START, key, 0, started))
    else:
        put(tx, key, MessageClass.START, started)
        tx.effects.orchestrations.append((hub, key, new.name, new.version))
    tx.effects.changed.append((hub, new.instance_id))
    return key


def _insert(tx: Transaction, hub: int, new: NewInstance, execution_id: str) -> int:
    parent = new.parent
    cursor = tx.execute(
        "INSERT INTO instances (hub, instance_id, execution_id, name, version, status, created_at,"
        " updated_at, scheduled_at, parent_key, parent_generation, parent_task_id, parent_instance_id,"
        " parent_trace, tags)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            hub,
            new.instance_id,
            execution_id,
            new.name,
            new.version,
            pb.ORCHESTRATION_STATUS_PENDING,
            tx.now,
            tx.now,
            new.scheduled_at,
            parent.key if parent else None,
            parent.generation if parent else None,
            parent.task_id if parent else None,
            parent.instance_id if parent else None,
            new.trace,
            json.dumps(dict(new.tags)) if new.tags else None,
        ),
    )
    key = int(cursor.lastrowid or 0)
    tx.execute("INSERT INTO payloads (key, input) VALUES (?, ?)", (key, new.input))
    return key


def _parent_info(parent: ParentLink) -> pb.ParentInstanceInfo:
    return pb.ParentInstanceInfo(
        taskScheduledId=parent.task_id,
        name=events.text(parent.name),
        version=events.text(parent.version),
        orchestrationInstance=pb.OrchestrationInstance(
            instanceId=parent.instance_id, executionId=events.text(parent.execution_id)
        ),
    )


def put(tx: Transaction, key: int, kind: MessageClass, event: bytes, seq: int | None = None) -> None:
    """Append a message to an instance's inbox without making it ready."""
    tx.execute(
        "INSERT INTO inbox (key, seq, kind, event) VALUES (?, ?, ?, ?)",
        (key, tx.next_seq() if seq is None else seq, int(kind), event),
    )


def deliver(tx: Transaction, instance: Instance, kind: MessageClass, event: bytes) -> None:
    """Append a message and make the instance ready; an ended instance ignores it."""
    if instance.ended:
        return
    put(tx, instance.key, kind, event)
    wake(tx, instance)


def deliver_result(tx: Transaction, key: int, generation: int, event: bytes) -> None:
    """Deliver an answer to the execution that asked; drop it when that one is over.

    A failed execution may be rewound, and nobody would give the answer again: it is kept, unread.
    """
    instance = instance_by_key(tx.execute, key)
    if instance is None or instance.generation != generation:
        return
    if instance.status == pb.ORCHESTRATION_STATUS_FAILED:
        put(tx, instance.key, MessageClass.RESULT, event)
    else:
        deliver(tx, instance, MessageClass.RESULT, event)


def wake(tx: Transaction, instance: Instance) -> None:
    """Announce that the instance has something to do, unless it is suspended."""
    if instance.status != pb.ORCHESTRATION_STATUS_SUSPENDED:
        tx.effects.orchestrations.append((instance.hub, instance.key, instance.name, instance.version))


@dataclass(frozen=True, slots=True)
class StoredTimer:
    """An event kept until ``due`` (microseconds) for an instance or, as a signal, an entity."""

    due: int
    kind: TimerKind
    key: int
    generation: int
    event: bytes
    trace: bytes | None = None


def add_timer(tx: Transaction, timer: StoredTimer) -> None:
    """Keep an event until it is due."""
    tx.execute(
        "INSERT INTO timers (seq, due, kind, key, generation, event, trace) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            tx.next_seq(),
            timer.due,
            int(timer.kind),
            timer.key,
            timer.generation,
            timer.event,
            timer.trace,
        ),
    )
    tx.effects.timer(timer.due)


def append_history(tx: Transaction, key: int, turn: int, new_events: list[bytes]) -> None:
    """Store the events of one turn."""
    tx.execute(
        "INSERT INTO history (key, turn, events) VALUES (?, ?, ?)", (key, turn, wire.past_events(new_events))
    )


def end(
    tx: Transaction,
    instance: Instance,
    status: int,
    output: str | None,
    failure: pb.TaskFailureDetails | None,
) -> None:
    """Close the execution: status and result, nothing left waiting, locks released, parent told."""
    tx.execute(
        "UPDATE instances SET status = ?, updated_at = ?, completed_at = ?, losses = 0 WHERE key = ?",
        (status, tx.now, tx.now, instance.key),
    )
    tx.execute(
        "UPDATE payloads SET output = ?, failure = ? WHERE key = ?",
        (output, failure.SerializeToString() if failure is not None else None, instance.key),
    )
    instance.status = status
    forget_pending(tx, instance.key, unread=status != pb.ORCHESTRATION_STATUS_FAILED)
    locks.release_all(tx, instance.key)
    tx.effects.changed.append((instance.hub, instance.instance_id))
    if instance.parent_key is not None and instance.parent_generation is not None:
        answer = _answer_to_parent(tx, instance, status, output, failure)
        deliver_result(tx, instance.parent_key, instance.parent_generation, answer)


def _answer_to_parent(
    tx: Transaction,
    instance: Instance,
    status: int,
    output: str | None,
    failure: pb.TaskFailureDetails | None,
) -> bytes:
    task_id = instance.parent_task_id or 0
    if status == pb.ORCHESTRATION_STATUS_COMPLETED:
        return events.child_completed(tx.now, task_id, output)
    if failure is None:
        word = "terminated" if status == pb.ORCHESTRATION_STATUS_TERMINATED else "failed"
        failure = events.failure(
            "TaskHub.SubOrchestrationEnded", f"sub-orchestration '{instance.instance_id}' was {word}"
        )
    return events.child_failed(tx.now, task_id, failure)


def forget_pending(tx: Transaction, key: int, *, unread: bool = True) -> None:
    """Drop an execution's unfired timers and, unless it may be rewound, its ``unread`` messages."""
    if unread:
        tx.execute("DELETE FROM inbox WHERE key = ?", (key,))
    else:
        kept = (int(MessageClass.RESULT), int(MessageClass.EXTERNAL))
        tx.execute("DELETE FROM inbox WHERE key = ? AND kind NOT IN (?, ?)", (key, *kept))
    tx.execute("DELETE FROM timers WHERE key = ? AND kind != ?", (key, int(TimerKind.SIGNAL)))


def end_from_outside(
    tx: Transaction,
    instance: Instance,
    status: int,
    *,
    output: str | None = None,
    failure: pb.TaskFailureDetails | None = None,
    cause: bytes | None = None,
) -> None:
    """End an instance without its orchestrator, leaving a history that says so."""
    record = [events.orchestrator_started(tx.now)]
    if instance.turns == 0 and (started := _start_event(tx, instance.key)):
        record.append(started)
    if cause is not None:
        record.append(cause)
    record.append(events.orchestrator_completed(tx.now))
    record.append(events.execution_completed(tx.now, status, output, failure))
    append_history(tx, instance.key, instance.turns, record)
    tx.execute("UPDATE instances SET turns = turns + 1 WHERE key = ?", (instance.key,))
    tx.execute("DELETE FROM activities WHERE key = ?", (instance.key,))
    end(tx, instance, status, output, failure)


def _start_event(tx: Transaction, key: int) -> bytes | None:
    event = scalar(
        tx.execute, "SELECT event FROM inbox WHERE key = ? AND kind = ?", (key, int(MessageClass.START))
    )
    if event is None:
        event = scalar(
            tx.execute, "SELECT event FROM timers WHERE key = ? AND kind = ?", (key, int(TimerKind.START))
        )
    return None if event is None else bytes(event)


def remove(tx: Transaction, instance: Instance) -> None:
    """Delete every trace of an instance; whoever waits for it as a parent is not told."""
    locks.release_all(tx, instance.key)
    forget_pending(tx, instance.key)
    for table in ("activities", "history", "payloads", "instances"):
        tx.execute(f"DELETE FROM {table} WHERE key = ?", (instance.key,))
    tx.effects.changed.append((instance.hub, instance.instance_id))

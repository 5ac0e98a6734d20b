"""Reads every history: are its turns complete, and will each question in it ever be answered?"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.message import DecodeError

from taskhub import events, wire
from taskhub.operating.problems import Problem
from taskhub.plan import MessageKind
from taskhub.transactions import lifecycle, rewinding
from taskhub.transactions.records import (
    TERMINAL,
    Instance,
    MessageClass,
    TimerKind,
    instance_by_key,
)
from taskhub.writer import Transaction

LOST = "TaskHub.AnswerLost"
_ENDED = ",".join(str(status) for status in sorted(TERMINAL))

Question = tuple[str, int | str]
"""What an execution waits for: a kind and the task id, request id or section that names it."""

_ASKS = {
    "taskScheduled": "activity",
    "timerCreated": "timer",
    "subOrchestrationInstanceCreated": "sub-orchestration",
}
_CALL, _LOCK = "entity call", "lock"


def gaps(connection: sqlite3.Connection) -> Iterator[Problem]:
    """Histories with missing, surplus or unreadable turns."""
    rows = connection.execute(
        "SELECT i.instance_id, i.turns, count(h.turn), coalesce(max(h.turn), -1), i.key FROM instances i"
        " LEFT JOIN history h ON h.key = i.key GROUP BY i.key"
        " HAVING count(h.turn) != i.turns OR coalesce(max(h.turn), -1) != i.turns - 1"
    )
    for instance_id, turns, count, last, _ in rows.fetchall():
        what = f"{turns} turns were taken, {count} are stored, the last is number {last}"
        yield Problem("history", instance_id, what, "terminate and purge the instance, or restore a backup")
    for instance_id, key, status in connection.execute("SELECT instance_id, key, status FROM instances"):
        if problem := _unreadable(connection, key, status in TERMINAL):
            yield Problem("history", instance_id, problem, "terminate and purge the instance")


def _unreadable(connection: sqlite3.Connection, key: int, ended: bool) -> str | None:
    """A sentence when a turn cannot be decoded, or the history does not end as it must."""
    last = None
    for turn, stored in connection.execute(
        "SELECT turn, events FROM history WHERE key = ? ORDER BY turn", (key,)
    ):
        try:
            found = wire.decode_past_events(stored)
        except DecodeError:
            return f"turn {turn} cannot be decoded"
        if not found:
            return f"turn {turn} is empty"
        last = found[-1].WhichOneof("eventType")
    if ended and last is not None and last != "executionCompleted":
        return f"the instance has ended, but its history ends with {last}"
    return None


def stuck(connection: sqlite3.Connection) -> Iterator[Problem]:
    """Instances that wait for something nobody will ever send."""
    rows = connection.execute(f"SELECT key FROM instances WHERE status NOT IN ({_ENDED})")
    for (key,) in rows:
        instance = instance_by_key(connection.execute, key)
        if instance is None:
            continue
        if instance.turns == 0:
            yield from _cannot_begin(connection, instance)
        else:
            yield from _unanswerable(connection, instance)


def _cannot_begin(connection: sqlite3.Connection, instance: Instance) -> Iterator[Problem]:
    found = connection.execute(
        "SELECT 1 FROM inbox WHERE key = ? AND kind = ?"
        " UNION ALL SELECT 1 FROM timers WHERE key = ? AND kind = ?",
        (instance.key, int(MessageClass.START), instance.key, int(TimerKind.START)),
    ).fetchone()
    if found is None:
        what = "the event that starts the instance is missing"
        yield Problem("stuck", instance.instance_id, what, "it is written again", _begin(instance))


def _begin(instance: Instance) -> Callable[[Transaction], object]:
    def change(tx: Transaction) -> None:
        given, tags, first = tx.execute(
            "SELECT p.input, i.tags, (SELECT min(seq) FROM inbox b WHERE b.key = i.key)"
            " FROM instances i LEFT JOIN payloads p ON p.key = i.key WHERE i.key = ?",
            (instance.key,),
        ).fetchone()
        started = events.execution_started(
            tx.now,
            name=instance.name,
            version=instance.version,
            input_text=given,
            instance_id=instance.instance_id,
            execution_id=instance.execution_id,
            tags=json.loads(tags) if tags else {},
            parent_trace=instance.parent_trace,
        )
        seq = tx.next_seq() if first is None else first - 1
        lifecycle.put(tx, instance.key, MessageClass.START, started, seq)

    return change


@dataclass(frozen=True, slots=True)
class _Open:
    """The unanswered questions of one execution, each with the event that asked it."""

    questions: dict[Question, pb.HistoryEvent]

    def hear(self, event: pb.HistoryEvent) -> None:
        """Take one event of the history or inbox into account."""
        kind = event.WhichOneof("eventType")
        if kind in _ASKS:
            self.questions[(_ASKS[kind], event.eventId)] = event
        elif kind == "entityOperationCalled":
            self.questions[(_CALL, event.entityOperationCalled.requestId)] = event
        elif kind == "entityLockRequested":
            self.questions[(_LOCK, event.entityLockRequested.criticalSectionId)] = event
        elif (answered := answer_to(event)) is not None:
            self.questions.pop(answered, None)


def answer_to(event: pb.HistoryEvent) -> Question | None:
    """Which question an event answers."""
    kind = event.WhichOneof("eventType")
    body: Any = getattr(event, kind) if kind else None
    if kind in ("taskCompleted", "taskFailed"):
        return "activity", body.taskScheduledId
    if kind == "timerFired":
        return "timer", body.timerId
    if kind in ("subOrchestrationInstanceCompleted", "subOrchestrationInstanceFailed"):
        return "sub-orchestration", body.taskScheduledId
    if kind in ("entityOperationCompleted", "entityOperationFailed"):
        return _CALL, body.requestId
    if kind == "entityLockGranted":
        return _LOCK, body.criticalSectionId
    return None


def _unanswerable(connection: sqlite3.Connection, instance: Instance) -> Iterator[Problem]:
    execute, key = connection.execute, instance.key
    inbox = execute("SELECT kind, event FROM inbox WHERE key = ? ORDER BY seq", (key,)).fetchall()
    if any(kind == MessageClass.REWIND for kind, _ in inbox):
        return
    waits = _Open({})
    try:
        for (stored,) in execute("SELECT events FROM history WHERE key = ? ORDER BY turn", (key,)):
            for event in wire.decode_past_events(stored):
                waits.hear(event)
        for _, stored in inbox:
            waits.hear(pb.HistoryEvent.FromString(stored))
    except DecodeError:
        return
    if not waits.questions:
        return
    coming = set(_coming(connection, instance))
    for question, event in waits.questions.items():
        if question not in coming:
            yield _lost(instance, question, event)


def _coming(connection: sqlite3.Connection, instance: Instance) -> Iterator[Question]:
    """The answers that rows in other tables will bring."""
    execute, whose = connection.execute, (instance.key, instance.generation)
    for (task_id,) in execute("SELECT task_id FROM activities WHERE key = ? AND generation = ?", whose):
        yield "activity", task_id
    timers = "SELECT event FROM timers WHERE key = ? AND generation = ? AND kind = ?"
    for (event,) in execute(timers, (*whose, int(TimerKind.RESULT))):
        yield "timer", pb.HistoryEvent.FromString(event).timerFired.timerId
    children = (
        "SELECT parent_task_id FROM instances WHERE parent_key = ? AND parent_generation = ?"
        f" AND status NOT IN ({_ENDED})"
    )
    for (task_id,) in execute(children, whose):
        yield "sub-orchestration", task_id
    calls = "SELECT event FROM operations WHERE parent_key = ? AND parent_generation = ? AND kind = ?"
    for (event,) in execute(calls, (*whose, int(MessageKind.CALL))):
        yield _CALL, pb.HistoryEvent.FromString(event).entityOperationCalled.requestId
    locks = "SELECT section FROM operations WHERE parent_key = ? AND parent_generation = ? AND kind = ?"
    for (section,) in execute(locks, (*whose, int(MessageKind.LOCK))):
        yield _LOCK, section


def _lost(instance: Instance, question: Question, event: pb.HistoryEvent) -> Problem:
    kind, name = question
    what = f"waits for {kind} {name}, which nothing will answer"
    where = instance.instance_id
    if kind == "activity":
        return Problem("stuck", where, what, "it is scheduled again", _again(instance, event))
    if kind == "timer":
        return Problem("stuck", where, what, "it is set again", _again(instance, event))
    if kind == _LOCK:
        return Problem("stuck", where, what, "terminate the instance")
    return Problem("stuck", where, what, "it is answered with a failure", _fail(instance, question))


def _again(instance: Instance, event: pb.HistoryEvent) -> Callable[[Transaction], object]:
    if event.HasField("taskScheduled"):
        return lambda tx: rewinding.restart_activity(tx, instance, event)
    return lambda tx: rewinding.restart_timer(tx, instance, event)


def _fail(instance: Instance, question: Question) -> Callable[[Transaction], object]:
    failure = events.failure(LOST, f"the answer of {question[0]} {question[1]} was lost")

    def change(tx: Transaction) -> None:
        if question[0] == _CALL:
            answer = events.operation_failed(tx.now, str(question[1]), failure)
        else:
            answer = events.child_failed(tx.now, int(question[1]), failure)
        lifecycle.deliver(tx, instance, MessageClass.RESULT, answer)

    return change

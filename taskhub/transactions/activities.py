"""Activities: how they are put to work, their results, and what becomes of one nobody manages to run."""

from __future__ import annotations

from collections.abc import Callable

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.limits import PAYLOAD_TOO_LARGE, Limits
from taskhub.plan import ActivityDraft
from taskhub.transactions import lifecycle
from taskhub.transactions.records import Instance
from taskhub.writer import Transaction


def schedule(tx: Transaction, instance: Instance, activity: ActivityDraft) -> None:
    """Put an activity to work for the execution that asks for it."""
    seq = tx.next_seq()
    tx.execute(
        "INSERT INTO activities (seq, hub, key, generation, task_id, name, version, request)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            seq,
            instance.hub,
            instance.key,
            instance.generation,
            activity.task_id,
            activity.name,
            activity.version,
            activity.request,
        ),
    )
    tx.effects.activities.append((instance.hub, seq, activity.name, activity.version))


def complete(seq: int, response: pb.ActivityResponse, limits: Limits) -> Callable[[Transaction], None]:
    """Pass the activity's result or failure to the execution that waits for it."""

    def change(tx: Transaction) -> None:
        result = events.optional(response, "result")
        if response.HasField("failureDetails"):
            reason = events.clipped(response.failureDetails, limits.payload_bytes)
            _answer(tx, seq, lambda task: events.task_failed(tx.now, task, reason))
        elif problem := limits.oversize("the activity's result", result):
            failure = events.failure(PAYLOAD_TOO_LARGE, problem)
            _answer(tx, seq, lambda task: events.task_failed(tx.now, task, failure))
        else:
            _answer(tx, seq, lambda task: events.task_completed(tx.now, task, events.text(result)))

    return change


def fail(seq: int, error_type: str, message: str) -> Callable[[Transaction], None]:
    """Give up on an activity; its orchestration sees the reason as a failure it can handle."""

    def change(tx: Transaction) -> None:
        failure = events.failure(error_type, message)
        _answer(tx, seq, lambda task: events.task_failed(tx.now, task, failure))

    return change


def _answer(tx: Transaction, seq: int, answer: Callable[[int], bytes]) -> None:
    row = tx.execute("SELECT key, generation, task_id FROM activities WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        return
    tx.execute("DELETE FROM activities WHERE seq = ?", (seq,))
    lifecycle.deliver_result(tx, row[0], row[1], answer(row[2]))

"""Entity operations: signals in, batches out, results back to the callers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.limits import PAYLOAD_TOO_LARGE, POISON_WORK_ITEM, Limits
from taskhub.plan import EntityMessage, MessageKind
from taskhub.transactions import lifecycle, locks
from taskhub.transactions.lifecycle import NewInstance, StoredTimer
from taskhub.transactions.records import Entity, TimerKind, entity_by_key, instance_by_id
from taskhub.writer import Transaction

CAUTIOUS_AFTER = 2
"""An entity whose batches were lost this often gets its operations one at a time."""


@dataclass(frozen=True, slots=True)
class BatchWork:
    """The operations handed to the worker, by sequence number, in order."""

    key: int
    seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """A one-way operation; ``due`` in microseconds delays it."""

    entity_id: str
    event: bytes
    due: int | None = None
    trace: bytes | None = None


def signal(hub: int, sent: Signal) -> Callable[[Transaction], None]:
    """Put a signal into the entity's mailbox, now or when it is due."""

    def change(tx: Transaction) -> None:
        _post_signal(tx, hub, sent)

    return change


def _post_signal(tx: Transaction, hub: int, sent: Signal) -> None:
    entity = locks.entity_for(tx, hub, sent.entity_id)
    if sent.due is not None and sent.due > tx.now:
        lifecycle.add_timer(
            tx, StoredTimer(sent.due, TimerKind.SIGNAL, entity.key, 0, sent.event, sent.trace)
        )
        return
    locks.post(tx, entity, EntityMessage(MessageKind.SIGNAL, sent.entity_id, sent.event), trace=sent.trace)


def complete(work: BatchWork, result: pb.EntityBatchResult, limits: Limits) -> Callable[[Transaction], None]:
    """Store the new state, answer the callers, send what the operations sent."""

    def change(tx: Transaction) -> None:
        entity = entity_by_key(tx.execute, work.key)
        if entity is None:
            return
        state = events.optional(result, "entityState")
        problem = limits.oversize(f"the state of entity '{entity.entity_id}'", state)
        problem = problem or _action_problem(result, limits)
        if problem and len(work.seqs) > 1:
            _ask_one_by_one(tx, entity)
            return
        done = work.seqs[: len(result.results)]
        trace = _common_trace(tx, entity.key, done)
        for seq, outcome in zip(done, result.results, strict=False):
            _answer(tx, entity.key, seq, partial(_verdict, tx.now, limits, problem, outcome))
        if problem is None:
            tx.execute(
                "UPDATE entities SET state = ?, modified_at = ?, losses = 0 WHERE key = ?",
                (state or None, tx.now, entity.key),
            )
            _act(tx, entity, result, trace)
        locks.settle(tx, entity)

    return change


def _action_problem(result: pb.EntityBatchResult, limits: Limits) -> str | None:
    """A sentence when an operation sent something beyond a limit."""
    for action in result.actions:
        if action.HasField("sendSignal"):
            signal_sent = action.sendSignal
            problem = limits.entity_id_problem(signal_sent.instanceId) or limits.oversize(
                f"the input of signal '{signal_sent.name}'", events.optional(signal_sent, "input")
            )
        else:
            begun = action.startNewOrchestration
            problem = limits.child_id_problem(begun.instanceId) or limits.oversize(
                f"the input of orchestration '{begun.name}'", events.optional(begun, "input")
            )
        if problem:
            return problem
    return None


def _common_trace(tx: Transaction, key: int, seqs: tuple[int, ...]) -> bytes | None:
    """The trace the batch's operations came with, unless they came from several.

    A batch's actions do not say which operation sent them.
    """
    marks = ",".join("?" * len(seqs))
    query = f"SELECT trace FROM operations WHERE entity_key = ? AND seq IN ({marks}) AND trace IS NOT NULL"
    traces = [row[0] for row in tx.execute(query, (key, *seqs))]
    ids = {tuple(pb.TraceContext.FromString(trace).traceParent.split("-")[1:2]) for trace in traces}
    return bytes(traces[-1]) if len(ids) == 1 else None


def _ask_one_by_one(tx: Transaction, entity: Entity) -> None:
    """Have the batch done again in batches of one, so that only the guilty operation fails."""
    tx.execute("UPDATE entities SET losses = max(losses, ?) WHERE key = ?", (CAUTIOUS_AFTER, entity.key))
    locks.settle(tx, entity)


def _answer(tx: Transaction, key: int, seq: int, verdict: Callable[[str], bytes]) -> None:
    """Take an operation out of the mailbox and, if somebody waits, tell how it went."""
    row = _take(tx, key, seq)
    if row is not None and row[0] == MessageKind.CALL:
        request_id = pb.HistoryEvent.FromString(row[3]).entityOperationCalled.requestId
        lifecycle.deliver_result(tx, row[1], row[2], verdict(request_id))


def _verdict(
    now: int, limits: Limits, problem: str | None, outcome: pb.OperationResult, request_id: str
) -> bytes:
    """The event that answers a call; ``problem`` is why the batch was not accepted."""
    if problem is None and outcome.HasField("failure"):
        reason = events.clipped(outcome.failure.failureDetails, limits.payload_bytes)
        return events.operation_failed(now, request_id, reason)
    output = outcome.success.result if outcome.success.HasField("result") else None
    problem = problem or limits.oversize("the operation's result", output.value if output else None)
    if problem:
        return events.operation_failed(now, request_id, events.failure(PAYLOAD_TOO_LARGE, problem))
    return events.operation_completed(now, request_id, output)


def _take(tx: Transaction, key: int, seq: int) -> tuple[int, int, int, bytes] | None:
    row = tx.execute(
        "SELECT kind, parent_key, parent_generation, event FROM operations WHERE entity_key = ? AND seq = ?",
        (key, seq),
    ).fetchone()
    tx.execute("DELETE FROM operations WHERE entity_key = ? AND seq = ?", (key, seq))
    return (row[0], row[1], row[2], row[3]) if row else None


def _act(tx: Transaction, entity: Entity, result: pb.EntityBatchResult, trace: bytes | None) -> None:
    for position, action in enumerate(result.actions):
        if action.HasField("sendSignal"):
            _send_signal(tx, entity, action.sendSignal, position, trace)
        elif action.HasField("startNewOrchestration"):
            _start(tx, entity, action.startNewOrchestration, trace)


def _own_trace(action: pb.SendSignalAction | pb.StartNewOrchestrationAction) -> bytes | None:
    return action.parentTraceContext.SerializeToString() if action.HasField("parentTraceContext") else None


def _send_signal(
    tx: Transaction, entity: Entity, sent: pb.SendSignalAction, position: int, trace: bytes | None
) -> None:
    event = events.operation_signaled(
        tx.now,
        f"{entity.key:x}-{tx.now:x}-{position:x}",
        sent.name,
        events.optional(sent, "input"),
        sent.instanceId,
    )
    due = events.micros(sent.scheduledTime) if sent.HasField("scheduledTime") else None
    _post_signal(tx, entity.hub, Signal(sent.instanceId, event, due, _own_trace(sent) or trace))


def _start(
    tx: Transaction, entity: Entity, wanted: pb.StartNewOrchestrationAction, trace: bytes | None
) -> None:
    """Start an orchestration for an entity; a running one with this id is left alone."""
    existing = instance_by_id(tx.execute, entity.hub, wanted.instanceId)
    if existing is not None:
        if not existing.ended:
            return
        lifecycle.remove(tx, existing)
    new = NewInstance(
        wanted.instanceId,
        wanted.name,
        events.optional(wanted, "version"),
        events.optional(wanted, "input"),
        trace=_own_trace(wanted) or trace,
        scheduled_at=events.micros(wanted.scheduledTime) if wanted.HasField("scheduledTime") else None,
    )
    lifecycle.create(tx, entity.hub, new)


def fail_first(work: BatchWork, message: str) -> Callable[[Transaction], None]:
    """Give up on the oldest operation of a batch: its caller sees the reason, a signal is dropped."""

    def change(tx: Transaction) -> None:
        entity = entity_by_key(tx.execute, work.key)
        if entity is None:
            return
        failure = events.failure(POISON_WORK_ITEM, message)
        _answer(tx, entity.key, work.seqs[0], lambda asked: events.operation_failed(tx.now, asked, failure))
        tx.execute("UPDATE entities SET losses = 0 WHERE key = ?", (entity.key,))
        locks.settle(tx, entity)

    return change

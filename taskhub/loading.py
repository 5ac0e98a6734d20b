"""Reads what a work item needs and puts it on the wire; read-only, on the event loop's connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events, wire
from taskhub.limits import Limits, entity_name
from taskhub.plan import MessageKind
from taskhub.scheduling import Item, Kind
from taskhub.transactions.entities import CAUTIOUS_AFTER, BatchWork
from taskhub.transactions.records import (
    Instance,
    MessageClass,
    entity_by_key,
    instance_by_key,
)
from taskhub.transactions.turns import TurnWork

_ENVELOPE_BYTES = 256
"""Room for ids, token and framing around a work item."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A work item ready to send: ``body`` still needs its token."""

    kind: Kind
    work: Any
    header: bytes
    history: Sequence[bytes] = ()
    new: bytes = b""

    def encode(self, token: str) -> bytes:
        """The serialised WorkItem."""
        if self.kind is Kind.ORCHESTRATION:
            return wire.orchestrator_item(self.header, self.history, self.new, token)
        if self.kind is Kind.ACTIVITY:
            return wire.activity_item(self.header, token)
        return wire.entity_item(self.header, token)


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The work item exceeds what a worker's channel accepts; ``reason`` is a sentence."""

    work: Any
    reason: str


class Loader:
    """Builds work items from the stored rows."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._execute = connection.execute
        self._limits = limits

    def load(
        self, item: Item, now: int, *, durable: int, streams_history: bool = False
    ) -> Loaded | TooLarge | None:
        """The work item, or None when there is nothing to do; ``now`` in microseconds.

        What is not on disk yet, above the sequence number ``durable``, no entity is given. A worker that
        streams history gets a long one left out, and a note to fetch it.
        """
        if item.kind is Kind.ORCHESTRATION:
            return self._turn(item.key, now, streams_history)
        if item.kind is Kind.ACTIVITY:
            return self._activity(item.key)
        return self._batch(item.key, durable)

    def _turn(self, key: int, now: int, streams_history: bool) -> Loaded | TooLarge | None:
        instance = instance_by_key(self._execute, key)
        if instance is None or instance.ended or instance.status == pb.ORCHESTRATION_STATUS_SUSPENDED:
            return None
        inbox = self._execute(
            "SELECT seq, kind, event, resumed FROM inbox WHERE key = ? ORDER BY seq LIMIT ?",
            (key, self._limits.batch_events),
        ).fetchall()
        if not inbox or (instance.turns == 0 and inbox[0][1] != MessageClass.START):
            return None
        if inbox[0][1] == MessageClass.REWIND:
            del inbox[1:]
        leave_out = streams_history and self._history_bytes(key) > self._limits.message_bytes // 2
        history = [] if leave_out else self._history(key)
        used = sum(map(len, history)) + _ENVELOPE_BYTES
        work = self._take_messages(instance, inbox, self._limits.message_bytes - used, now)
        new = wire.new_events(work.new_events)
        if used + len(new) > self._limits.message_bytes:
            return TooLarge(work, self._explain(used + len(new)))
        return Loaded(Kind.ORCHESTRATION, work, _turn_header(instance, leave_out), history, new)

    def _history(self, key: int) -> list[bytes]:
        rows = self._execute("SELECT events FROM history WHERE key = ? ORDER BY turn", (key,))
        return [row[0] for row in rows]

    def _history_bytes(self, key: int) -> int:
        row = self._execute("SELECT sum(length(events)) FROM history WHERE key = ?", (key,)).fetchone()
        return int(row[0] or 0)

    def _take_messages(self, instance: Instance, inbox: list[Any], room: int, now: int) -> TurnWork:
        """As many messages as fit, at least one, after the event that starts the turn."""
        taken = [events.orchestrator_started(now)]
        size, last_seq = 0, 0
        for seq, kind, event, resumed in inbox:
            size += len(event) + 8
            if size > room and last_seq:
                break
            if kind == MessageClass.REWIND and last_seq:
                break
            taken.append(event)
            if resumed is not None:
                taken.append(resumed)
            last_seq = seq
        return TurnWork(instance.key, instance.generation, last_seq, tuple(taken))

    def _explain(self, size: int) -> str:
        return (
            f"history and new events of the next turn have {size:,} bytes; a worker's channel takes "
            f"{self._limits.message_bytes:,}. Keep results small, or use continue-as-new"
        )

    def _activity(self, seq: int) -> Loaded | None:
        row = self._execute("SELECT request FROM activities WHERE seq = ?", (seq,)).fetchone()
        return Loaded(Kind.ACTIVITY, seq, row[0]) if row else None

    def _batch(self, key: int, durable: int) -> Loaded | TooLarge | None:
        entity = entity_by_key(self._execute, key)
        if entity is None:
            return None
        owner = (entity.owner_key,) if entity.section is not None else ()
        rows = self._eligible(entity.key, durable, *owner)
        if not rows:
            return None
        state = self._execute("SELECT state FROM entities WHERE key = ?", (key,)).fetchone()[0]
        room = self._limits.message_bytes - _ENVELOPE_BYTES - (len(state) * 3 if state else 0)
        count = 1 if entity.losses >= CAUTIOUS_AFTER else self._limits.batch_operations
        request = pb.EntityBatchRequest(instanceId=entity.entity_id, entityState=events.text(state))
        seqs: list[int] = []
        for seq, event, trace in rows[:count]:
            room -= len(event)
            if room < 0 and seqs:
                break
            request.operations.append(_operation(event, trace))
            seqs.append(seq)
        work = BatchWork(key, tuple(seqs))
        if request.ByteSize() + _ENVELOPE_BYTES > self._limits.message_bytes:
            reason = f"state and one operation of entity '{entity_name(entity.entity_id)}' exceed a message"
            return TooLarge(work, reason)
        return Loaded(Kind.ENTITY, work, request.SerializeToString())

    def _eligible(self, key: int, durable: int, *owner: int | None) -> list[Any]:
        """The operations whose turn it is: of the lock's owner, or up to the next request for the lock."""
        most = self._limits.batch_operations
        if owner:
            query = (
                "SELECT seq, event, trace FROM operations"
                " WHERE entity_key = ? AND seq <= ? AND kind = ? AND parent_key = ? ORDER BY seq LIMIT ?"
            )
            return self._execute(query, (key, durable, int(MessageKind.CALL), *owner, most)).fetchall()
        query = (
            "SELECT seq, event, trace, kind FROM operations"
            " WHERE entity_key = ? AND seq <= ? ORDER BY seq LIMIT ?"
        )
        rows = []
        for seq, event, trace, kind in self._execute(query, (key, durable, most)):
            if kind == MessageKind.LOCK:
                break
            rows.append((seq, event, trace))
        return rows


def _turn_header(instance: Instance, streamed: bool) -> bytes:
    trace = pb.OrchestrationTraceContext.FromString(instance.trace) if instance.trace is not None else None
    header = pb.OrchestratorRequest(
        instanceId=instance.instance_id,
        executionId=events.text(instance.execution_id),
        orchestrationTraceContext=trace,
        requiresHistoryStreaming=streamed,
    )
    return bytes(header.SerializeToString())


def _operation(event: bytes, trace: bytes | None) -> pb.OperationRequest:
    message = pb.HistoryEvent.FromString(event)
    body = getattr(message, message.WhichOneof("eventType"))
    return pb.OperationRequest(
        operation=body.operation,
        requestId=body.requestId,
        input=body.input if body.HasField("input") else None,
        traceContext=pb.TraceContext.FromString(trace) if trace else None,
    )

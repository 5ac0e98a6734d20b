"""Due timers become messages."""

from __future__ import annotations

from collections.abc import Callable

from taskhub.plan import EntityMessage, MessageKind
from taskhub.transactions import lifecycle, locks
from taskhub.transactions.records import MessageClass, TimerKind, entity_by_key, instance_by_key, scalar
from taskhub.writer import Transaction


def fire_due(limit: int) -> Callable[[Transaction], int | None]:
    """Deliver up to ``limit`` due timers; when the next one is due (microseconds), or None."""

    def change(tx: Transaction) -> int | None:
        rows = tx.execute(
            "SELECT seq, kind, key, generation, event, trace FROM timers"
            " WHERE due <= ? ORDER BY due, seq LIMIT ?",
            (tx.now, limit),
        ).fetchall()
        for seq, kind, key, generation, event, trace in rows:
            tx.execute("DELETE FROM timers WHERE seq = ?", (seq,))
            if kind == TimerKind.SIGNAL:
                _signal(tx, key, event, trace)
            elif kind == TimerKind.START:
                _start(tx, key, seq, event)
            else:
                lifecycle.deliver_result(tx, key, generation, event)
        due: int | None = scalar(tx.execute, "SELECT min(due) FROM timers")
        return due

    return change


def _signal(tx: Transaction, key: int, event: bytes, trace: bytes | None) -> None:
    entity = entity_by_key(tx.execute, key)
    if entity is not None:
        locks.post(tx, entity, EntityMessage(MessageKind.SIGNAL, entity.entity_id, event), trace=trace)


def _start(tx: Transaction, key: int, seq: int, event: bytes) -> None:
    """Begin a scheduled execution; its old sequence number puts it before events raised meanwhile."""
    instance = instance_by_key(tx.execute, key)
    if instance is not None and not instance.ended:
        lifecycle.put(tx, key, MessageClass.START, event, seq)
        lifecycle.wake(tx, instance)

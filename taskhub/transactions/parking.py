"""Keeps a note of each work item the hub gave up, beside what giving up does to its owner."""

from __future__ import annotations

from collections.abc import Callable

from taskhub.scheduling import Item, Kind
from taskhub.transactions.records import scalar
from taskhub.writer import Change, Transaction

KEPT_NOTES = 1000
"""Older notes are dropped; the owners' own failures stay."""

_OWNER = {
    Kind.ORCHESTRATION: "SELECT instance_id FROM instances WHERE key = ?",
    Kind.ACTIVITY: (
        "SELECT i.instance_id FROM activities a JOIN instances i ON i.key = a.key WHERE a.seq = ?"
    ),
    Kind.ENTITY: "SELECT entity_id FROM entities WHERE key = ?",
}


def parked(item: Item, reason: str, change: Change[None]) -> Callable[[Transaction], None]:
    """Apply ``change``, which gives the item up, and note when, what, whose and why."""

    def noted(tx: Transaction) -> None:
        owner = scalar(tx.execute, _OWNER[item.kind], (item.key,))
        if owner is not None:
            cursor = tx.execute(
                "INSERT INTO parked (at, hub, kind, name, owner, reason) VALUES (?, ?, ?, ?, ?, ?)",
                (tx.now, item.hub, int(item.kind), item.name, owner, reason),
            )
            tx.execute("DELETE FROM parked WHERE seq <= ?", (int(cursor.lastrowid or 0) - KEPT_NOTES,))
        change(tx)

    return noted

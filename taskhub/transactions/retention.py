"""Forgets instances that ended long ago, a few per transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from taskhub.transactions import lifecycle
from taskhub.transactions.records import TERMINAL, Execute, instance_by_key
from taskhub.writer import Transaction

_TERMINAL = ",".join(str(status) for status in sorted(TERMINAL))
# A sub-orchestration stays until its parent has ended: a rewind of the parent may need it.
_EXPIRED = (
    " FROM instances i WHERE i.hub = ? AND i.completed_at < ? AND i.status IN ({marks})"
    " AND NOT EXISTS (SELECT 1 FROM instances p WHERE p.key = i.parent_key"
    f" AND p.status NOT IN ({_TERMINAL}))"
    " AND NOT EXISTS (SELECT 1 FROM entities e WHERE e.owner_key = i.key)"
    " AND NOT EXISTS (SELECT 1 FROM operations o WHERE o.section IS NOT NULL AND o.parent_key = i.key)"
)


@dataclass(frozen=True, slots=True)
class Expiry:
    """Which instances may go: ended in one of ``statuses`` before ``ended_before`` (microseconds)."""

    ended_before: int
    statuses: Sequence[int]

    def query(self, hub: int) -> tuple[str, tuple[int, ...]]:
        """The FROM clause that finds them in one hub, and its parameters."""
        marks = ",".join("?" * len(self.statuses))
        return _EXPIRED.format(marks=marks), (hub, self.ended_before, *self.statuses)


def count_expired(execute: Execute, hub: int, expiry: Expiry) -> int:
    """How many instances of one hub would go."""
    query, values = expiry.query(hub)
    return int(execute("SELECT count(*)" + query, values).fetchone()[0])


def forget_expired(hub: int, expiry: Expiry, limit: int) -> Callable[[Transaction], int]:
    """Delete up to ``limit`` expired instances of one hub, oldest first; how many."""

    def change(tx: Transaction) -> int:
        query, values = expiry.query(hub)
        keys = tx.execute("SELECT i.key" + query + " ORDER BY i.completed_at LIMIT ?", (*values, limit))
        count = 0
        for (key,) in keys.fetchall():
            instance = instance_by_key(tx.execute, key)
            if instance is not None:
                lifecycle.remove(tx, instance)
                count += 1
        return count

    return change

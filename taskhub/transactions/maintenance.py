"""Purging, cleaning and counting losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from taskhub.transactions import commands, lifecycle, locks
from taskhub.transactions.records import (
    TERMINAL,
    Instance,
    TimerKind,
    entity_by_id,
    entity_by_key,
    instance_by_id,
)
from taskhub.writer import Transaction


@dataclass(frozen=True, slots=True)
class PurgeFilter:
    """Which ended instances to purge; times in microseconds, ``created_to`` exclusive."""

    created_from: int | None
    created_to: int | None
    statuses: Sequence[int]


def purge_ids(hub: int, ids: Sequence[str], recurse: bool) -> Callable[[Transaction], int]:
    """Delete the ended instances, and entities, among ``ids``; how many."""

    def change(tx: Transaction) -> int:
        count = 0
        for instance_id in ids:
            if instance_id.startswith("@"):
                count += _remove_entity(tx, hub, instance_id)
                continue
            instance = instance_by_id(tx.execute, hub, instance_id)
            if instance is not None:
                count += _purge(tx, instance, recurse)
        return count

    return change


def _purge(tx: Transaction, instance: Instance, recurse: bool) -> int:
    if not instance.ended:
        return 0
    count = 1
    if recurse:
        for child in commands.children(tx, instance.key):
            count += _purge(tx, child, recurse)
    lifecycle.remove(tx, instance)
    return count


def purge_matching(
    hub: int, wanted: PurgeFilter, recurse: bool, limit: int
) -> Callable[[Transaction], tuple[int, bool]]:
    """Delete up to ``limit`` matching instances; how many, and whether there may be more."""

    def change(tx: Transaction) -> tuple[int, bool]:
        statuses = [status for status in (wanted.statuses or TERMINAL) if status in TERMINAL]
        marks = ",".join("?" * len(statuses))
        rows = tx.execute(
            f"SELECT instance_id FROM instances WHERE hub = ? AND completed_at IS NOT NULL"
            f" AND status IN ({marks}) AND created_at >= ? AND created_at < ? LIMIT ?",
            (hub, *statuses, wanted.created_from or 0, wanted.created_to or 2**62, limit),
        ).fetchall()
        count = 0
        for (instance_id,) in rows:
            instance = instance_by_id(tx.execute, hub, instance_id)
            if instance is not None:
                count += _purge(tx, instance, recurse)
        return count, len(rows) == limit

    return change


def _remove_entity(tx: Transaction, hub: int, entity_id: str) -> int:
    entity = entity_by_id(tx.execute, hub, entity_id)
    if entity is None:
        return 0
    tx.execute("DELETE FROM operations WHERE entity_key = ?", (entity.key,))
    tx.execute("DELETE FROM timers WHERE key = ? AND kind = ?", (entity.key, int(TimerKind.SIGNAL)))
    tx.execute("DELETE FROM entities WHERE key = ?", (entity.key,))
    return 1


def clean_entities(
    hub: int, remove_empty: bool, release_orphans: bool
) -> Callable[[Transaction], tuple[int, int]]:
    """Remove entities without state or work, release locks of orchestrations that are gone."""

    def change(tx: Transaction) -> tuple[int, int]:
        removed = released = 0
        if release_orphans:
            rows = tx.execute(
                "SELECT e.key FROM entities e LEFT JOIN instances i ON i.key = e.owner_key"
                " WHERE e.hub = ? AND e.section IS NOT NULL"
                " AND (i.key IS NULL OR i.completed_at IS NOT NULL)",
                (hub,),
            ).fetchall()
            for (key,) in rows:
                entity = entity_by_key(tx.execute, key)
                if entity is not None and entity.section is not None:
                    locks.unlock(tx, hub, entity.entity_id, entity.section)
                    released += 1
        if remove_empty:
            removed = tx.execute(
                "DELETE FROM entities WHERE hub = ? AND state IS NULL AND section IS NULL"
                " AND NOT EXISTS (SELECT 1 FROM operations o WHERE o.entity_key = entities.key)"
                " AND NOT EXISTS (SELECT 1 FROM timers t WHERE t.key = entities.key AND t.kind = ?)",
                (hub, int(TimerKind.SIGNAL)),
            ).rowcount
        return removed, released

    return change


def clear_hub(hub: int) -> Callable[[Transaction], None]:
    """Delete everything in one hub."""

    def change(tx: Transaction) -> None:
        rows = tx.execute("SELECT instance_id FROM instances WHERE hub = ?", (hub,)).fetchall()
        for (instance_id,) in rows:
            instance = instance_by_id(tx.execute, hub, instance_id)
            if instance is not None:
                lifecycle.remove(tx, instance)
        rows = tx.execute("SELECT entity_id FROM entities WHERE hub = ?", (hub,)).fetchall()
        for (entity_id,) in rows:
            _remove_entity(tx, hub, entity_id)

    return change


def count_losses(table: str, column: str, keys: Sequence[int]) -> Callable[[Transaction], dict[int, int]]:
    """Note that these work items were lost by their worker; how often each has been by now."""

    def change(tx: Transaction) -> dict[int, int]:
        losses: dict[int, int] = {}
        for key in keys:
            tx.execute(f"UPDATE {table} SET losses = losses + 1 WHERE {column} = ?", (key,))
            row = tx.execute(f"SELECT losses FROM {table} WHERE {column} = ?", (key,)).fetchone()
            if row is not None:
                losses[key] = int(row[0])
        return losses

    return change

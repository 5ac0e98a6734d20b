"""Finds work in the database that no queue knows of: at start-up, and after a queue overflowed."""

from __future__ import annotations

import sqlite3

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub.limits import entity_name
from taskhub.scheduling import Item, Kind
from taskhub.turn import MessageKind


def find_ready(connection: sqlite3.Connection, hub: int, kind: Kind, limit: int) -> list[Item]:
    """Up to ``limit`` items of one kind that have something to do, oldest first."""
    execute = connection.execute
    if kind is Kind.ORCHESTRATION:
        rows = execute(
            "SELECT i.key, i.name, i.version FROM (SELECT DISTINCT key FROM inbox) b"
            " JOIN instances i ON i.key = b.key WHERE i.hub = ? AND i.completed_at IS NULL AND i.status != ?"
            " LIMIT ?",
            (hub, pb.ORCHESTRATION_STATUS_SUSPENDED, limit),
        )
        return [Item(kind, hub, key, name, version) for key, name, version in rows]
    if kind is Kind.ACTIVITY:
        rows = execute(
            "SELECT seq, name, version FROM activities WHERE hub = ? ORDER BY seq LIMIT ?", (hub, limit)
        )
        return [Item(kind, hub, seq, name, version) for seq, name, version in rows]
    rows = execute(
        "SELECT e.key, e.entity_id FROM (SELECT DISTINCT entity_key AS key FROM operations WHERE kind != ?) o"
        " JOIN entities e ON e.key = o.key WHERE e.hub = ? LIMIT ?",
        (int(MessageKind.LOCK), hub, limit),
    )
    return [Item(kind, hub, key, entity_name(entity_id)) for key, entity_id in rows]

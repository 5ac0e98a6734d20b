"""Finds work in the database that no queue knows of: when a worker connects, and after a queue overflowed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub.limits import entity_name
from taskhub.plan import MessageKind
from taskhub.scheduling import Filter, Group, Item, Kind


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which groups to look for: what workers accept (None: anything), without those in ``skipped``."""

    accepted: Filter | None = None
    skipped: frozenset[Group] = frozenset()


def find_ready(
    connection: sqlite3.Connection, hub: int, kind: Kind, wanted: Wanted, limit: int
) -> list[Item]:
    """Up to ``limit`` items of one kind that have something to do, oldest first."""
    if wanted.accepted is not None and not wanted.accepted:
        return []
    if kind is Kind.ENTITY:
        return _entities(connection, hub, wanted, limit)
    chosen, values = _choice(wanted)
    if kind is Kind.ORCHESTRATION:
        rows = connection.execute(
            "SELECT i.key, i.name, i.version FROM (SELECT DISTINCT key FROM inbox) b"
            " JOIN instances i ON i.key = b.key WHERE i.hub = ? AND i.completed_at IS NULL AND i.status != ?"
            f" AND {chosen} LIMIT ?",
            (hub, pb.ORCHESTRATION_STATUS_SUSPENDED, *values, limit),
        )
    else:
        rows = connection.execute(
            f"SELECT i.seq, i.name, i.version FROM activities i WHERE i.hub = ? AND {chosen}"
            " ORDER BY i.seq LIMIT ?",
            (hub, *values, limit),
        )
    return [Item(kind, hub, key, name, version) for key, name, version in rows]


def _choice(wanted: Wanted) -> tuple[str, list[Any]]:
    """The condition on name and version, and its values."""
    conditions, values = ["1"], list[Any]()
    if wanted.accepted is not None:
        either = []
        for name, versions in wanted.accepted.items():
            either.append("i.name = ?")
            values.append(name)
            if versions:
                either[-1] += f" AND ifnull(i.version, '') IN ({','.join('?' * len(versions))})"
                values.extend(versions)
        conditions.append(f"({' OR '.join(either)})")
    for group in wanted.skipped:
        conditions.append("NOT (i.name = ? AND i.version IS ?)")
        values.extend(group)
    return " AND ".join(conditions), values


def _entities(connection: sqlite3.Connection, hub: int, wanted: Wanted, limit: int) -> list[Item]:
    conditions, values = ["e.hub = ?"], list[Any]([hub])
    if wanted.accepted is not None:
        conditions.append(f"({' OR '.join([_NAMED] * len(wanted.accepted))})")
        values.extend(bound for name in wanted.accepted for bound in _bounds(name))
    for name, _ in wanted.skipped:
        conditions.append(f"NOT {_NAMED}")
        values.extend(_bounds(name))
    rows = connection.execute(
        "SELECT e.key, e.entity_id FROM (SELECT DISTINCT entity_key AS key FROM operations WHERE kind != ?) o"
        f" JOIN entities e ON e.key = o.key WHERE {' AND '.join(conditions)} LIMIT ?",
        (int(MessageKind.LOCK), *values, limit),
    )
    return [Item(Kind.ENTITY, hub, key, entity_name(entity_id)) for key, entity_id in rows]


_NAMED = "(e.entity_id >= ? AND e.entity_id < ?)"


def _bounds(name: str) -> tuple[str, str]:
    """The range of ids ``@name@...``; A follows @."""
    return f"@{name}@", f"@{name}A"

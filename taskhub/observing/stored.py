"""What the file holds, counted on a read connection of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events, wire
from taskhub.scheduling import Kind
from taskhub.statuses import status_code, status_name

SHOWN_ROWS = 100


@dataclass(frozen=True, slots=True)
class Parked:
    """A work item the hub gave up: when (microseconds), where, what, whose, why."""

    at: int
    hub: str
    kind: str
    name: str
    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Counts by hub name; ``oldest`` is when the oldest waiting item of a kind arrived (microseconds).

    ``parked`` has the latest work items that were given up, ``parked_total`` counts all that are remembered.
    """

    hubs: Mapping[int, str]
    instances: Mapping[tuple[str, str], int]
    waiting: Mapping[tuple[str, str], int]
    oldest: Mapping[str, int]
    entities: Mapping[str, int]
    timers: int
    next_timer: int | None
    parked: Sequence[Parked]
    parked_total: int
    size: int


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """One line of the list of instances; times in microseconds."""

    hub: str
    instance_id: str
    name: str
    status: str
    created: int
    updated: int


_WAITING = {
    Kind.ORCHESTRATION: (
        "SELECT i.hub, count(DISTINCT b.key) FROM inbox b JOIN instances i ON i.key = b.key"
        " WHERE i.completed_at IS NULL"
        f" AND i.status != {int(pb.ORCHESTRATION_STATUS_SUSPENDED)} GROUP BY i.hub"
    ),
    Kind.ACTIVITY: "SELECT hub, count(*) FROM activities GROUP BY hub",
    Kind.ENTITY: (
        "SELECT e.hub, count(DISTINCT o.entity_key) FROM operations o"
        " JOIN entities e ON e.key = o.entity_key GROUP BY e.hub"
    ),
}


def kind_name(kind: int) -> str:
    """``orchestration``, ``activity`` or ``entity``."""
    return Kind(kind).name.lower()


def count(connection: sqlite3.Connection) -> Stored:
    """Count everything as of one moment."""
    connection.execute("BEGIN")
    try:
        return _count(connection)
    finally:
        connection.execute("ROLLBACK")


def _count(connection: sqlite3.Connection) -> Stored:
    execute = connection.execute
    hubs: dict[int, str] = dict(execute("SELECT id, name FROM hubs").fetchall())

    def named(hub: int) -> str:
        return hubs.get(hub, f"hub {hub}")

    by_status = execute("SELECT hub, status, count(*) FROM instances GROUP BY hub, status").fetchall()
    entities = execute("SELECT hub, count(*) FROM entities GROUP BY hub").fetchall()
    timers, next_timer = execute("SELECT count(*), min(due) FROM timers").fetchone()
    parked = execute(
        "SELECT at, hub, kind, name, owner, reason FROM parked ORDER BY seq DESC LIMIT ?", (SHOWN_ROWS,)
    ).fetchall()
    (parked_total,) = execute("SELECT count(*) FROM parked").fetchone()
    pages, page_size = (execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return Stored(
        hubs=hubs,
        instances={(named(hub), status_name(status)): found for hub, status, found in by_status},
        waiting={
            (named(hub), kind_name(kind)): found
            for kind, query in _WAITING.items()
            for hub, found in execute(query).fetchall()
        },
        oldest=_oldest(connection),
        entities={named(hub): found for hub, found in entities},
        timers=timers,
        next_timer=next_timer,
        parked=[
            Parked(at, named(hub), kind_name(kind), name, owner, reason)
            for at, hub, kind, name, owner, reason in parked
        ],
        parked_total=parked_total,
        size=pages * page_size,
    )


def _oldest(connection: sqlite3.Connection) -> dict[str, int]:
    """When the oldest waiting item of each kind arrived; absent where nothing waits."""
    found: dict[str, int] = {}
    for kind, table in ((Kind.ORCHESTRATION, "inbox"), (Kind.ENTITY, "operations")):
        row = connection.execute(f"SELECT event FROM {table} ORDER BY seq LIMIT 1").fetchone()
        if row is not None:
            found[kind_name(kind)] = events.micros(pb.HistoryEvent.FromString(row[0]).timestamp)
    activity = connection.execute("SELECT key, task_id FROM activities ORDER BY seq LIMIT 1").fetchone()
    if activity is not None and (at := _scheduled_at(connection, *activity)) is not None:
        found[kind_name(Kind.ACTIVITY)] = at
    return found


def _scheduled_at(connection: sqlite3.Connection, key: int, task_id: int) -> int | None:
    """When an activity was scheduled: its instance's history says so, the latest attempt last."""
    turns = "SELECT events FROM history WHERE key = ? ORDER BY turn DESC LIMIT ?"
    for (stored,) in connection.execute(turns, (key, SHOWN_ROWS)):
        for event in reversed(wire.decode_past_events(stored)):
            if event.HasField("taskScheduled") and event.eventId == task_id:
                return events.micros(event.timestamp)
    return None


def latest(connection: sqlite3.Connection, hub: str, status: str, prefix: str) -> list[InstanceRow]:
    """The latest instances; empty strings choose all. Raises ValueError for an unknown status."""
    conditions, values = ["1"], []
    if hub:
        conditions.append("h.name = ?")
        values.append(hub)
    if status:
        conditions.append("i.status = ?")
        values.append(str(status_code(status)))
    if prefix:
        conditions.append("substr(i.instance_id, 1, ?) = ?")
        values.extend((str(len(prefix)), prefix))
    rows = connection.execute(
        "SELECT h.name, i.instance_id, i.name, i.status, i.created_at, i.updated_at FROM instances i"
        f" JOIN hubs h ON h.id = i.hub WHERE {' AND '.join(conditions)} ORDER BY i.key DESC LIMIT ?",
        (*values, SHOWN_ROWS),
    ).fetchall()
    return [
        InstanceRow(h, i, name, status_name(s), created, updated) for h, i, name, s, created, updated in rows
    ]

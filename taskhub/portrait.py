"""One instance as a person wants to see it: its facts, what it waits for, and its history."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import timeline, wire
from taskhub.statuses import status_name
from taskhub.timeline import Line, shorten
from taskhub.transactions.records import TimerKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_WAITING = 50


@dataclass(frozen=True, slots=True)
class Portrait:
    """Facts in the order in which they are shown, then what the instance waits for."""

    key: int
    instance_id: str
    hub: str
    status: str
    facts: list[tuple[str, str]]
    waiting: list[str]


def instant(micros: int | None) -> str:
    """A moment as ISO 8601 in UTC, to the millisecond; empty for None or what no calendar holds."""
    if micros is None:
        return ""
    try:
        return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="milliseconds")
    except OverflowError:
        return f"{micros} µs"


_COLUMNS = (
    "i.key, h.name AS hub, i.status, i.name, i.version, i.created_at, i.updated_at, i.completed_at,"
    " i.scheduled_at, i.turns, i.losses, i.parent_instance_id, i.tags, i.custom_status,"
    " substr(p.input, 1, 2000) AS input, substr(p.output, 1, 2000) AS output, p.failure"
)


def find(connection: sqlite3.Connection, instance_id: str, hub: str | None) -> list[Portrait]:
    """The instances with this id; in every hub unless one is named."""
    cursor = connection.execute(
        f"SELECT {_COLUMNS} FROM instances i JOIN hubs h ON h.id = i.hub"
        " LEFT JOIN payloads p ON p.key = i.key"
        " WHERE i.instance_id = ? AND (? IS NULL OR h.name = ?) ORDER BY h.name",
        (instance_id, hub, hub),
    )
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [_portrait(connection, instance_id, row) for row in rows]


def _portrait(connection: sqlite3.Connection, instance_id: str, row: Mapping[str, Any]) -> Portrait:
    version, tags = row["version"], row["tags"]
    facts = {
        "hub": row["hub"],
        "orchestration": row["name"] + (f" {version}" if version else ""),
        "status": status_name(row["status"]),
        "created": instant(row["created_at"]),
        "scheduled for": instant(row["scheduled_at"]),
        "last changed": instant(row["updated_at"]),
        "ended": instant(row["completed_at"]),
        "turns": str(row["turns"]),
        "lost by workers": str(row["losses"]) if row["losses"] else "",
        "parent": row["parent_instance_id"] or "",
        "tags": ", ".join(f"{tag}={value}" for tag, value in json.loads(tags).items()) if tags else "",
        "custom status": row["custom_status"] or "",
        "input": row["input"] or "",
        "output": row["output"] or "",
        "failure": _failure(row["failure"]),
    }
    live = row["completed_at"] is None
    waiting = [shorten(one) for one in _waiting(connection, row["key"])] if live else []
    shown = [(label, shorten(value)) for label, value in facts.items() if value]
    return Portrait(row["key"], instance_id, row["hub"], facts["status"], shown, waiting)


def _failure(stored: bytes | None) -> str:
    if stored is None:
        return ""
    details = pb.TaskFailureDetails.FromString(stored)
    return f"{details.errorType}: {details.errorMessage}"


def _waiting(connection: sqlite3.Connection, key: int) -> Iterator[str]:
    """What is under way for a live instance; a wait for an external event leaves no row."""
    limit = (key, _MOST_WAITING)
    activities = "SELECT name, losses FROM activities WHERE key = ? ORDER BY seq LIMIT ?"
    for name, losses in connection.execute(activities, limit):
        yield f"activity {name}" + (f", lost {losses} times by workers" if losses else "")
    for due, kind in connection.execute(
        "SELECT due, kind FROM timers WHERE key = ? AND kind != ? ORDER BY due LIMIT ?",
        (key, int(TimerKind.SIGNAL), _MOST_WAITING),
    ):
        yield f"{'its start' if kind == TimerKind.START else 'a timer'} at {instant(due)}"
    for name, child in connection.execute(
        "SELECT name, instance_id FROM instances WHERE parent_key = ? AND completed_at IS NULL LIMIT ?", limit
    ):
        yield f"sub-orchestration {name} ({child})"
    for entity_id, count in connection.execute(
        "SELECT e.entity_id, count(*) FROM operations o JOIN entities e ON e.key = o.entity_key"
        " WHERE o.parent_key = ? GROUP BY e.key LIMIT ?",
        limit,
    ):
        yield f"entity {entity_id} ({count})"
    count = connection.execute("SELECT count(*) FROM inbox WHERE key = ?", (key,)).fetchone()[0]
    if count:
        yield f"a worker's turn: {count} unread {'message' if count == 1 else 'messages'}"


def history(connection: sqlite3.Connection, key: int) -> Iterator[Line]:
    """The instance's history, one turn of it in memory at a time."""
    return timeline.tell(
        event
        for (stored,) in connection.execute("SELECT events FROM history WHERE key = ? ORDER BY turn", (key,))
        for event in wire.decode_past_events(stored)
    )

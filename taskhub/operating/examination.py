"""Looks for what is wrong in a task hub's file: damage, orphans, gaps, and items nothing will ever move."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub.errors import HubError
from taskhub.operating import histories
from taskhub.operating.problems import Problem
from taskhub.plan import MessageKind
from taskhub.transactions import locks, maintenance
from taskhub.transactions.records import TERMINAL, MessageClass, TimerKind
from taskhub.writer import Transaction

_MOST_PER_KIND = 1000
_SIGNAL = int(TimerKind.SIGNAL)
_ENDED = ",".join(str(status) for status in sorted(TERMINAL))
_KEPT_FOR_REWIND = (
    "EXISTS (SELECT 1 FROM instances i WHERE i.key = inbox.key"
    f" AND i.status = {int(pb.ORCHESTRATION_STATUS_FAILED)})"
    f" AND inbox.kind IN ({int(MessageClass.RESULT)}, {int(MessageClass.EXTERNAL)})"
)
"""A failed instance keeps what it has not read: it may be rewound."""
_INDEX_DAMAGE = ("missing from index", "wrong # of entries in index", "non-unique entry in index")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that should not be there; deleting them loses nothing anybody waits for."""

    kind: str
    table: str
    condition: str
    what: str


def _without_instance(table: str, extra: str = "") -> str:
    return f"NOT EXISTS (SELECT 1 FROM instances i WHERE i.key = {table}.key){extra}"


def _of_ended(table: str, extra: str = "") -> str:
    return f"EXISTS (SELECT 1 FROM instances i WHERE i.key = {table}.key AND i.status IN ({_ENDED})){extra}"


_ROWS = (
    _Rows("orphan", "payloads", _without_instance("payloads"), "payloads of instances that do not exist"),
    _Rows("orphan", "history", _without_instance("history"), "turns of instances that do not exist"),
    _Rows("orphan", "inbox", _without_instance("inbox"), "messages to instances that do not exist"),
    _Rows("orphan", "activities", _without_instance("activities"), "activities of no instance"),
    _Rows(
        "orphan",
        "timers",
        _without_instance("timers", f" AND kind != {_SIGNAL}"),
        "timers of instances that do not exist",
    ),
    _Rows(
        "orphan",
        "timers",
        f"kind = {_SIGNAL} AND NOT EXISTS (SELECT 1 FROM entities e WHERE e.key = timers.key)",
        "delayed signals to entities that do not exist",
    ),
    _Rows(
        "orphan",
        "operations",
        "NOT EXISTS (SELECT 1 FROM entities e WHERE e.key = operations.entity_key)",
        "operations on entities that do not exist",
    ),
    _Rows(
        "leftover",
        "inbox",
        _of_ended("inbox", f" AND NOT ({_KEPT_FOR_REWIND})"),
        "messages to instances that have ended",
    ),
    _Rows(
        "leftover",
        "timers",
        _of_ended("timers", f" AND kind != {_SIGNAL}"),
        "timers of instances that have ended",
    ),
)


def examine(connection: sqlite3.Connection) -> list[Problem]:
    """Everything that is wrong, as of one moment; damage may hide other problems."""
    damage = list(_damage(connection))
    connection.execute("BEGIN")
    try:
        found = [*damage, *_foreign_rows(connection), *_locks(connection), *_headless(connection)]
        found.extend(histories.gaps(connection))
        found.extend(histories.stuck(connection))
    except (sqlite3.DatabaseError, HubError) as error:
        found = damage or [Problem("damage", "file", f"reading stopped: {error}", "restore a backup")]
    finally:
        connection.execute("ROLLBACK")
    return found


def _damage(connection: sqlite3.Connection) -> Iterator[Problem]:
    try:
        for (said,) in connection.execute("PRAGMA integrity_check").fetchall():
            if said == "ok":
                return
            if any(mark in said for mark in _INDEX_DAMAGE):
                yield Problem("damage", "index", said, "the index is built again", _reindex)
            else:
                yield Problem("damage", "file", said, "restore a backup")
    except sqlite3.DatabaseError as error:
        yield Problem("damage", "file", f"the check itself failed: {error}", "restore a backup")


def _reindex(tx: Transaction) -> None:
    tx.execute("REINDEX")


def _foreign_rows(connection: sqlite3.Connection) -> Iterator[Problem]:
    for rows in _ROWS:
        count = connection.execute(f"SELECT count(*) FROM {rows.table} WHERE {rows.condition}").fetchone()[0]
        if count:
            yield Problem(rows.kind, rows.table, f"{count} {rows.what}", "they are deleted", _delete(rows))
    for table in ("instances", "entities", "activities"):
        query = f"SELECT DISTINCT hub FROM {table} WHERE hub NOT IN (SELECT id FROM hubs)"
        for (hub,) in connection.execute(query).fetchall():
            remedy = f"the hub is entered again, as 'recovered-{hub}'"
            yield Problem("orphan", table, f"rows of hub {hub}, which does not exist", remedy, _enter(hub))


def _delete(rows: _Rows) -> Callable[[Transaction], object]:
    return lambda tx: tx.execute(f"DELETE FROM {rows.table} WHERE {rows.condition}")


def _enter(hub: int) -> Callable[[Transaction], object]:
    return lambda tx: tx.execute(
        "INSERT OR IGNORE INTO hubs (id, name) VALUES (?, ?)", (hub, f"recovered-{hub}")
    )


def _locks(connection: sqlite3.Connection) -> Iterator[Problem]:
    """Locks, and requests for locks, of orchestrations that are over."""
    gone = f"NOT EXISTS (SELECT 1 FROM instances i WHERE i.key = {{}} AND i.status NOT IN ({_ENDED}))"
    held = connection.execute(
        "SELECT e.entity_id, e.hub FROM entities e WHERE e.section IS NOT NULL"
        f" AND {gone.format('e.owner_key')} LIMIT ?",
        (_MOST_PER_KIND,),
    ).fetchall()
    for entity_id, hub in held:
        yield Problem(
            "lock",
            entity_id,
            "locked by an orchestration that is over",
            "the lock is released",
            maintenance.clean_entities(hub, False, True),
        )
    waiting = connection.execute(
        f"SELECT DISTINCT o.parent_key FROM operations o WHERE o.kind = ? AND {gone.format('o.parent_key')}",
        (int(MessageKind.LOCK),),
    ).fetchall()
    for (parent_key,) in waiting:
        yield Problem(
            "lock",
            "operations",
            "a lock request of an orchestration that is over",
            "the request is withdrawn",
            _withdraw(parent_key),
        )


def _withdraw(parent_key: int) -> Callable[[Transaction], object]:
    return lambda tx: locks.release_all(tx, parent_key)


def _headless(connection: sqlite3.Connection) -> Iterator[Problem]:
    """Instances whose payload row is missing."""
    rows = connection.execute(
        "SELECT instance_id, key FROM instances WHERE NOT EXISTS"
        " (SELECT 1 FROM payloads p WHERE p.key = instances.key) LIMIT ?",
        (_MOST_PER_KIND,),
    ).fetchall()
    for instance_id, key in rows:
        yield Problem(
            "missing", instance_id, "input and output are missing", "empty ones are entered", _fill(key)
        )


def _fill(key: int) -> Callable[[Transaction], object]:
    return lambda tx: tx.execute("INSERT OR IGNORE INTO payloads (key) VALUES (?)", (key,))


def repair(tx: Transaction, problems: list[Problem]) -> int:
    """Mend what can be mended, in the caller's transaction; how many problems that were."""
    mendable = [problem for problem in problems if problem.mend is not None]
    for problem in mendable:
        assert problem.mend is not None
        problem.mend(tx)
    return len(mendable)

"""The case record in SQLite: events and projection in one transaction, changes by rowid."""

import json
import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from backends.embedded.case_queries import find_cases
from backends.embedded.database import Database, open_database
from casework.canonical import Link
from casework.case import Case
from casework.errors import NotFoundError
from casework.events import CaseEvent, NewEvent, from_link
from casework.history import expect_seq, extend
from casework.places import Mark, Place, at
from casework.ports import Appended, CasePage, CaseQuery, Changes, StoredEvent
from casework.transitions import Status

SCHEMA_VERSION = 3
UPGRADES = {
    1: (
        "ALTER TABLE cases ADD COLUMN deferred_until REAL",
        "ALTER TABLE cases ADD COLUMN tags TEXT NOT NULL DEFAULT ''",
        "CREATE TABLE customer_cases (customer_id INTEGER PRIMARY KEY, cases INTEGER NOT NULL)",
        "INSERT INTO customer_cases SELECT customer_id, count(*) FROM cases GROUP BY customer_id",
        "CREATE INDEX cases_deferred ON cases (deferred_until) WHERE deferred_until IS NOT NULL",
    ),
    2: (
        "CREATE TABLE customer_links (customer_id INTEGER NOT NULL, other_id INTEGER NOT NULL,"
        " PRIMARY KEY (customer_id, other_id)) WITHOUT ROWID",
        "INSERT INTO customer_links SELECT DISTINCT customer_id, value"
        " FROM cases, json_each(cases.projection, '$.linked_customers')"
        " WHERE type = 'integer' AND value != customer_id",
        "INSERT OR IGNORE INTO customer_links SELECT other_id, customer_id FROM customer_links",
    ),
}
"""What leads from each schema to the next, so that a record written by an earlier release opens."""
NO_DEADLINE = 1e12
NO_RISK = -1.0


class SqliteCaseStore:
    """`casework.ports.CaseStore` over one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(
        self, case_id: str, events: Sequence[NewEvent], *, expected_seq: int | None = None
    ) -> Appended:
        return await self._database.write(lambda db: _append(db, case_id, events, expected_seq))

    async def load(self, case_id: str) -> Case:
        return await self._database.read(lambda db: _load(db, case_id))

    async def events(self, case_id: str, after_seq: int = 0, limit: int = 1000) -> tuple[CaseEvent, ...]:
        return tuple(from_link(link) for link in await self._links(case_id, after_seq, limit))

    async def links(self, case_id: str) -> tuple[Link, ...]:
        return await self._links(case_id, 0, -1)

    async def find(self, query: CaseQuery) -> CasePage:
        return await self._database.read(lambda db: find_cases(db, query))

    async def counts(self) -> Mapping[Status, int]:
        tally = await self.tally("status")
        return {status: tally.get(status, 0) for status in Status}

    async def tally(self, by: Literal["status", "outcome", "rule"]) -> Mapping[str, int]:
        column = {"status": "status", "outcome": "outcome", "rule": "rule_id"}[by]
        sql = f"SELECT {column}, count(*) FROM cases WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 1"
        rows = await self._database.read(lambda db: db.execute(sql).fetchall())
        return {row[0]: row[1] for row in rows}

    async def changes(self, cursor: Place, limit: int = 500) -> Changes:
        sql = (
            "SELECT cursor, text, hash, projection FROM case_events JOIN cases USING (case_id)"
            " WHERE cursor > ? ORDER BY cursor LIMIT ?"
        )
        rows = await self._database.read(lambda db: db.execute(sql, (_rowid(cursor), limit)).fetchall())
        events = tuple(
            StoredEvent(
                mark=Mark(row["cursor"]),
                cursor=at(row["cursor"]),
                event=from_link(Link(row["text"], row["hash"])),
                case=_case(row["projection"]),
            )
            for row in rows
        )
        return Changes(events=events, end=events[-1].cursor if events else cursor)

    async def wait_for_changes(self, cursor: Place, timeout_seconds: float) -> bool:
        return await self._database.wait_until(lambda db: _head(db) > _rowid(cursor), timeout_seconds)

    async def head(self) -> Place:
        return at(await self._database.read(_head))

    async def due_decisions(self, accepted_before: datetime, limit: int = 100) -> tuple[Case, ...]:
        where = "unapplied = 1 AND updated_key < ? ORDER BY updated_key LIMIT ?"
        return await self._projections(where, accepted_before.timestamp(), limit)

    async def due_deferrals(self, now: datetime, limit: int = 100) -> tuple[Case, ...]:
        where = "deferred_until <= ? ORDER BY deferred_until LIMIT ?"
        return await self._projections(where, now.timestamp(), limit)

    async def unstarted(self, opened_before: datetime, limit: int = 100) -> tuple[Case, ...]:
        where = "status = 'open' AND opened_key < ? ORDER BY opened_key LIMIT ?"
        return await self._projections(where, opened_before.timestamp(), limit)

    async def customer_counts(self, customer_ids: Collection[int]) -> Mapping[int, int]:
        sql = (
            "SELECT customer_id, cases FROM customer_cases"
            " WHERE customer_id IN (SELECT value FROM json_each(?))"
        )
        asked = json.dumps(sorted(customer_ids))
        rows = await self._database.read(lambda db: db.execute(sql, (asked,)).fetchall())
        return {row[0]: row[1] for row in rows}

    async def linked_counts(self, customer_ids: Collection[int]) -> Mapping[int, int]:
        sql = (
            "SELECT link.customer_id, sum(cases) FROM customer_links AS link"
            " JOIN customer_cases AS other ON other.customer_id = link.other_id"
            " WHERE link.customer_id IN (SELECT value FROM json_each(?)) GROUP BY 1"
        )
        asked = json.dumps(sorted(customer_ids))
        rows = await self._database.read(lambda db: db.execute(sql, (asked,)).fetchall())
        return {row[0]: row[1] for row in rows}

    async def related(self, customer_id: int, limit: int = 20) -> tuple[Case, ...]:
        where = "customer_id = ? ORDER BY opened_key DESC, case_id LIMIT ?"
        return await self._projections(where, customer_id, limit)

    async def case_ids(self, after: str = "", limit: int = 1000) -> tuple[str, ...]:
        sql = "SELECT case_id FROM cases WHERE case_id > ? ORDER BY case_id LIMIT ?"
        rows = await self._database.read(lambda db: db.execute(sql, (after, limit)).fetchall())
        return tuple(row[0] for row in rows)

    async def _links(self, case_id: str, after_seq: int, limit: int) -> tuple[Link, ...]:
        def job(db: sqlite3.Connection) -> tuple[Link, ...]:
            sql = "SELECT text, hash FROM case_events WHERE case_id = ? AND seq > ? ORDER BY seq LIMIT ?"
            links = tuple(Link(row[0], row[1]) for row in db.execute(sql, (case_id, after_seq, limit)))
            if not links:
                _load(db, case_id)
            return links

        return await self._database.read(job)

    async def _projections(self, where: str, *parameters: float) -> tuple[Case, ...]:
        sql = f"SELECT projection FROM cases WHERE {where}"
        rows = await self._database.read(lambda db: db.execute(sql, parameters).fetchall())
        return tuple(Case.model_validate_json(row[0]) for row in rows)


@asynccontextmanager
async def open_case_store(path: Path) -> AsyncIterator[SqliteCaseStore]:
    """Open, or create, the case record at a path. Raises UnavailableError when that is not possible."""
    schema = files("backends.embedded").joinpath("case_store.sql").read_text()
    async with open_database(path, schema, SCHEMA_VERSION, UPGRADES) as database:
        yield SqliteCaseStore(database)


def _append(
    db: sqlite3.Connection, case_id: str, events: Sequence[NewEvent], expected_seq: int | None
) -> Appended:
    before = _peek(db, case_id)
    expect_seq(before, case_id, expected_seq)
    fresh = [event for event in events if not _has(db, case_id, event.event_id)]
    if not fresh and before is not None:
        return Appended(case=before, events=())
    case, sealed = extend(before, case_id, fresh)
    if before is None:
        _count_in(db, case)
    if before is None or case.linked_customers != before.linked_customers:
        _write_links(db, case)
    _write_events(db, sealed)
    _write_projection(db, case)
    return Appended(case=case, events=tuple(sealed))


def _write_events(db: sqlite3.Connection, events: Sequence[CaseEvent]) -> None:
    db.executemany(
        "INSERT INTO case_events (case_id, seq, event_id, text, hash) VALUES (?, ?, ?, ?, ?)",
        [(e.case_id, e.seq, e.event_id, e.link.text, e.hash) for e in events],
    )


def _count_in(db: sqlite3.Connection, case: Case) -> None:
    """Count a new case among its customer's."""
    db.execute(
        "INSERT INTO customer_cases VALUES (?, 1) ON CONFLICT (customer_id) DO UPDATE SET cases = cases + 1",
        (case.alert.customer_id,),
    )


def _write_links(db: sqlite3.Connection, case: Case) -> None:
    """Note whom a case links to its customer. Links only come: no finding takes one back."""
    mine = case.alert.customer_id
    others = [other for other in case.linked_customers or () if other != mine]
    db.executemany(
        "INSERT OR IGNORE INTO customer_links VALUES (?, ?)",
        [link for other in others for link in ((mine, other), (other, mine))],
    )


def _write_projection(db: sqlite3.Connection, case: Case) -> None:
    row = _row(case)
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    updates = ", ".join(f"{name} = excluded.{name}" for name in row if name != "case_id")
    db.execute(
        f"INSERT INTO cases ({names}) VALUES ({marks}) ON CONFLICT (case_id) DO UPDATE SET {updates}", row
    )


def _row(case: Case) -> dict[str, object]:
    alert = case.alert
    unapplied = case.status is Status.WITHDRAWN or (
        case.status is Status.DECIDED and not case.decision_applied
    )
    return {
        "case_id": case.case_id,
        "seq": case.seq,
        "status": case.status,
        "customer_id": alert.customer_id,
        "alert_type": alert.alert_type,
        "severity": alert.severity,
        "rule_id": alert.rule_id,
        "outcome": case.outcome,
        "risk_key": NO_RISK if case.risk is None else case.risk,
        "deadline_key": case.deadline.timestamp() if case.deadline else NO_DEADLINE,
        "opened_key": case.opened_at.timestamp(),
        "updated_key": case.updated_at.timestamp(),
        "claim_actor": case.claim.actor.actor_id if case.claim else None,
        "claim_until": case.claim.until.timestamp() if case.claim else None,
        "deferred_until": case.deferral.until.timestamp() if case.deferral else None,
        "tags": f" {' '.join(case.tags)} " if case.tags else "",
        "unapplied": int(unapplied),
        "search": f"{case.case_id} {alert.alert_type} {alert.customer_id} {alert.description}".lower(),
        "projection": case.model_dump_json(),
    }


def _load(db: sqlite3.Connection, case_id: str) -> Case:
    case = _peek(db, case_id)
    if case is None:
        raise NotFoundError(f"no case {case_id}")
    return case


def _peek(db: sqlite3.Connection, case_id: str) -> Case | None:
    row = db.execute("SELECT projection FROM cases WHERE case_id = ?", (case_id,)).fetchone()
    return _case(row[0]) if row else None


@lru_cache(maxsize=128)
def _case(projection: str) -> Case:
    """A stored projection. Cases are immutable, and the same one is read many times in a row."""
    return Case.model_validate_json(projection)


def _has(db: sqlite3.Connection, case_id: str, event_id: str) -> bool:
    sql = "SELECT 1 FROM case_events WHERE case_id = ? AND event_id = ?"
    return db.execute(sql, (case_id, event_id)).fetchone() is not None


def _rowid(cursor: Place) -> int:
    return cursor.lanes[0].number


def _head(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(cursor), 0) FROM case_events").fetchone()[0])

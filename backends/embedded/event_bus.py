"""The telemetry log in SQLite: append-only, deduplicated by event id, read from checkpoints."""

import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import structlog
from pydantic import ValidationError

from backends.embedded.database import Database, open_database
from backends.observability.tracing import current_traceparent
from casework.ports import BusReport, PartitionLag, StoredTelemetry
from casework.telemetry import TELEMETRY, Telemetry

log = structlog.get_logger("backends.event_bus")

SCHEMA_VERSION = 2
UPGRADES = {1: ("ALTER TABLE telemetry ADD COLUMN trace TEXT",)}
BATCH = 500
WAIT_SECONDS = 30.0
PARTITION = "0"
"""The embedded log is all one."""
PRUNE_EVERY = 1000
"""How many appended events between two looks for what has outlived its retention."""


class SqliteBatch:
    """Some events of the log; `done()` moves the consumer's checkpoint past them."""

    partition = PARTITION

    def __init__(
        self,
        database: Database,
        consumer: str,
        stored: Sequence[StoredTelemetry],
        traces: Mapping[str, str],
        *,
        begins: bool,
    ) -> None:
        self.begins = begins
        self._database = database
        self._consumer = consumer
        self._last = stored[-1].offset
        self.events: Sequence[Telemetry] = [item.event for item in stored]
        self.traces = traces

    async def done(self) -> None:
        """Never moves a checkpoint back, so a rewound consumer that stops early loses nothing."""
        await self._database.write(
            lambda db: db.execute(
                "INSERT INTO checkpoints (consumer, offset) VALUES (?, ?) ON CONFLICT (consumer)"
                " DO UPDATE SET offset = max(offset, excluded.offset)",
                (self._consumer, self._last),
            )
        )


class SqliteEventBus:
    """`casework.ports.EventBus` over one SQLite file. Events older than `retention` are dropped."""

    def __init__(self, database: Database, retention: timedelta) -> None:
        self._database = database
        self._retention = retention.total_seconds()
        self._since_prune = 0

    async def publish(self, events: Sequence[Telemetry]) -> frozenset[str]:
        appended, trace = time.time(), current_traceparent()
        known = await self._database.write(lambda db: _insert(db, events, appended, trace))
        self._since_prune += len(events)
        if self._since_prune >= PRUNE_EVERY:
            self._since_prune = 0
            await self._database.write(lambda db: _prune(db, appended - self._retention))
        return known

    async def subscribe(self, consumer: str, rewind: timedelta) -> AsyncGenerator[SqliteBatch, None]:
        position = await self._database.read(lambda db: _rewound(db, consumer, rewind.total_seconds()))
        begins = True
        while True:
            stored = await self.tail(position, BATCH)
            if stored:
                position = stored[-1].offset
                traces = await self._traces(stored)
                yield SqliteBatch(self._database, consumer, stored, traces, begins=begins)
                begins = False
            else:
                await self.wait_for_events(position, WAIT_SECONDS)

    async def tail(self, after: int, limit: int = 500) -> tuple[StoredTelemetry, ...]:
        """A record that no longer reads (written by another release) is logged and passed over."""
        while rows := await self._rows(after, limit):
            stored = tuple(item for row in rows if (item := _parsed(row)) is not None)
            if stored:
                return stored
            after = rows[-1]["offset"]
        return ()

    async def _traces(self, stored: Sequence[StoredTelemetry]) -> Mapping[str, str]:
        """The traces of those events that came in one, by event id."""
        sql = "SELECT event_id, trace FROM telemetry WHERE offset BETWEEN ? AND ? AND trace IS NOT NULL"
        ends = (stored[0].offset, stored[-1].offset)
        return dict(await self._database.read(lambda db: db.execute(sql, ends).fetchall()))

    async def _rows(self, after: int, limit: int) -> list[sqlite3.Row]:
        sql = "SELECT offset, text FROM telemetry WHERE offset > ? ORDER BY offset LIMIT ?"
        return await self._database.read(lambda db: db.execute(sql, (after, limit)).fetchall())

    async def find(self, event_ids: Sequence[str]) -> tuple[Telemetry, ...]:
        marks = ",".join("?" * len(event_ids))
        sql = f"SELECT offset, text FROM telemetry WHERE event_id IN ({marks}) ORDER BY offset"
        rows = await self._database.read(lambda db: db.execute(sql, tuple(event_ids)).fetchall())
        return tuple(item.event for row in rows if (item := _parsed(row)) is not None)

    async def head(self) -> int:
        return await self._database.read(_head)

    async def wait_for_events(self, after: int, timeout_seconds: float) -> bool:
        return await self._database.wait_until(lambda db: _head(db) > after, timeout_seconds)

    async def seen(self) -> int:
        return await self.head()

    async def report(self, consumer: str) -> BusReport:
        behind = await self._database.read(lambda db: _behind(db, consumer))
        return BusReport(lag=(PartitionLag(partition=PARTITION, behind=behind, here=True),), parked=0)


@asynccontextmanager
async def open_event_bus(path: Path, retention: timedelta) -> AsyncIterator[SqliteEventBus]:
    """Open, or create, the telemetry log at a path. Raises UnavailableError when that is not possible."""
    schema = files("backends.embedded").joinpath("event_bus.sql").read_text()
    async with open_database(path, schema, SCHEMA_VERSION, UPGRADES) as database:
        yield SqliteEventBus(database, retention)


def _insert(
    db: sqlite3.Connection, events: Sequence[Telemetry], appended: float, trace: str | None
) -> frozenset[str]:
    known = set()
    for event in events:
        inserted = db.execute(
            "INSERT INTO telemetry (event_id, occurred, appended, text, trace) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (event_id) DO NOTHING",
            (event.event_id, event.occurred_at.timestamp(), appended, event.model_dump_json(), trace),
        )
        if inserted.rowcount == 0:
            known.add(event.event_id)
    return frozenset(known)


def _rewound(db: sqlite3.Connection, consumer: str, rewind_seconds: float) -> int:
    """The offset to read after: before every event whose time is within `rewind` of the checkpoint's.

    The earliest of the last events counts, so that one event with a time far ahead hides nothing.
    """
    row = db.execute("SELECT offset FROM checkpoints WHERE consumer = ?", (consumer,)).fetchone()
    if row is None:
        return 0
    if rewind_seconds <= 0:
        return int(row["offset"])
    at_checkpoint = db.execute(
        "SELECT min(occurred) FROM (SELECT occurred FROM telemetry WHERE offset <= ? ORDER BY offset DESC"
        " LIMIT 1000)",
        (row["offset"],),
    ).fetchone()[0]
    if at_checkpoint is None:
        return int(row["offset"])
    first = db.execute(
        "SELECT min(offset) FROM telemetry WHERE occurred >= ?", (at_checkpoint - rewind_seconds,)
    ).fetchone()[0]
    return min(int(row["offset"]), first - 1) if first is not None else int(row["offset"])


def _prune(db: sqlite3.Connection, appended_before: float) -> None:
    """Drop what has outlived its retention, but never what a consumer has not read."""
    db.execute(
        "DELETE FROM telemetry WHERE offset IN (SELECT offset FROM telemetry WHERE appended < ?"
        " AND offset <= (SELECT coalesce(min(offset), 0) FROM checkpoints) ORDER BY offset LIMIT 5000)",
        (appended_before,),
    )


def _parsed(row: sqlite3.Row) -> StoredTelemetry | None:
    try:
        return StoredTelemetry(offset=row["offset"], event=TELEMETRY.validate_json(row["text"]))
    except ValidationError as error:
        log.error("telemetry_unreadable", offset=row["offset"], reason=str(error))
        return None


def _head(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(offset), 0) FROM telemetry").fetchone()[0])


def _behind(db: sqlite3.Connection, consumer: str) -> int:
    row = db.execute(
        "SELECT count(*) FROM telemetry WHERE offset >"
        " coalesce((SELECT offset FROM checkpoints WHERE consumer = ?), 0)",
        (consumer,),
    ).fetchone()
    return int(row[0])

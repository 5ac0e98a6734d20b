"""Work found in the database: what workers take, past any flood of what they do not."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.clock import wall_clock
from taskhub.database import open_database, open_reader
from taskhub.dispatch import Dispatcher
from taskhub.limits import Limits
from taskhub.loading import Loader
from taskhub.refill import Wanted, find_ready
from taskhub.scanner import Scanner
from taskhub.scheduling import Filter, Kind, Schedule, Session
from taskhub.transactions import commands, entities, lifecycle
from taskhub.transactions.entities import Signal
from taskhub.writer import Transaction, Writer


class Store:
    """A hub's file with a writer and no server."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = Writer(open_database(path, "NORMAL"), lambda _: None, wall_clock)
        self.reader = open_reader(path)
        self.hub = 0

    async def open(self) -> None:
        self.hub = await self.writer.submit(commands.open_hub("default"))

    async def start(self, *names: tuple[str, str | None]) -> None:
        """One instance for each name and version."""

        def change(tx: Transaction) -> None:
            for name, version in names:
                lifecycle.create(tx, self.hub, lifecycle.NewInstance(f"i{tx.next_seq()}", name, version))

        await self.writer.submit(change)

    async def signal(self, entity_id: str) -> None:
        event = events.operation_signaled(0, "r", "op", None, entity_id)
        await self.writer.submit(entities.signal(self.hub, Signal(entity_id, event)))

    def found(self, kind: Kind, wanted: Wanted, limit: int = 100) -> list[str]:
        items = find_ready(self.reader, self.hub, kind, wanted, limit)
        return [item.name + (f" {item.version}" if item.version else "") for item in items]

    async def close(self) -> None:
        await self.writer.close()
        self.reader.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "hub.db")
    await opened.open()
    yield opened
    await opened.close()


async def test_only_accepted_names_and_versions_are_found(store: Store) -> None:
    await store.start(("a", None), ("a", "1"), ("a", "2"), ("b", None), ("b", "1"), ("c", None))
    accepted: Filter = {"a": frozenset({"1"}), "b": frozenset()}
    assert store.found(Kind.ORCHESTRATION, Wanted(accepted)) == ["a 1", "b", "b 1"]
    unversioned: Filter = {"a": frozenset({""})}
    assert store.found(Kind.ORCHESTRATION, Wanted(unversioned)) == ["a"]
    assert store.found(Kind.ORCHESTRATION, Wanted({})) == []


async def test_groups_there_is_plenty_of_are_skipped(store: Store) -> None:
    await store.start(("a", None), ("a", "1"), ("b", None))
    assert store.found(Kind.ORCHESTRATION, Wanted(None, frozenset({("a", None)}))) == ["a 1", "b"]


async def test_entities_are_chosen_by_the_name_in_their_id(store: Store) -> None:
    for entity_id in ("@ledger@1", "@ledgers@1", "@audit@ledger"):
        await store.signal(entity_id)
    assert store.found(Kind.ENTITY, Wanted({"ledger": frozenset()})) == ["ledger"]
    assert set(store.found(Kind.ENTITY, Wanted(None, frozenset({("ledger", None)})))) == {"ledgers", "audit"}


async def test_a_suspended_or_ended_instance_is_not_found(store: Store) -> None:
    await store.start(("a", None), ("b", None), ("c", None))
    ids = [row[0] for row in store.reader.execute("SELECT instance_id FROM instances ORDER BY key")]
    await store.writer.submit(commands.suspend(store.hub, ids[0], None))
    await store.writer.submit(commands.terminate(store.hub, ids[1], None, recurse=False))
    assert store.found(Kind.ORCHESTRATION, Wanted()) == ["c"]


async def test_a_flood_whose_worker_is_busy_hides_nothing_from_the_others(store: Store) -> None:
    await store.start(*[("flood", None)] * 400, ("rare", None))
    schedule = Schedule(600.0, queue_capacity=20)
    scanner = Scanner(open_reader(store.path))
    dispatcher = Dispatcher(
        schedule, Loader(store.reader, Limits()), scanner, wall_clock, max_deliveries=3, refill_rows=110
    )
    dispatcher.writer = store.writer
    running = asyncio.create_task(dispatcher.run())
    busy, other = worker(store.hub, "flood"), worker(store.hub, "rare")
    dispatcher.connect(busy)
    dispatcher.connect(other)
    try:
        message = await asyncio.wait_for(other.receive(), 20)
        assert await name_of(store.reader, message) == "rare"
        assert await name_of(store.reader, await asyncio.wait_for(busy.receive(), 20)) == "flood"
        assert len(schedule.queue(store.hub, Kind.ORCHESTRATION)) < 400
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        scanner.close()


def worker(hub: int, name: str) -> Session:
    """Takes one orchestration of that name at a time."""
    return Session(hub, (1, 1, 1), ({name: frozenset()}, None, None), asyncio.Queue())


async def name_of(reader: sqlite3.Connection, message: bytes | None) -> str:
    instance_id = pb.WorkItem.FromString(message or b"").orchestratorRequest.instanceId
    query = "SELECT name FROM instances WHERE instance_id = ?"
    return str(reader.execute(query, (instance_id,)).fetchone()[0])

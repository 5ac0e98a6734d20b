"""Group commit: order, errors, effects, refusals."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from taskhub.clock import wall_clock
from taskhub.database import open_database, open_reader
from taskhub.errors import InvalidRequest, StorageUnavailable
from taskhub.syncing import WalSync
from taskhub.writer import Change, Effects, Transaction, Writer


class Desk(SimpleNamespace):
    """A writer on a fresh database, a reader beside it, and the effects announced so far."""

    writer: Writer
    announced: list[Effects]
    path: Path

    def names(self) -> list[str]:
        """What is committed."""
        reader = open_reader(self.path)
        try:
            return [row[0] for row in reader.execute("SELECT name FROM hubs ORDER BY id")]
        finally:
            reader.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A running writer."""
    path = tmp_path / "hub.db"
    announced: list[Effects] = []
    writer = Writer(open_database(path, "FULL"), announced.append, wall_clock)
    yield Desk(writer=writer, announced=announced, path=path)
    await writer.close()


def add(name: str) -> Change[str]:
    def change(tx: Transaction) -> str:
        tx.execute("INSERT INTO hubs (name) VALUES (?)", (name,))
        tx.effects.changed.append((1, name))
        return name

    return change


async def test_a_change_is_on_disk_when_its_result_arrives(desk: Desk) -> None:
    assert await desk.writer.submit(add("a")) == "a"
    assert desk.names() == ["a"]


async def test_a_failing_change_takes_nobody_with_it(desk: Desk) -> None:
    def refuse(tx: Transaction) -> None:
        tx.execute("INSERT INTO hubs (name) VALUES ('half')")
        raise InvalidRequest("no")

    futures = [desk.writer.enqueue(change) for change in (add("a"), refuse, add("b"))]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert results[0] == "a"
    assert isinstance(results[1], InvalidRequest)
    assert results[2] == "b"
    assert desk.names() == ["a", "b"]


async def test_a_broken_constraint_takes_nobody_with_it(desk: Desk) -> None:
    futures = [desk.writer.enqueue(change) for change in (add("a"), add("a"), add("b"))]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(results[1], Exception)
    assert desk.names() == ["a", "b"]


async def test_when_the_database_refuses_nothing_is_stored_and_everybody_is_told(desk: Desk) -> None:
    await desk.writer.submit(add("before"))
    desk.announced.clear()

    def broken(tx: Transaction) -> None:
        tx.execute("SELECT * FROM no_such_table")

    futures = [desk.writer.enqueue(change) for change in (add("a"), broken, add("b"))]
    results = await asyncio.gather(*futures, return_exceptions=True)
    for name, result in zip(("a", None, "b"), results, strict=True):
        assert isinstance(result, StorageUnavailable) or result == name
    stored = desk.names()
    assert stored == ["before", *[result for result in results if isinstance(result, str)]]
    assert len(desk.announced) == len(stored) - 1


async def test_effects_are_announced_in_order_of_commit(desk: Desk) -> None:
    names = [f"hub-{number}" for number in range(300)]
    await asyncio.gather(*(desk.writer.enqueue(add(name)) for name in names))
    assert [effects.changed[0][1] for effects in desk.announced] == names


async def test_a_change_finishes_although_its_caller_went_away(desk: Desk) -> None:
    settled: list[BaseException | None] = []
    future = desk.writer.enqueue(add("kept"), settled.append)
    future.cancel()
    await desk.writer.submit(add("next"))
    assert settled == [None]
    assert desk.names() == ["kept", "next"]


class SlowDisk:
    """A sync that takes until it is let go, or fails."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        self.error: OSError | None = None

    def __call__(self) -> None:
        self.asked.set()
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Nothing is open."""


def ready(tx: Transaction) -> None:
    """Everything that a change can make ready."""
    tx.execute("INSERT INTO hubs (name) VALUES ('ready')")
    tx.effects.orchestrations.append((1, 1, "flow", None))
    tx.effects.activities.append((1, tx.next_seq(), "step", None))
    tx.effects.entities.append((1, 1, "@agent@1"))
    tx.effects.changed.append((1, "case"))


async def test_before_a_commit_is_on_disk_turns_begin_and_nothing_else_does(tmp_path: Path) -> None:
    disk, announced, settled = SlowDisk(), asyncio.Queue[Effects](), list[BaseException | None]()
    writer = Writer(open_database(tmp_path / "hub.db", "NORMAL"), announced.put_nowait, wall_clock, sync=disk)
    future = writer.enqueue(ready, settled.append)
    early = await asyncio.wait_for(announced.get(), 10)
    assert (early.orchestrations, settled) == ([(1, 1, "flow", None)], [None])
    assert not (early.activities or early.entities or early.changed)
    reading = asyncio.ensure_future(writer.durable())
    await asyncio.to_thread(disk.asked.wait, 10)
    assert not future.done() and not reading.done() and announced.empty()
    assert writer.durable_sequence < writer.sequence
    disk.go.set()
    await asyncio.wait_for(future, 10)
    await asyncio.wait_for(reading, 10)
    late = announced.get_nowait()
    assert (late.orchestrations, late.entities, settled) == ([], [(1, 1, "@agent@1")], [None])
    assert writer.durable_sequence == writer.sequence
    await writer.close()


async def test_when_a_sync_fails_nobody_is_told_that_it_is_stored_and_the_writer_ends(tmp_path: Path) -> None:
    disk, announced = SlowDisk(), list[Effects]()
    writer = Writer(open_database(tmp_path / "hub.db", "NORMAL"), announced.append, wall_clock, sync=disk)
    disk.error = OSError(5, "Input/output error")
    disk.go.set()
    with pytest.raises(StorageUnavailable, match="Input/output error"):
        await asyncio.wait_for(writer.submit(add("lost?")), 10)
    with pytest.raises(StorageUnavailable, match="thread died"):
        await asyncio.wait_for(writer.watch(), 10)
    assert not announced
    await writer.close()


async def test_what_was_synced_is_in_the_file_and_its_log(tmp_path: Path) -> None:
    """A copy of both, taken as a power cut would leave them, has every acknowledged change."""
    path = tmp_path / "hub.db"
    connection = open_database(path, "NORMAL")
    writer = Writer(connection, lambda _: None, wall_clock, sync=WalSync(path))
    names = [f"hub-{number}" for number in range(50)]
    await asyncio.gather(*(writer.submit(add(name)) for name in names))
    (tmp_path / "after").mkdir()
    for file in (path, path.with_name("hub.db-wal")):
        shutil.copy(file, tmp_path / "after" / file.name)
    await writer.close()
    reader = open_reader(tmp_path / "after" / "hub.db")
    assert [row[0] for row in reader.execute("SELECT name FROM hubs ORDER BY id")] == names
    reader.close()


async def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = Writer(open_database(tmp_path / "hub.db", "FULL"), lambda _: None, wall_clock)
    waiting = writer.enqueue(add("last"))
    await writer.close()
    assert await waiting == "last"
    with pytest.raises(StorageUnavailable):
        writer.enqueue(add("too late"))


async def test_time_never_runs_backwards_for_changes(tmp_path: Path) -> None:
    ticks = iter([5, 3, 9])
    writer = Writer(open_database(tmp_path / "hub.db", "FULL"), lambda _: None, lambda: next(ticks))
    seen = [await writer.submit(lambda tx: tx.now) for _ in range(3)]
    await writer.close()
    assert seen == [5, 5, 9]

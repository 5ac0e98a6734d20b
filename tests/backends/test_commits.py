"""Whoever waits for a commit is woken by one that can be read, and by nothing else."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backends.embedded.commits import Commits
from backends.embedded.database import open_database
from casework.errors import UnavailableError


def connection(path: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(path, isolation_level=None)
    opened.execute("PRAGMA journal_mode = WAL")
    opened.execute("CREATE TABLE IF NOT EXISTS t (x BLOB)")
    return opened


def _never(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT 0").fetchone()[0])


@pytest.fixture
def other(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A writer that shares nothing with the watcher but the file."""
    opened = connection(tmp_path / "x.db")
    yield opened
    opened.close()


@pytest.fixture
async def commits(tmp_path: Path, other: sqlite3.Connection) -> AsyncIterator[Commits]:
    watching = Commits(sqlite3.connect(tmp_path / "x.db", isolation_level=None))
    yield watching
    watching.close()


async def test_a_commit_sets_the_event(commits: Commits, other: sqlite3.Connection) -> None:
    with commits.next() as committed:
        other.execute("INSERT INTO t VALUES (1)")
        async with asyncio.timeout(30):
            await committed.wait()


async def test_what_is_in_the_log_but_not_committed_wakes_nobody(
    commits: Commits, other: sqlite3.Connection, tmp_path: Path
) -> None:
    log = tmp_path / "x.db-wal"
    other.execute("PRAGMA cache_size = 5")
    with commits.next() as committed:
        size = log.stat().st_size
        other.execute("BEGIN")
        for _ in range(50):
            other.execute("INSERT INTO t VALUES (zeroblob(4000))")
        assert log.stat().st_size > size, "the transaction must spill for this test to mean anything"
        commits.look()
        assert not committed.is_set()
        other.execute("COMMIT")
        commits.look()
        assert committed.is_set()


async def test_each_commit_is_noticed_once(commits: Commits, other: sqlite3.Connection) -> None:
    with commits.next() as first:
        other.execute("INSERT INTO t VALUES (1)")
        commits.look()
        assert first.is_set()
    with commits.next() as second:
        commits.look()
        assert not second.is_set()


async def test_a_commit_between_two_waits_is_not_taken_for_a_later_one(
    commits: Commits, other: sqlite3.Connection
) -> None:
    with commits.next():
        pass
    other.execute("INSERT INTO t VALUES (1)")
    with commits.next() as committed:
        commits.look()
        assert not committed.is_set()


async def test_a_file_that_cannot_be_asked_wakes_the_waiting(commits: Commits) -> None:
    with commits.next() as committed:
        commits.close()
        commits.look()
        assert committed.is_set()


async def test_waiting_on_a_database_that_was_closed_ends_with_an_error(tmp_path: Path) -> None:
    async with open_database(tmp_path / "y.db", "CREATE TABLE t (x)", 1) as database:
        waiting = asyncio.create_task(database.wait_until(_never, 3600))
        await asyncio.sleep(0)
    with pytest.raises(UnavailableError):
        await waiting

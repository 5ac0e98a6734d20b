"""Opens a task hub's file for looking, or alone for changing it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from taskhub.clock import wall_clock
from taskhub.database import SCHEMA_VERSION, lock_file, open_database
from taskhub.errors import StartupRefused
from taskhub.writer import Transaction, last_sequence


@contextlib.contextmanager
def looking(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, also while a hub runs. Raises StartupRefused with a sentence."""
    if not path.is_file():
        raise StartupRefused(f"there is no task hub file {path}. Name it with --db.")
    with contextlib.closing(_read_only(path)) as connection:
        _check_version(connection, path)
        yield connection


def _read_only(path: Path) -> sqlite3.Connection:
    """On media that cannot be written at all, SQLite must be told that nobody else writes either."""
    place = f"file:{quote(str(path.resolve()))}?mode=ro"
    for address in (place, place + "&immutable=1"):
        connection = sqlite3.connect(address, uri=True, isolation_level=None)
        connection.execute("PRAGMA busy_timeout=5000")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
        except sqlite3.DatabaseError as error:
            connection.close()
            raise StartupRefused(f"{path} cannot be read as a task hub's database: {error}.") from error
        else:
            return connection
    raise StartupRefused(f"{path} cannot be opened for reading. Check who may read it.")


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version == 0:
        raise StartupRefused(f"{path} is an SQLite file, but not a task hub's. Name the right one with --db.")
    if version > SCHEMA_VERSION:
        raise StartupRefused(
            f"{path} has schema version {version}; this program knows up to {SCHEMA_VERSION}. "
            "Use the newer program that wrote it."
        )


@contextlib.contextmanager
def alone(path: Path) -> Iterator[sqlite3.Connection]:
    """The writing connection while no hub runs. Raises StartupRefused with a sentence."""
    if not path.is_file():
        raise StartupRefused(f"there is no task hub file {path}. Name it with --db.")
    with contextlib.closing(lock_file(path)), contextlib.closing(open_database(path, "FULL")) as connection:
        yield connection


@contextlib.contextmanager
def beside(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that may delete while a hub runs. Raises StartupRefused with a sentence."""
    with looking(path) as reader:
        if reader.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            raise StartupRefused(f"{path} was written by an older program. Start the task hub on it once.")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout=10000")
        yield connection


@contextlib.contextmanager
def changing(connection: sqlite3.Connection, *, numbered: bool = True) -> Iterator[Transaction]:
    """One transaction on a connection of ours; rolled back when an error leaves the block.

    Beside a running hub, which alone gives out numbers, only changes that need none may be made:
    ``numbered=False``.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        numbers = _Sequence(last_sequence(connection)) if numbered else _NoNumbers()
        yield Transaction(numbers, connection.execute, wall_clock())
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class _Sequence:
    """Numbers messages where no writer runs."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence


class _NoNumbers:
    """Refuses to number messages: the running hub would give out the same numbers."""

    @property
    def sequence(self) -> int:
        raise RuntimeError("this change would send messages, which only the hub itself may do")

    @sequence.setter
    def sequence(self, value: int) -> None:
        raise RuntimeError("this change would send messages, which only the hub itself may do")

"""Opens the hub's SQLite file: lock, settings, schema version and migrations."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from importlib import resources
from pathlib import Path
from typing import IO

from taskhub.errors import StartupRefused

SCHEMA_VERSION = 2
_MIGRATIONS: dict[int, str] = {0: "schema.sql", 1: "schema_2_parked.sql"}
"""From version -> the script that leads to the next one."""
_TABLES_BY_SIZE = (
    "hubs",
    "entities",
    "inbox",
    "operations",
    "activities",
    "timers",
    "instances",
    "payloads",
    "history",
)


def open_database(path: Path, synchronous: str, check_seconds: float = 0.0) -> sqlite3.Connection:
    """The one connection that writes; damage is looked for at most ``check_seconds`` long.

    Raises StartupRefused with a sentence when the file cannot be used.
    """
    try:
        connection = _connect(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("PRAGMA journal_size_limit=67108864")
        _migrate(connection, path)
        look_for_damage(connection, path, check_seconds)
        # SQLite opens a read-only file without a word; the first write would tell, too late.
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    except sqlite3.DatabaseError as error:
        raise StartupRefused(
            f"{path} cannot be used as the task hub's database: {error}. "
            "Check that it is a task hub file, that it is writable and that the disk is not full; "
            "'fraud-taskhub check' tells whether it is damaged."
        ) from error
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads; usable from any one thread at a time."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only=ON")
    return connection


def lock_file(path: Path) -> IO[str]:
    """Make this process the only hub on the file; the lock dies with the process.

    Raises StartupRefused when another hub has it or the directory is not writable.
    """
    path = path.resolve()
    lock_path = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = lock_path.open("a+", encoding="ascii")
    except OSError as error:
        raise StartupRefused(
            f"{lock_path} cannot be written ({error.strerror}). "
            "Choose a writable place with TASKHUB_DB or --db."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise StartupRefused(
            f"{path} is in use by another task hub (process {owner}). "
            "Stop that one, or choose another file with TASKHUB_DB or --db."
        ) from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA cache_size=-16000")
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise StartupRefused(
            f"{path} has schema version {version}; this task hub knows up to {SCHEMA_VERSION}. "
            "Start the newer program that wrote it."
        )
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StartupRefused(f"{path} is an SQLite file, but not a task hub's. Choose another with --db.")
    while version < SCHEMA_VERSION:
        script = resources.files("taskhub").joinpath(_MIGRATIONS[version]).read_text("utf-8")
        version += 1
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={version}; COMMIT;")


def look_for_damage(connection: sqlite3.Connection, path: Path, seconds: float) -> None:
    """Look at the file's pages, small tables first, until the time is up.

    Raises StartupRefused when a page is damaged. What the time did not suffice for shows when it is used.
    """
    deadline = time.monotonic() + seconds
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        for table in _TABLES_BY_SIZE:
            if time.monotonic() >= deadline:
                return
            said = connection.execute(f"PRAGMA quick_check({table})").fetchone()[0]
            if said != "ok":
                raise StartupRefused(_damaged(path, said.splitlines()[-1]))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
    except sqlite3.DatabaseError as error:
        raise StartupRefused(_damaged(path, str(error))) from error
    finally:
        timer.cancel()


def _damaged(path: Path, reason: str) -> str:
    return (
        f"{path} is damaged: {reason}. 'fraud-taskhub check --db {path}' tells more, and with --repair mends "
        "what can be mended; otherwise put a backup in its place."
    )

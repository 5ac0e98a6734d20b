"""Copies a task hub's file while the hub runs, and makes a stopped hub's file small again."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from taskhub.errors import StartupRefused
from taskhub.operating.opening import alone, looking

_PAGES_PER_STEP = 4096


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup holds."""

    path: Path
    size: int
    instances: int


def back_up(source: Path, target: Path) -> Copied:
    """Copy the file as it is at one moment; the copy is checked, synced and then put in place.

    Raises StartupRefused with a sentence when the target exists or cannot be written, or the copy
    is not sound.
    """
    if target.exists():
        raise StartupRefused(f"{target} exists already. Name a new file, or delete that one.")
    partial = target.with_name(target.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        with looking(source) as connection:
            instances = _copy(connection, partial)
        _sync(partial)
        partial.rename(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise StartupRefused(f"{source} could not be backed up to {target}: {error}.") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return Copied(target, target.stat().st_size, instances)


def _copy(source: sqlite3.Connection, partial: Path) -> int:
    """Copy within one read transaction: what the hub writes meanwhile neither waits nor shows."""
    source.execute("BEGIN")
    instances = _count(source)
    with contextlib.closing(sqlite3.connect(partial, isolation_level=None)) as copy:
        source.backup(copy, pages=_PAGES_PER_STEP, sleep=0)
        source.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode=DELETE")
        said = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if said != "ok":
            raise StartupRefused(f"the copy is not sound: {said}. Run 'fraud-taskhub check' on the original.")
        if _count(copy) != instances:
            raise StartupRefused("the copy does not hold what the original held. Try again.")
    return instances


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM instances").fetchone()[0])


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def vacuum(path: Path) -> tuple[int, int]:
    """Give free pages back to the file system; the size in bytes before and after.

    Raises StartupRefused with a sentence, among others while a hub runs.
    """
    with alone(path) as connection:
        before = _size(path)
        try:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise StartupRefused(
                f"{path} could not be vacuumed: {error}. It needs as much free space as the file is large."
            ) from error
        return before, _size(path)


def _size(path: Path) -> int:
    """The file and its write-ahead log."""
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)

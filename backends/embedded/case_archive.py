"""Reads a case store's file without writing to it: for auditing a copy, a backup, or read-only media."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from casework.canonical import Link
from casework.case import Case
from casework.errors import InvalidInputError, NotFoundError, TamperedError, UnavailableError

CASES_DB = "cases.db"
FEW = 8
"""How many cases are named where several could be meant."""


@dataclass(frozen=True, slots=True)
class Archived:
    """One case as it lies in the file; `defect` says why there is no projection that could be read."""

    case_id: str
    links: Sequence[Link]
    projection: Case | None
    defect: str = ""


def archive_in(place: Path) -> Path:
    """The store's file at a place: the file itself, or the one in a data folder. Raises NotFoundError."""
    path = place / CASES_DB if place.is_dir() else place
    if not path.is_file():
        raise NotFoundError(f"{path}: there is no such case store")
    return path


def read_archive(path: Path, only: str | None = None) -> Iterator[Archived]:
    """Every case of a store's file, or one. Raises UnavailableError when it is no store that can be read."""
    with _reading(path) as db:
        yield from (_archived(db, case_id) for case_id in _case_ids(db, only))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, open for reading. Raises UnavailableError when it is no store that can be read."""
    try:
        with contextlib.closing(_open(path)) as db:
            yield db
    except sqlite3.DatabaseError as error:
        raise UnavailableError(f"{path} cannot be read as a case store: {error}") from error


def case_meant(path: Path, given: str) -> str:
    """The only case whose id this is, or else contains it. Raises NotFoundError, InvalidInputError."""
    with _reading(path) as db:
        known = _case_ids(db, None)
    found = [case_id for case_id in known if case_id == given] or [
        case_id for case_id in known if given.lower() in case_id.lower()
    ]
    if not found:
        raise NotFoundError(f"no case {given} in {path}")
    if len(found) > 1:
        some = ", ".join(found[:FEW]) + (", ..." if len(found) > FEW else "")
        raise InvalidInputError("CASE", f"{given} could be any of {len(found)} cases: {some}")
    return found[0]


def read_case(path: Path, case_id: str) -> Archived:
    """One case of a store's file. Raises NotFoundError, UnavailableError, TamperedError."""
    for found in read_archive(path, case_id):
        if not found.links:
            raise TamperedError(f"{case_id} has no record: {found.defect}")
        return found
    raise NotFoundError(f"no case {case_id} in {path}")


def _open(path: Path) -> sqlite3.Connection:
    """Read-only; where not even the log beside the file can be opened, the file as it lies there."""
    place = f"file:{quote(str(path.resolve()))}"
    db = sqlite3.connect(f"{place}?mode=ro", uri=True)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        db = sqlite3.connect(f"{place}?mode=ro&immutable=1", uri=True)
    return db


def _case_ids(db: sqlite3.Connection, only: str | None) -> list[str]:
    sql = "SELECT case_id FROM cases UNION SELECT case_id FROM case_events ORDER BY 1"
    return [row[0] for row in db.execute(sql) if only is None or row[0] == only]


def _archived(db: sqlite3.Connection, case_id: str) -> Archived:
    sql = "SELECT text, hash FROM case_events WHERE case_id = ? ORDER BY seq"
    links = [Link(str(text), str(hash_)) for text, hash_ in db.execute(sql, (case_id,))]
    row = db.execute("SELECT projection FROM cases WHERE case_id = ?", (case_id,)).fetchone()
    if row is None:
        return Archived(case_id, links, None, "it is not among the cases any more")
    try:
        return Archived(case_id, links, Case.model_validate_json(row[0]))
    except ValueError as error:
        return Archived(case_id, links, None, f"the projection cannot be read: {str(error)[:300]}")

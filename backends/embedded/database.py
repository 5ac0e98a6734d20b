"""One SQLite file shared by several processes: group commit on one writer thread, reads on another.

Writes that are asked for at the same time share a transaction, each in its own savepoint, and are
acknowledged only after the commit is on disk. Nothing here knows what is stored.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from backends.embedded.commits import Commits
from casework.errors import CaseworkError, OverloadedError, UnavailableError

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
Upgrades = Mapping[int, Sequence[str]]
"""By schema version: the statements that lead from it to the next one."""

MAX_PENDING_WRITES = 10_000
BATCH = 128
BUSY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class _Write:
    job: Job[Any]
    future: "Future[Any]"


class Database:
    """A SQLite database in WAL mode. Open with `open_database`.

    `write` raises OverloadedError when too many writes wait, and UnavailableError when SQLite
    cannot (disk full, read-only, locked for too long); errors of the job itself pass through.
    """

    def __init__(self, path: Path, schema: str, version: int, upgrades: Upgrades) -> None:
        self.path = path
        self._writer = _connect(path)
        _migrate(self._writer, schema, version, upgrades, path)
        self._reader = _connect(path)
        self._reader.execute("PRAGMA query_only = ON")
        self._reads = threading.Lock()
        self._jobs: queue.Queue[_Write | None] = queue.Queue(MAX_PENDING_WRITES)
        self._loop = asyncio.get_running_loop()
        self._commits = Commits(_connect(path))
        self._thread = threading.Thread(target=self._write_forever, name=f"write:{path.name}", daemon=True)
        self._thread.start()

    async def write(self, job: Job[T]) -> T:
        """Run a job in a write transaction; returns once it is committed."""
        future: Future[T] = Future()
        try:
            self._jobs.put_nowait(_Write(job, future))
        except queue.Full as error:
            raise OverloadedError(f"{self.path.name}: too many writes are waiting") from error
        result = await asyncio.wrap_future(future)
        self._commits.look()
        return result

    async def read(self, job: Job[T]) -> T:
        """Run a job that only reads, off the event loop."""
        return await asyncio.to_thread(self._read, job)

    async def wait_until(self, ready: Job[bool], timeout_seconds: float) -> bool:
        """Return True once `ready` holds, False when time runs out; looked at after every commit."""
        deadline = self._loop.time() + timeout_seconds
        while True:
            with self._commits.next() as committed:
                if await self.read(ready):
                    return True
                if self._loop.time() >= deadline:
                    return False
                # Not wait_for: before Python 3.12 it can swallow a cancellation, and the caller never ends.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(deadline):
                        await committed.wait()

    async def close(self) -> None:
        """Finish the writes that were accepted and close the file."""
        self._commits.close()
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._jobs.put(None)
        self._thread.join()
        with self._reads:
            self._reader.close()

    def _read(self, job: Job[T]) -> T:
        with self._reads, _translated(self.path):
            return job(self._reader)

    def _write_forever(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch = [first]
            stopping = False
            while len(batch) < BATCH and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    stopping = True
                    break
                batch.append(following)
            self._commit(batch)
            if stopping:
                break
        self._writer.close()

    def _commit(self, batch: list[_Write]) -> None:
        """Run a batch in one transaction; a job that fails takes back only its own changes.

        A job whose caller gave up before it began is left out; from here on nobody can give up.
        """
        batch = [write for write in batch if write.future.set_running_or_notify_cancel()]
        outcomes: list[tuple[_Write, Any, BaseException | None]] = []
        try:
            with _translated(self.path):
                self._writer.execute("BEGIN IMMEDIATE")
                for write in batch:
                    outcomes.append((write, *self._attempt(write)))
                self._writer.execute("COMMIT")
        except CaseworkError as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            outcomes = [(write, None, error) for write in batch]
        for write, result, failure in outcomes:
            if failure is None:
                write.future.set_result(result)
            else:
                write.future.set_exception(failure)

    def _attempt(self, write: _Write) -> tuple[Any, BaseException | None]:
        self._writer.execute("SAVEPOINT job")
        try:
            result = write.job(self._writer)
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            if not isinstance(error, sqlite3.IntegrityError):
                raise
            failure: BaseException = error
        except Exception as error:
            failure = error
        else:
            self._writer.execute("RELEASE job")
            return result, None
        self._writer.execute("ROLLBACK TO job")
        self._writer.execute("RELEASE job")
        return None, failure


@contextlib.asynccontextmanager
async def open_database(
    path: Path, schema: str, version: int, upgrades: Upgrades | None = None
) -> AsyncIterator[Database]:
    """Open, or create, a database file. Raises UnavailableError with a sentence when that is not possible."""
    database = Database(path, schema, version, upgrades or {})
    try:
        yield database
    finally:
        await database.close()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except (OSError, sqlite3.Error) as error:
        raise UnavailableError(f"cannot open {path}: {error}; check that the folder is writable") from error
    connection.row_factory = sqlite3.Row
    return connection


def _migrate(
    connection: sqlite3.Connection, schema: str, version: int, upgrades: Upgrades, path: Path
) -> None:
    """Create what is not there, or bring an earlier release's file up to ours, in one transaction.

    The version is read again inside it: of several processes that start at once, one does the work.
    """
    with _translated(path):
        if _version_of(connection) == version:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _steps(_version_of(connection), version, schema, upgrades, path):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _steps(found: int, version: int, schema: str, upgrades: Upgrades, path: Path) -> Sequence[str]:
    """The statements that lead from one version to another."""
    if found > version:
        raise UnavailableError(
            f"{path} was written by a newer release (schema {found}, this one knows {version}); upgrade"
        )
    if found == 0:
        return _statements(schema) if version else ()
    steps: list[str] = []
    for step in range(found, version):
        if step not in upgrades:
            raise UnavailableError(f"{path} has schema {found}, from which no upgrade to {version} is known")
        steps += upgrades[step]
    return steps


def _statements(script: str) -> Sequence[str]:
    """A script's statements one by one: run as a whole it would not stay in our transaction."""
    statements, rest = [], ""
    for part in f"{script};".split(";"):
        rest += f"{part};"
        if sqlite3.complete_statement(rest):
            statements.append(rest)
            rest = ""
    return [statement for statement in statements if statement.strip(" ;\n")]


@contextlib.contextmanager
def _translated(path: Path) -> Any:
    try:
        yield
    except sqlite3.Error as error:
        raise UnavailableError(f"{path.name}: {error}") from error

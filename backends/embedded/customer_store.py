"""The customer store over a contoso.db file: SQLite, read-only unless opened for writing."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Lock, local
from typing import TypeVar
from urllib.parse import quote

from backends.embedded.knowledge_index import Embed, KnowledgeIndex
from casework.customers import (
    ACTIVITY_DATES,
    PRIMARY_KEYS,
    TABLES,
    Between,
    CustomerStoreError,
    Mentions,
    Order,
    ReadOnlyStoreError,
    Row,
    StoreState,
    Table,
    Value,
    Where,
    can_be_held,
    require_held,
)

_T = TypeVar("_T")
_Identity = tuple[int, int]

NEWEST_ACTIVITY = (
    "SELECT max({0}) FROM {1} WHERE typeof({0}) = 'text'"
    " AND {0} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'"
)
"""The newest value of a date column, of those that begin like a date."""
_STEPS_BETWEEN_DEADLINE_CHECKS = 20_000


class SqliteCustomerStore:
    """Serves one contoso.db by path; a file renamed over that path is picked up at the next query.

    Queries run on `threads` threads with a connection each, so the event loop never waits for the
    disk; one that takes longer than `deadline_seconds` is abandoned with an error.
    """

    def __init__(
        self,
        path: Path,
        *,
        writable: bool = False,
        threads: int = 4,
        deadline_seconds: float = 5.0,
        embed: Embed | None = None,
    ) -> None:
        self.path = path
        self.writable = writable
        self._deadline_seconds = deadline_seconds
        self._embed = embed
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="customer-store")
        self._local = local()
        self._lock = Lock()
        self._connections: set[sqlite3.Connection] = set()
        self._knowledge: tuple[_Identity, KnowledgeIndex] | None = None

    async def verify(self) -> StoreState:
        """Check that the file is there and holds the twelve tables, and read the documents once.

        Raises CustomerStoreError saying what is missing.
        """
        await self._run(self._check_tables)
        return await self.describe()

    async def rows(
        self,
        table: Table,
        where: Where | None = None,
        *,
        order: Order | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        condition, values = _condition(where or {})
        sql = f"SELECT * FROM {table}{condition} ORDER BY {_ordering(table, order)} LIMIT ?"
        values.append(-1 if limit is None else limit)
        try:
            return await self._run(lambda connection: [_row(row) for row in connection.execute(sql, values)])
        except (OverflowError, UnicodeEncodeError):
            return []  # a number or a text that SQLite cannot hold is in no row

    async def search_knowledge(self, query: str, limit: int) -> list[Row]:
        return await self._run(lambda connection: self._index(connection).search(query, limit))

    async def data_as_of(self) -> date | None:
        return await self._run(_latest_day)

    async def describe(self) -> StoreState:
        return await self._run(self._describe)

    async def add(self, table: Table, values: Mapping[str, Value]) -> Row:
        self._refuse_unless_writable(table)
        require_held(values)
        names = ", ".join(_column(name) for name in values)
        marks = ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING *"
        return await self._run(lambda connection: _returning(connection, sql, list(values.values())))

    async def change(self, table: Table, key: int, values: Mapping[str, Value]) -> bool:
        self._refuse_unless_writable(table)
        require_held(values)
        if not can_be_held(key):
            return False
        changes = ", ".join(f"{_column(name)} = ?" for name in values)
        sql = f"UPDATE {table} SET {changes} WHERE {PRIMARY_KEYS[table]} = ?"
        return await self._run(lambda connection: _changed(connection, sql, [*values.values(), key]))

    def close(self) -> None:
        """Let running queries finish and close the file."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        if self._knowledge:
            self._knowledge[1].close()

    def _refuse_unless_writable(self, table: Table) -> None:
        if not self.writable:
            raise ReadOnlyStoreError(f"{table} cannot be changed: the customer store is open read-only")

    async def _run(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._query, query)

    def _query(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            with self._deadline(self._connection()) as connection:
                return query(connection)
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                message = f"the customer database took longer than {self._deadline_seconds:g} s to answer"
                raise CustomerStoreError(message) from error
            raise CustomerStoreError(f"the customer database {self.path} cannot be used: {error}") from error
        except sqlite3.Error as error:
            raise CustomerStoreError(f"the customer database {self.path} cannot be used: {error}") from error

    @contextmanager
    def _deadline(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        ends = time.monotonic() + self._deadline_seconds
        connection.set_progress_handler(lambda: time.monotonic() > ends, _STEPS_BETWEEN_DEADLINE_CHECKS)
        try:
            yield connection
        finally:
            connection.set_progress_handler(None, 0)

    def _identity(self) -> _Identity:
        try:
            status = self.path.stat()
        except OSError as error:
            raise CustomerStoreError(
                f"there is no customer database at {self.path}: create one with `fraud-console seed`,"
                " or set DB_PATH to an existing contoso.db"
            ) from error
        return status.st_dev, status.st_ino

    def _connection(self) -> sqlite3.Connection:
        identity = self._identity()
        held: tuple[_Identity, sqlite3.Connection] | None = getattr(self._local, "held", None)
        if held and held[0] == identity:
            return held[1]
        if held:
            self._discard(held[1])
        connection = self._connect()
        self._local.held = (identity, connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        mode = "rw" if self.writable else "ro"
        uri = f"file:{quote(str(self.path.absolute()))}?mode={mode}"
        connection = sqlite3.connect(
            uri, uri=True, timeout=self._deadline_seconds / 2, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.text_factory = _text
        if not self.writable:
            connection.execute("PRAGMA query_only = ON")
        with self._lock:
            self._connections.add(connection)
        return connection

    def _discard(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._connections.discard(connection)
        connection.close()

    def _index(self, connection: sqlite3.Connection) -> KnowledgeIndex:
        identity = self._identity()
        with self._lock:
            if self._knowledge is None or self._knowledge[0] != identity:
                documents = [_row(row) for row in connection.execute("SELECT * FROM KnowledgeDocuments")]
                self._knowledge = (identity, KnowledgeIndex(documents, self._embed))
            return self._knowledge[1]

    def _check_tables(self, connection: sqlite3.Connection) -> None:
        found = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        missing = [table for table in TABLES if table not in found]
        if missing:
            raise CustomerStoreError(f"{self.path} is not a Contoso database: no table {', '.join(missing)}")

    def _describe(self, connection: sqlite3.Connection) -> StoreState:
        counts = {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES}
        return StoreState(
            source=str(self.path),
            writable=self.writable,
            row_counts=counts,
            data_as_of=_latest_day(connection),
            knowledge_ranking=self._index(connection).ranking,
        )


def _text(stored: bytes) -> str:
    """A text as well as it can be read: one that is not UTF-8 must not hide the rows around it."""
    return stored.decode("utf-8", "replace")


def _row(row: sqlite3.Row) -> Row:
    """The row by column; bytes in a column of text are read as the text they were meant to be."""
    found = dict(row)
    if bytes in map(type, row):
        return {name: _text(value) if isinstance(value, bytes) else value for name, value in found.items()}
    return found


def _condition(where: Where) -> tuple[str, list[Value]]:
    parts: list[str] = []
    values: list[Value] = []
    for name, wanted in where.items():
        column = _column(name)
        if isinstance(wanted, Between):
            parts.append(f"{column} BETWEEN ? AND ?")
            values += wanted
        elif isinstance(wanted, Mentions):
            parts.append("(" + " OR ".join([f"instr({column}, ?)"] * len(wanted.parts) or ["0"]) + ")")
            values += wanted.parts
        elif isinstance(wanted, tuple):
            parts.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values += wanted
        else:
            parts.append(f"{column} = ?")
            values.append(wanted)
    return (" WHERE " + " AND ".join(parts) if parts else ""), values


def _ordering(table: Table, order: Order | None) -> str:
    key = PRIMARY_KEYS[table]
    if order is None:
        return key
    direction = "DESC" if order.newest_first else "ASC"
    return f"{_column(order.column)} {direction}, {key} {direction}"


def _column(name: str) -> str:
    """`name` itself: columns come from code, and anything but a plain name is a bug."""
    if not name.isidentifier():
        raise ValueError(f"not a column name: {name!r}")
    return name


def _returning(connection: sqlite3.Connection, sql: str, values: list[Value]) -> Row:
    (row,) = connection.execute(sql, values).fetchall()
    return dict(row)


def _changed(connection: sqlite3.Connection, sql: str, values: list[Value]) -> bool:
    return connection.execute(sql, values).rowcount > 0


def _latest_day(connection: sqlite3.Connection) -> date | None:
    newest = [
        connection.execute(NEWEST_ACTIVITY.format(column, table)).fetchone()[0]
        for table, column in ACTIVITY_DATES.items()
    ]
    days = [_day(text) for text in newest if text]
    return max((day for day in days if day), default=None)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None

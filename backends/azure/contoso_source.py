"""Reads a contoso.db from end to end for a migration: every row exactly, grouped by whose it is."""

import heapq
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from backends.azure.customer_items import Item, owner_item, owner_of, row_item
from backends.azure.customer_queries import LOCATED, PARENTS
from backends.azure.customer_tables import DIRECTORY_TABLES, Column, TableState, container_of
from backends.azure.sqlite_values import Stored, affinity_of
from backends.embedded.customer_store import NEWEST_ACTIVITY
from casework.customers import ACTIVITY_DATES, PRIMARY_KEYS, TABLES, CustomerStoreError, Table

_OWNER = "owner of the row"
_CUSTOMER = "CASE WHEN typeof({0}.customer_id) = 'integer' THEN {0}.customer_id END"
_FROM: Mapping[Table, str] = {
    "Payments": (
        " FROM Payments AS t LEFT JOIN Invoices AS i ON i.invoice_id = t.invoice_id"
        " LEFT JOIN Subscriptions AS s ON s.subscription_id = i.subscription_id"
    ),
    **{
        table: f" FROM {table} AS t LEFT JOIN Subscriptions AS s ON s.subscription_id = t.subscription_id"
        for table in ("Invoices", "DataUsage", "ServiceIncidents")
    },
}
"""How to reach the subscription, and with it the customer, of tables that do not name one."""


class ContosoSource:
    """One consistent view of the file, held by a read transaction until it is closed."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def states(self) -> dict[Table, TableState]:
        """Columns, size, next key and newest day of every table."""
        return {table: self._state(table) for table in TABLES}

    def items(self) -> Iterator[Item]:
        """Everything the two containers will hold, items of one partition next to each other."""
        for table in sorted(DIRECTORY_TABLES):
            for row, _ in self._rows(table, f"t.{PRIMARY_KEYS[table]}"):
                yield row_item(table, row, "")
        yield from self._owners()
        yield from self._activity()

    def _owners(self) -> Iterator[Item]:
        for table in sorted(LOCATED):
            key = PRIMARY_KEYS[table]
            for row, owner in self._rows(table, f"t.{key}"):
                yield owner_item(table, _whole(row[key]), owner)

    def _activity(self) -> Iterator[Item]:
        """The rows of one customer after the other, first those that are nobody's."""
        tables = [table for table in TABLES if container_of(table) == "activity"]
        streams = [self._owned(table) for table in tables]
        merged = heapq.merge(*streams, key=lambda found: found[0])
        return (item for _, item in merged)

    def _owned(self, table: Table) -> Iterator[tuple[tuple[bool, int], Item]]:
        for row, owner in self._rows(table, f'"{_OWNER}", t.{PRIMARY_KEYS[table]}'):
            known = owner.lstrip("-").isdigit()
            yield (known, int(owner) if known else 0), row_item(table, row, owner)

    def _rows(self, table: Table, ordering: str) -> Iterator[tuple[dict[str, Stored], str]]:
        """Rows and the partitions they belong in."""
        if table in DIRECTORY_TABLES:
            owner, source = "NULL", f" FROM {table} AS t"
        else:
            owner = _CUSTOMER.format("s" if table in PARENTS else "t")
            source = _FROM.get(table, f" FROM {table} AS t")
        sql = f'SELECT t.*, {owner} AS "{_OWNER}"{source} ORDER BY {ordering}'
        for found in self._connection.execute(sql):
            row = dict(found)
            yield row, owner_of(row.pop(_OWNER))

    def _state(self, table: Table) -> TableState:
        sql = f"SELECT count(*), max({PRIMARY_KEYS[table]}) FROM {table}"
        rows, last = self._connection.execute(sql).fetchone()
        return TableState(
            columns=tuple(self._columns(table)),
            rows=rows,
            next_key=max(_whole(last or 0) + 1, 1),
            newest=self._newest(table),
        )

    def _newest(self, table: Table) -> str | None:
        """What dates the latest activity, as the file's own store reads it."""
        if table not in ACTIVITY_DATES:
            return None
        sql = NEWEST_ACTIVITY.format(ACTIVITY_DATES[table], table)
        newest: str | None = self._connection.execute(sql).fetchone()[0]
        return newest

    def _columns(self, table: Table) -> Iterable[Column]:
        for found in self._connection.execute(f"PRAGMA table_info({table})"):
            default = found["dflt_value"]
            value = self._connection.execute(f"SELECT {default}").fetchone()[0] if default else None
            yield Column(name=found["name"], affinity=affinity_of(found["type"]), default=value)


@contextmanager
def open_source(path: Path) -> Iterator[ContosoSource]:
    """Open a contoso.db for reading. Raises CustomerStoreError when it is not one."""
    if not path.is_file():
        raise CustomerStoreError(f"there is no file {path}: say which contoso.db to migrate with --from")
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.text_factory = _text
    try:
        connection.execute("BEGIN")
        missing = [table for table in TABLES if not _has_key(connection, table)]
        if missing:
            raise CustomerStoreError(f"{path} is not a Contoso database: no table {', '.join(missing)}")
        yield ContosoSource(path, connection)
    except sqlite3.Error as error:
        raise CustomerStoreError(f"{path} cannot be read: {error}") from error
    finally:
        connection.close()


def _has_key(connection: sqlite3.Connection, table: Table) -> bool:
    return any(
        found["name"] == PRIMARY_KEYS[table] for found in connection.execute(f"PRAGMA table_info({table})")
    )


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise CustomerStoreError(f"a primary key is {value!r}, which is not a whole number")
    return value

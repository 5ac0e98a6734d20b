"""Collects the rows of a Contoso database in memory and writes them to a file in one go."""

import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path

from casework.customers import PRIMARY_KEYS, TABLES, Row, Table, Value


class ContosoBook:
    """Rows by table and key; keys are given out in order, so the same additions give the same rows."""

    def __init__(self) -> None:
        self._rows: dict[Table, dict[int, Row]] = {table: {} for table in TABLES}
        self._last_key: dict[Table, int] = defaultdict(int)

    def add(self, table: Table, **values: Value) -> int:
        """Append a row and return its key; a key given in `values` is kept."""
        column = PRIMARY_KEYS[table]
        given = values.pop(column, None)
        key = int(given) if given is not None else self._last_key[table] + 1
        if key in self._rows[table]:
            raise ValueError(f"{table} already has {column} {key}")
        self._last_key[table] = max(self._last_key[table], key)
        self._rows[table][key] = {column: key, **values}
        return key

    def row(self, table: Table, key: int) -> Row:
        """The row of that key."""
        return self._rows[table][key]

    def rows(self, table: Table, **equal: Value) -> list[Row]:
        """The rows whose columns have these values, in key order."""
        found = self._rows[table].values()
        return [row for row in found if all(row[column] == value for column, value in equal.items())]

    def change(self, table: Table, key: int, **values: Value) -> None:
        """Overwrite columns of one row."""
        self._rows[table][key].update(values)

    def remove(self, table: Table, doomed: Callable[[Row], bool]) -> None:
        """Drop the rows of which `doomed` says so."""
        kept = {key: row for key, row in self._rows[table].items() if not doomed(row)}
        self._rows[table] = kept

    def counts(self) -> dict[Table, int]:
        """Rows per table."""
        return {table: len(rows) for table, rows in self._rows.items()}

    def write(self, path: Path) -> None:
        """Write a complete database beside `path` and rename it over `path`.

        Readers see the old file or the new one, whole. Raises OSError when the folder is not writable.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.new")
        unfinished.unlink(missing_ok=True)
        try:
            self._fill(unfinished)
            with unfinished.open("rb+") as written:
                os.fsync(written.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _fill(self, path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            # The file is thrown away if anything fails, so it needs no journal while it is made.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.executescript(contoso_schema())
            connection.execute("BEGIN")
            for table in TABLES:
                _insert(connection, table, self._rows[table].values())
            connection.execute("COMMIT")
        finally:
            connection.close()


def contoso_schema() -> str:
    """The SQL that creates the twelve tables."""
    return files("backends.embedded").joinpath("contoso_schema.sql").read_text("utf-8")


def _insert(connection: sqlite3.Connection, table: Table, rows: Iterable[Row]) -> None:
    by_columns: dict[tuple[str, ...], list[tuple[Value, ...]]] = defaultdict(list)
    for row in rows:
        by_columns[tuple(row)].append(tuple(row.values()))
    for columns, values in by_columns.items():
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)

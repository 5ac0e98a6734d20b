"""Comparing, ordering and converting as SQLite does, held against SQLite itself; rows that stay exact."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backends.azure.customer_items import row_item, stored_row
from backends.azure.sqlite_values import Affinity, Stored, affinity_of, converted, matches, ordered
from casework.customers import Between, Mentions, Order

DECLARED: dict[str, Affinity] = {
    "INTEGER": "INTEGER",
    "TEXT": "TEXT",
    "REAL": "REAL",
    "DECIMAL(10,2)": "NUMERIC",
    "": "BLOB",
}
WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
NUMBERS = WHOLE | st.sampled_from([0.0, 1.0, -0.5, 1e16, 1e300, float("inf"), 2.0**53, 2.0**63])
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4) | st.sampled_from(
    [
        "1",
        " 2 ",
        "1.0",
        "1e2",
        "+3",
        "0x10",
        "1_0",
        "inf",
        "nan",
        "",
        "2026-03-01",
        "9223372036854775808",
        "é",
    ]
)
VALUES = st.none() | NUMBERS | TEXT
KEPT = VALUES | st.binary(max_size=3)


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    columns = ", ".join(f'"c{number}" {declared}' for number, declared in enumerate(DECLARED))
    connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns})")
    yield connection
    connection.close()


def stored(connection: sqlite3.Connection, column: str, values: list[Stored]) -> list[dict[str, Any]]:
    connection.execute("DELETE FROM t")
    connection.executemany(f"INSERT INTO t ({column}) VALUES (?)", [(value,) for value in values])
    found = connection.execute(f"SELECT id, {column} FROM t ORDER BY id").fetchall()
    return [{"id": key, column: value} for key, value in found]


def column_for(declared: str) -> str:
    return f"c{list(DECLARED).index(declared)}"


@pytest.mark.parametrize("declared", DECLARED)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(KEPT, max_size=8), pair=st.tuples(VALUES, VALUES), part=TEXT)
@example(values=[2**53], pair=(2**53 + 1, None), part="")
def test_rows_match_and_sort_as_in_sqlite(
    sqlite: sqlite3.Connection, declared: str, values: list[Stored], pair: tuple[Any, Any], part: str
) -> None:
    wanted, other = pair
    column, affinity = column_for(declared), DECLARED[declared]
    rows = stored(sqlite, column, values)

    def by_sqlite(condition: str, *parameters: Any) -> list[int]:
        sql = f"SELECT id FROM t WHERE {condition} ORDER BY id"
        return [key for (key,) in sqlite.execute(sql, parameters)]

    def by_us(condition: Any) -> list[int]:
        return [row["id"] for row in rows if matches(row, {column: condition}, {column: affinity})]

    assert by_us(wanted) == by_sqlite(f"{column} = ?", wanted)
    assert by_us((wanted, other)) == by_sqlite(f"{column} IN (?, ?)", wanted, other)
    assert by_us(Between(wanted, other)) == by_sqlite(f"{column} BETWEEN ? AND ?", wanted, other)
    assert affinity_of(declared) == affinity
    for newest_first, direction in ((False, "ASC"), (True, "DESC")):
        sql = f"SELECT id FROM t ORDER BY {column} {direction}, id {direction}"
        assert [row["id"] for row in ordered(rows, "id", Order(column, newest_first))] == [
            key for (key,) in sqlite.execute(sql)
        ]
    if declared == "TEXT":
        assert by_us(Mentions((part,))) == by_sqlite(f"instr({column}, ?)", part)


@pytest.mark.parametrize("declared", DECLARED)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=WHOLE | TEXT | st.sampled_from([0.5, 1.0, -2.0, 1e18, 1e300]) | st.none())
def test_a_column_converts_what_is_written_to_it_as_sqlite_does(
    sqlite: sqlite3.Connection, declared: str, value: Any
) -> None:
    ((kept),) = [row[column_for(declared)] for row in stored(sqlite, column_for(declared), [value])]
    ours = converted(value, DECLARED[declared])
    assert (type(ours), ours) == (type(kept), kept)


def as_the_service_returns_it(item: dict[str, Any]) -> dict[str, Any]:
    """Numbers are doubles there, and whole ones are written without a point."""

    def number(value: str) -> int | float:
        as_double = float(value)
        return int(as_double) if as_double.is_integer() and abs(as_double) < 2**53 else as_double

    found: dict[str, Any] = json.loads(json.dumps(item), parse_int=number, parse_float=number)
    return found


@given(value=KEPT)
def test_a_row_comes_back_as_it_was(value: Stored) -> None:
    row = {"payment_id": 1, "amount": value, "note": "x"}
    item = as_the_service_returns_it(row_item("Payments", row, "1"))
    back = stored_row(item, ("payment_id", "amount"))
    assert list(back) == list(row)
    assert (type(back["amount"]), back["amount"]) == (type(value), value)

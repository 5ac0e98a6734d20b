"""How SQLite compares, orders and converts values, so that another store can answer exactly as it does.

The rules are those of https://www.sqlite.org/datatype3.html: a column's affinity converts what is
stored in it and what it is compared with; NULL comes first, then numbers, then text, then bytes.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from casework.customers import Between, Mentions, Order, Row, Value, Where, can_be_held

Affinity = Literal["INTEGER", "REAL", "NUMERIC", "TEXT", "BLOB"]
Stored = Value | bytes
"""What one column of one row can hold."""

_NUMBER = re.compile(r"[ \t\n\v\f\r]*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\v\f\r]*", re.ASCII)


def affinity_of(declared: str) -> Affinity:
    """The affinity of a column declared as `declared`."""
    kind = declared.upper()
    if "INT" in kind:
        return "INTEGER"
    if any(part in kind for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if not kind or "BLOB" in kind:
        return "BLOB"
    return "REAL" if any(part in kind for part in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def converted(value: Stored, affinity: Affinity) -> Stored:
    """The value as a column of that affinity holds it; not a number (NaN) is held as nothing."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is None or isinstance(value, bytes) or affinity == "BLOB":
        return value
    if affinity == "TEXT":
        return value if isinstance(value, str) else _written(value)
    return _numeric(value, affinity)


def matches(row: Mapping[str, Stored], where: Where, affinities: Mapping[str, Affinity]) -> bool:
    """Whether SQLite would return the row for `where`."""
    return all(_holds(row.get(name), wanted, affinities.get(name, "BLOB")) for name, wanted in where.items())


def ordered(rows: Iterable[Row], key: str, order: Order | None) -> list[Row]:
    """The rows in primary key order, or by a column and then the key, both in the same direction."""
    if order is None:
        return sorted(rows, key=lambda row: rank(row[key]))
    return sorted(
        rows,
        key=lambda row: (rank(row.get(order.column)), rank(row[key])),
        reverse=order.newest_first,
    )


def rank(value: Stored) -> tuple[int, int | float | str | bytes]:
    """What a value sorts by."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    return (2, value) if isinstance(value, str) else (3, value)


def _holds(held: Stored, wanted: object, affinity: Affinity) -> bool:
    if held is None:
        return False
    compared: Affinity = "NUMERIC" if affinity == "REAL" else affinity  # a whole number is compared as it is
    if isinstance(wanted, Between):
        low, high = converted(wanted.low, compared), converted(wanted.high, compared)
        return low is not None and high is not None and rank(low) <= rank(held) <= rank(high)
    if isinstance(wanted, Mentions):
        text = held.decode("utf-8", "replace") if isinstance(held, bytes) else str(held)
        return any(part in text for part in wanted.parts)
    choices = wanted if isinstance(wanted, tuple) else (wanted,)
    return any(rank(held) == rank(converted(choice, compared)) for choice in choices if choice is not None)


def _written(number: int | float) -> str:
    """A number as SQLite writes it: 15 digits, and always with a point when it is not whole by type."""
    if isinstance(number, int):
        return str(int(number))
    if math.isinf(number):
        return "Inf" if number > 0 else "-Inf"
    digits, exponent, power = f"{number:.15g}".partition("e")
    return (digits if "." in digits else f"{digits}.0") + exponent + power


def _numeric(value: int | float | str, affinity: Affinity) -> Stored:
    number: int | float
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return value
        number = float(value) if set(value) & set(".eE") else int(value)
    else:
        number = int(value) if isinstance(value, bool) else value
    if affinity == "REAL" or not can_be_held(number):
        return float(number)
    if isinstance(number, float) and number.is_integer() and can_be_held(int(number)):
        return int(number)
    return number

"""Turns a question to the customer store into Cosmos DB SQL, and says in which partitions to ask it.

A query may return more than was asked for, never less: the store compares every row again by SQLite's
rules. So only conditions that mean the same to both are sent.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backends.azure.customer_tables import DIRECTORY_TABLES
from backends.azure.sqlite_values import Affinity, Stored, converted
from casework.customers import PRIMARY_KEYS, Between, Mentions, Table, Where

_OWN_CUSTOMER: frozenset[Table] = frozenset({"Subscriptions", "SecurityLogs", "Orders", "SupportTickets"})
"""Tables whose rows name their customer."""

PARENTS: Mapping[Table, tuple[Table, str]] = {
    "Invoices": ("Subscriptions", "subscription_id"),
    "DataUsage": ("Subscriptions", "subscription_id"),
    "ServiceIncidents": ("Subscriptions", "subscription_id"),
    "Payments": ("Invoices", "invoice_id"),
}
"""Tables whose rows hang off another row: which, and by what column."""

LOCATED: frozenset[Table] = frozenset({"Subscriptions", "Invoices"})
"""Tables for whose keys the directory says which customer's partition they are in."""

_SAFE_NUMBER = 2**53


@dataclass(frozen=True)
class Route:
    """Where rows are: `known` as it stands in the keys, or in the owners of rows of `table`, or anywhere."""

    by: Literal["table", "customer", "owner_of", "nothing"]
    keys: tuple[Stored, ...] = ()
    table: Table | None = None


def route(table: Table, where: Where) -> Route:
    """The narrowest way to everything that `where` can match."""
    if table in DIRECTORY_TABLES:
        return Route("table")
    if table in _OWN_CUSTOMER and (keys := _keys(where, "customer_id")) is not None:
        return Route("customer", keys)
    if table in PARENTS:
        parent, column = PARENTS[table]
        if (keys := _keys(where, column)) is not None:
            return Route("owner_of", keys, parent)
    if table in LOCATED and (keys := _keys(where, PRIMARY_KEYS[table])) is not None:
        return Route("owner_of", keys, table)
    return Route("nothing")


def owner_columns(table: Table) -> frozenset[str]:
    """The columns that decide in which partition a row of the table is."""
    key = {PRIMARY_KEYS[table]}
    if table in DIRECTORY_TABLES:
        return frozenset(key)
    return frozenset(key | {PARENTS[table][1] if table in PARENTS else "customer_id"})


def single_key(table: Table, where: Where) -> int | None:
    """The one primary key that `where` asks for, if it does."""
    keys = _keys(where, PRIMARY_KEYS[table])
    return keys[0] if keys is not None and len(keys) == 1 and isinstance(keys[0], int) else None


def query(
    table: Table, where: Where, affinities: Mapping[str, Affinity]
) -> tuple[str, list[tuple[str, Any]]]:
    """The SQL text and its parameters."""
    parameters: list[tuple[str, Any]] = [("@kind", table)]
    conditions = ["c.kind = @kind"]
    for name, wanted in where.items():
        condition = _condition(f'c.data["{name}"]', wanted, affinities.get(name, "BLOB"), parameters)
        conditions += [condition] if condition else []
    return f"SELECT c.customer, c.data, c.exact FROM c WHERE {' AND '.join(conditions)}", parameters


def _condition(
    column: str, wanted: object, affinity: Affinity, parameters: list[tuple[str, Any]]
) -> str | None:
    def named(value: Stored) -> str:
        parameters.append((f"@v{len(parameters)}", value))
        return parameters[-1][0]

    match wanted:
        case Between(low, high):
            bounds = converted(low, affinity), converted(high, affinity)
            if not _means_the_same(*bounds):
                return None
            return f"{column} >= {named(bounds[0])} AND {column} <= {named(bounds[1])}"
        case Mentions(parts):
            return "(" + " OR ".join(f"CONTAINS({column}, {named(part)})" for part in parts) + ")"
        case _:
            choices = list(_choices(wanted, affinity))
            if any(isinstance(value, float) and not math.isfinite(value) for value in choices):
                return None
            if len(choices) == 1:
                return f"{column} = {named(choices[0])}"
            return f"{column} IN ({', '.join(map(named, choices))})"


def _means_the_same(low: Stored, high: Stored) -> bool:
    """Whether a range is the same to both: texts in ASCII, or numbers that a double can hold."""
    if isinstance(low, str) and isinstance(high, str):
        return low.isascii() and high.isascii()
    return all(isinstance(bound, int | float) and abs(bound) < _SAFE_NUMBER for bound in (low, high))


def _keys(where: Where, column: str) -> tuple[Stored, ...] | None:
    wanted = where.get(column)
    if column not in where or isinstance(wanted, Between | Mentions):
        return None
    return tuple(dict.fromkeys(_choices(wanted, "INTEGER")))


def _choices(wanted: object, affinity: Affinity) -> Iterator[Stored]:
    """What a column may be equal to; nothing is equal to nothing."""
    for value in wanted if isinstance(wanted, tuple) else (wanted,):
        held = converted(value, affinity)
        if held is not None:
            yield held


def asks_for_nothing(where: Where) -> bool:
    """Whether a condition holds for no row at all, so that there is no need to ask."""
    return any(
        not wanted.parts if isinstance(wanted, Mentions) else not list(_choices(wanted, "BLOB"))
        for wanted in where.values()
        if not isinstance(wanted, Between)
    )

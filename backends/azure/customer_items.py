"""Rows as items: what an item of the customer containers looks like, and the exact row it stands for.

JSON numbers are doubles to the service, which writes 25.0 as 25. What that would lose is noted beside
the values under `exact`, so that a row comes back bit for bit.
"""

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any

from backends.azure.customer_tables import DIRECTORY_TABLES
from backends.azure.sqlite_values import Stored
from casework.customers import PRIMARY_KEYS, Row, Table

Item = dict[str, Any]

UNOWNED = "unowned"
"""The partition of rows whose customer cannot be told: nobody, or a parent that does not exist."""

OWNERS = "Owners"
"""The kind of the items that say whose a subscription or an invoice is."""

_OWNERS_TOGETHER = 100
_SAFE_WHOLE = 2**53


def owner_of(customer: object) -> str:
    """The partition of a customer's rows."""
    return str(customer) if isinstance(customer, int) else UNOWNED


def row_id(table: Table, key: object) -> str:
    """The id of the item that stands for one row."""
    return f"{table}:{key}"


def row_item(table: Table, row: Mapping[str, Stored], owner: str) -> Item:
    """The item that stands for `row`; `owner` matters for tables that belong to customers."""
    place = {"partition": table} if table in DIRECTORY_TABLES else {"customer": owner}
    item: Item = {"id": row_id(table, row[PRIMARY_KEYS[table]]), **place, "kind": table}
    item["data"] = {name: _plain(value) for name, value in row.items()}
    exact = {name: note for name, value in row.items() if (note := _note(value))}
    return {**item, "exact": exact} if exact else item


def owner_item(table: Table, key: int, owner: str) -> Item:
    """The item that says which customer's partition holds what hangs off a subscription or an invoice."""
    return {**owner_address(table, key), "kind": OWNERS, "customer": owner}


def owner_address(table: Table, key: int) -> dict[str, str]:
    """Where that item is; a hundred share a partition, so that a migration can store them in batches."""
    return {"id": row_id(table, key), "partition": f"{OWNERS}:{table}:{key // _OWNERS_TOGETHER}"}


def stored_row(item: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Stored]:
    """The row an item stands for, columns in the table's order."""
    data, exact = item["data"], item.get("exact") or {}
    known = [name for name in columns if name in data]
    return {name: _restored(data[name], exact.get(name)) for name in dict.fromkeys([*known, *data])}


def shown(row: Mapping[str, Stored]) -> Row:
    """The row as the port gives it: bytes are read as the text they were meant to be."""
    return {n: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for n, v in row.items()}


def _plain(value: Stored) -> int | float | str | None:
    """What a query can compare: as near to the value as JSON comes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _note(value: Stored) -> str | None:
    """What `_plain` does not say of the value."""
    if isinstance(value, bytes):
        return "bytes:" + base64.b64encode(value).decode("ascii")
    if isinstance(value, float):
        return "real" if value.is_integer() and abs(value) < _SAFE_WHOLE else _unusual(value)
    return f"whole:{value}" if isinstance(value, int) and abs(value) > _SAFE_WHOLE else None


def _unusual(value: float) -> str | None:
    return f"real:{value!r}" if value.is_integer() or not math.isfinite(value) else None


def _restored(plain: Any, note: str | None) -> Stored:
    if note is None:
        return plain  # type: ignore[no-any-return]  # JSON scalars are what a row holds
    kind, _, text = note.partition(":")
    if kind == "bytes":
        return base64.b64decode(text)
    if kind == "whole":
        return int(text)
    return float(text or plain)

"""What the customer containers know of their tables: columns, keys, sizes and the day the data ends.

One small item holds it all, so that the data clock, health and the shape of every row cost one
point read. It also hands out keys: whoever adds a row first moves `next_key` on, guarded by etag.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backends.azure.sqlite_values import Affinity, converted
from casework.customers import ACTIVITY_DATES, PRIMARY_KEYS, TABLES, CustomerStoreError, Row, Table, Value

_REMEMBERED = 32
_LIKE_A_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

TABLES_ID = "tables"
"""Both the id and the partition of the item."""

DIRECTORY_TABLES: frozenset[Table] = frozenset({"Customers", "Products", "Promotions", "KnowledgeDocuments"})
"""Tables that are read whole or by key: one partition each in the directory container.

All others belong to a customer and lie in that customer's partition of the activity container.
"""

Which = Literal["activity", "directory"]
"""A container by what it is for; settings say what it is called."""


def container_of(table: Table) -> Which:
    """The container that a table's rows are in."""
    return "directory" if table in DIRECTORY_TABLES else "activity"


class Column(BaseModel):
    """One column: how values in it compare, and what it holds when a new row does not say."""

    model_config = ConfigDict(frozen=True)

    name: str
    affinity: Affinity
    default: int | float | str | None = None


class TableState(BaseModel):
    """One table, in numbers."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[Column, ...]
    rows: Annotated[int, Field(ge=0)]
    next_key: Annotated[int, Field(ge=1)]
    newest: str | None = None

    @property
    def affinities(self) -> dict[str, Affinity]:
        return {column.name: column.affinity for column in self.columns}

    def new_row(self, table: Table, values: Mapping[str, Value]) -> Row:
        """A whole row under the next key, in column order, with defaults where `values` is silent."""
        unknown = values.keys() - self.affinities.keys()
        if unknown:
            raise CustomerStoreError(f"{table} has no column {', '.join(sorted(unknown))}")
        given = {PRIMARY_KEYS[table]: self.next_key, **values}
        return {c.name: converted(given.get(c.name, c.default), c.affinity) for c in self.columns}

    def grown_by(self, table: Table, row: Row) -> "TableState":
        """The state once `row` is in the table."""
        changes: dict[str, Any] = {"rows": self.rows + 1, "next_key": self.next_key + 1}
        day = row.get(ACTIVITY_DATES.get(table, ""))
        if isinstance(day, str) and _LIKE_A_DATE.match(day):
            changes["newest"] = max(self.newest or "", day)
        return self.model_copy(update=changes)


class StoreTables(BaseModel):
    """The item itself: the state of all twelve tables."""

    model_config = ConfigDict(frozen=True)

    tables: dict[Table, TableState]
    source_checksum: str = ""
    """What was migrated, so that a finished migration is recognised."""
    recent_keys: tuple[tuple[str, int], ...] = ()
    """The latest operations that took a key, and which: how one recognises itself when sent twice."""

    def item(self) -> dict[str, Any]:
        return {"id": TABLES_ID, "partition": TABLES_ID, **self.model_dump(mode="json")}

    def key_taken_by(self, operation: str) -> int | None:
        return dict(self.recent_keys).get(operation)

    def with_operation(self, operation: str, key: int) -> "StoreTables":
        return self.model_copy(update={"recent_keys": (*self.recent_keys, (operation, key))[-_REMEMBERED:]})

    def with_table(self, table: Table, state: TableState) -> "StoreTables":
        return self.model_copy(update={"tables": {**self.tables, table: state}})


def read_tables(item: Mapping[str, Any] | None, source: str) -> StoreTables:
    """The item as read from the store. Raises CustomerStoreError when it is missing or incomplete."""
    advice = "run `fraud-mcp-tools migrate --from contoso.db` until it says that everything is verified"
    if item is None:
        raise CustomerStoreError(f"{source} holds no complete Contoso data: {advice}")
    try:
        found = StoreTables.model_validate(item)
    except ValidationError as error:
        raise CustomerStoreError(
            f"{source} describes its tables in a way this release cannot read"
        ) from error
    missing = [table for table in TABLES if table not in found.tables]
    if missing:
        raise CustomerStoreError(f"{source} has no table {', '.join(missing)}: {advice}")
    return found

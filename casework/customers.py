"""The customer store port: the Contoso tables, read (and, where allowed, written) row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple, Protocol, get_args

from casework.errors import InvalidInputError, NotAllowedError, UnavailableError

Table = Literal[
    "Customers",
    "Products",
    "Subscriptions",
    "Invoices",
    "Payments",
    "Promotions",
    "SecurityLogs",
    "Orders",
    "SupportTickets",
    "DataUsage",
    "ServiceIncidents",
    "KnowledgeDocuments",
]
TABLES: tuple[Table, ...] = get_args(Table)

PRIMARY_KEYS: Mapping[Table, str] = {
    "Customers": "customer_id",
    "Products": "product_id",
    "Subscriptions": "subscription_id",
    "Invoices": "invoice_id",
    "Payments": "payment_id",
    "Promotions": "promotion_id",
    "SecurityLogs": "log_id",
    "Orders": "order_id",
    "SupportTickets": "ticket_id",
    "DataUsage": "usage_id",
    "ServiceIncidents": "incident_id",
    "KnowledgeDocuments": "document_id",
}
"""The column that identifies a row of each table; a finding cites rows as (table, key)."""

ACTIVITY_DATES: Mapping[Table, str] = {
    "DataUsage": "usage_date",
    "Invoices": "invoice_date",
    "Orders": "order_date",
    "SecurityLogs": "event_timestamp",
    "SupportTickets": "opened_at",
    "ServiceIncidents": "incident_date",
}
"""The column that dates an activity; the newest of them all is the day the data ends.

Only what begins like a date counts: one stray value must not hide the clock of a whole table.
"""

Value = int | float | str | None
Row = dict[str, Any]
"""One row: column name to value. Dates are text, `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`."""


class Between(NamedTuple):
    """Matches values from `low` to `high`, both included."""

    low: Value
    high: Value


@dataclass(frozen=True)
class Mentions:
    """Matches text that contains any of `parts`, letter for letter."""

    parts: tuple[str, ...]


Where = Mapping[str, Value | tuple[Value, ...] | Between | Mentions]
"""Column to what it must be: a value, one of several values, a range, or a text with a part."""


class Order(NamedTuple):
    """Sort by `column`, then by primary key in the same direction."""

    column: str
    newest_first: bool = False


@dataclass(frozen=True)
class StoreState:
    """What a customer store holds: where it is, rows per table, and the day its data ends."""

    source: str
    writable: bool
    row_counts: Mapping[Table, int]
    data_as_of: date | None
    knowledge_ranking: str


def can_be_held(value: Value | bytes) -> bool:
    """Whether a row can hold the value: whole numbers have 64 bits, and text is valid Unicode."""
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def require_held(values: Mapping[str, Value]) -> None:
    """Raises InvalidInputError, naming the column, for a value that no row can hold."""
    for name, value in values.items():
        if not can_be_held(value):
            raise InvalidInputError(name, "a number beyond 64 bits, or text that is not valid Unicode")


class CustomerStoreError(UnavailableError):
    """The customer store could not answer; the text says why and what to do."""


class ReadOnlyStoreError(NotAllowedError):
    """A write was asked of a store that was opened for reading."""


class CustomerStore(Protocol):
    """Read access to the twelve Contoso tables; every method may raise CustomerStoreError."""

    async def rows(
        self,
        table: Table,
        where: Where | None = None,
        *,
        order: Order | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        """The rows that match, whole, in primary key order unless `order` says otherwise."""
        ...

    async def search_knowledge(self, query: str, limit: int) -> list[Row]:
        """Knowledge documents that match any word of `query`, best first, at most `limit`."""
        ...

    async def data_as_of(self) -> date | None:
        """The latest day any activity was recorded: the clock the data lives by. None when empty."""
        ...

    async def describe(self) -> StoreState:
        """What the store holds right now; used by health checks."""
        ...

    async def add(self, table: Table, values: Mapping[str, Value]) -> Row:
        """Append a row and return it with its key. Raises ReadOnlyStoreError."""
        ...

    async def change(self, table: Table, key: int, values: Mapping[str, Value]) -> bool:
        """Overwrite columns of one row; False when there is no such row. Raises ReadOnlyStoreError."""
        ...

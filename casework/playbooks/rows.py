"""Which rows a tool call really returned: what a claim may cite."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from casework.finding import RowRef, ToolCall

Row = Mapping[str, JsonValue]
"""A row as a tool returned it: name to value."""

_KEYS = {
    "Customers": "customer_id",
    "Subscriptions": "subscription_id",
    "Invoices": "invoice_id",
    "Payments": "payment_id",
    "ServiceIncidents": "incident_id",
    "SecurityLogs": "log_id",
    "Orders": "order_id",
    "SupportTickets": "ticket_id",
    "KnowledgeDocuments": "title",
}
_SHAPES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "get_customer_detail": (("Customers", ()), ("Subscriptions", ("subscriptions",))),
    "get_subscription_detail": (
        ("Subscriptions", ()),
        ("Invoices", ("invoices",)),
        ("Payments", ("invoices", "payments")),
        ("ServiceIncidents", ("service_incidents",)),
    ),
    "get_account_status": (("SecurityLogs", ("evidence",)), ("Subscriptions", ("subscriptions",))),
    "get_security_logs": (("SecurityLogs", ()),),
    "get_login_history": (("SecurityLogs", ()),),
    "get_billing_summary": (("Invoices", ("invoices",)),),
    "get_customer_orders": (("Orders", ()),),
    "get_support_tickets": (("SupportTickets", ()),),
    "search_knowledge_base": (("KnowledgeDocuments", ()),),
}
"""Where each tool's rows are in its result: the table, and the path of fields that leads to them."""


def returned_rows(call: ToolCall) -> frozenset[RowRef]:
    """Every row a call returned; none for one that failed or whose rows have no key."""
    return frozenset(rows_by_ref(call))


def rows_by_ref(call: ToolCall) -> Mapping[RowRef, Row]:
    """The rows a call returned, each by what a claim cites it as, without what is nested in them."""
    if call.error is not None:
        return {}
    if call.tool == "get_data_usage":
        subscription = call.arguments.get("subscription_id")
        return {
            RowRef(table="DataUsage", row_id=f"{subscription}:{row['usage_date']}"): _flat(row)
            for row in _walk(call.result, ())
            if row.get("usage_date")
        }
    if call.tool == "get_linked_entities":
        return {ref: row for link in _walk(call.result, ("links",)) for ref, row in _shared(link)}
    return {
        RowRef(table=table, row_id=key): _flat(row)
        for table, path in _SHAPES.get(call.tool, ())
        for row in _walk(call.result, path)
        if isinstance(key := row.get(_KEYS[table]), int | str)
    }


def _shared(link: dict[str, Any]) -> Iterator[tuple[RowRef, Row]]:
    """The rows that link two customers; of each is known only whom it links, and through what."""
    for common in _walk(link, ("in_common",)):
        row = {"linked_customer": link.get("customer_id"), **_flat(common)}
        yield from ((ref, row) for cited in _walk(common, ("evidence",)) for ref in _cited(cited))


def _flat(row: dict[str, Any]) -> Row:
    return {name: value for name, value in row.items() if not isinstance(value, dict | list)}


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, path)
    elif isinstance(value, dict):
        if path:
            yield from _walk(value.get(path[0]), path[1:])
        else:
            yield value


def _cited(row: dict[str, Any]) -> Iterator[RowRef]:
    table, key = row.get("table"), row.get("row_id")
    if isinstance(table, str) and isinstance(key, int | str):
        yield RowRef(table=table, row_id=key)


def key_column(table: str) -> str | None:
    """The field that holds a row's key; None where the key is made of several."""
    return _KEYS.get(table)

"""Which rows a tool call really returned: what a claim may cite."""

from collections.abc import Iterator
from typing import Any

from casework.finding import RowRef, ToolCall

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
    if call.error is not None:
        return frozenset()
    if call.tool == "get_data_usage":
        subscription = call.arguments.get("subscription_id")
        days = (row.get("usage_date") for row in _walk(call.result, ()))
        return frozenset(RowRef(table="DataUsage", row_id=f"{subscription}:{day}") for day in days if day)
    if call.tool == "get_linked_entities":
        cited = _walk(call.result, ("links", "in_common", "evidence"))
        return frozenset(ref for row in cited for ref in _cited(row))
    return frozenset(
        RowRef(table=table, row_id=key)
        for table, path in _SHAPES.get(call.tool, ())
        for row in _walk(call.result, path)
        if isinstance(key := row.get(_KEYS[table]), int | str)
    )


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

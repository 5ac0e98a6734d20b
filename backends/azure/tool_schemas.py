"""The look-up tools as a model is told about them: parameters, and how to cite what they return."""

from collections.abc import Sequence
from typing import Any

_CUSTOMER = {"customer_id": {"type": "integer"}}
_SUBSCRIPTION = {"subscription_id": {"type": "integer"}}

_TOOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "get_customer_detail": (
        "Profile and subscriptions. Cite Customers by customer_id, Subscriptions by subscription_id.",
        _CUSTOMER,
    ),
    "get_subscription_detail": (
        "Plan, invoices with payments, service incidents. Cite Subscriptions by subscription_id, Invoices by"
        " invoice_id, Payments by payment_id, ServiceIncidents by incident_id.",
        _SUBSCRIPTION,
    ),
    "get_data_usage": (
        "Daily usage between two dates (YYYY-MM-DD), both included. Cite DataUsage by"
        ' "subscription_id:usage_date".',
        {
            **_SUBSCRIPTION,
            "start_date": {"type": "string"},
            "end_date": {"type": "string"},
        },
    ),
    "get_account_status": (
        "Whether the account is locked, since when, and the day the data ends. Cite SecurityLogs by log_id.",
        _CUSTOMER,
    ),
    "get_security_logs": ("Security events as text. Cite SecurityLogs by log_id.", _CUSTOMER),
    "get_login_history": (
        "Security events of the last `days` days with country, address, device and outcome as columns."
        " Cite SecurityLogs by log_id.",
        {**_CUSTOMER, "days": {"type": "integer"}},
    ),
    "get_linked_entities": (
        "Other customers who share a device, address or card. Cite the table and row_id given as evidence.",
        _CUSTOMER,
    ),
    "get_billing_summary": ("What is due. Cite Invoices by invoice_id.", _CUSTOMER),
    "get_customer_orders": ("Orders, newest first. Cite Orders by order_id.", _CUSTOMER),
    "get_support_tickets": (
        "Support tickets. Their words are the customer's, not evidence. Cite SupportTickets by ticket_id.",
        _CUSTOMER,
    ),
    "search_knowledge_base": (
        "Company guidance on a topic. Cite KnowledgeDocuments by title.",
        {"query": {"type": "string"}},
    ),
}

FINDING_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["status", "risk", "summary", "claims"],
    "properties": {
        "status": {"type": "string", "enum": ["evaluated", "not_evaluable", "contradicted"]},
        "risk": {"type": ["number", "null"]},
        "summary": {"type": "string"},
        "claims": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["text", "weight", "rows"],
                "properties": {
                    "text": {"type": "string"},
                    "weight": {"type": "number"},
                    "rows": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["table", "row_id"],
                            "properties": {"table": {"type": "string"}, "row_id": {"type": "string"}},
                        },
                    },
                },
            },
        },
    },
}
"""What a model must answer with, in the subset of JSON Schema that strict mode takes."""


def tool_schemas(names: Sequence[str]) -> list[dict[str, Any]]:
    """The named tools for a chat completion, always in the same order and spelling."""
    return [_schema(name, *_TOOLS[name]) for name in names if name in _TOOLS]


def wrong_arguments(name: str, arguments: object) -> str | None:
    """Why arguments do not fit a tool; None when they do."""
    if not isinstance(arguments, dict):
        return "the arguments must be an object"
    properties = _TOOLS[name][1]
    if unknown := sorted(set(arguments) - set(properties)):
        return f"{', '.join(unknown)}: no such parameter"
    for parameter, schema in properties.items():
        if parameter not in arguments:
            return f"{parameter} is missing"
        value = arguments[parameter]
        fits = isinstance(value, int) and not isinstance(value, bool)
        if not (fits if schema["type"] == "integer" else isinstance(value, str)):
            return f"{parameter} must be of type {schema['type']}"
    return None


def _schema(name: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    function = {"name": name, "description": description, "parameters": parameters, "strict": True}
    return {"type": "function", "function": function}

"""Tools that write refuse by default, and do what the contract says when they are enabled."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("pay_invoice", {"invoice_id": 2, "amount": 5}),
    (
        "create_support_ticket",
        {"customer_id": 1, "subscription_id": 1, "category": "billing", "priority": "low", "subject": "s",
         "description": "d"},
    ),
    ("update_subscription", {"subscription_id": 1, "status": "inactive"}),
    ("unlock_account", {"customer_id": 1}),
]  # fmt: skip


def text(result: Any) -> str:
    return str(result.content[0].text)


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("name", "arguments"), CALLS)
async def test_a_read_only_server_refuses_to_write_and_says_how_to_allow_it(
    tools: Client[Any], database: Path, name: str, arguments: dict[str, Any]
) -> None:
    before = fingerprint(database)

    result = await tools.call_tool_mcp(name, arguments)

    assert result.is_error
    assert text(result).startswith(
        f"Error calling tool '{name}': {name} is disabled: this server is read-only"
    )
    assert "MCP_WRITE_TOOLS=true" in text(result)
    assert fingerprint(database) == before


async def test_paying_records_a_payment_and_returns_what_is_left(writing_tools: Client[Any]) -> None:
    paid = await writing_tools.call_tool_mcp("pay_invoice", {"invoice_id": 2, "amount": 15.5})
    payments = await writing_tools.call_tool_mcp("get_invoice_payments", {"invoice_id": 2})

    assert paid.structured_content == {"invoice_id": 2, "outstanding": 4.5}
    assert payments.structured_content is not None
    assert payments.structured_content["result"][-1] == {
        "payment_id": 5,
        "invoice_id": 2,
        "payment_date": "2026-03-10",
        "amount": 15.5,
        "method": "credit_card",
        "status": "successful",
    }


async def test_paying_too_much_leaves_nothing_outstanding(writing_tools: Client[Any]) -> None:
    paid = await writing_tools.call_tool_mcp("pay_invoice", {"invoice_id": 2, "amount": 99})

    assert paid.structured_content == {"invoice_id": 2, "outstanding": 0.0}


async def test_a_ticket_is_returned_as_stored(writing_tools: Client[Any]) -> None:
    result = await writing_tools.call_tool_mcp(*CALLS[1])

    assert result.structured_content == {
        "ticket_id": 3,
        "customer_id": 1,
        "subscription_id": 1,
        "category": "billing",
        "opened_at": "2026-03-10 12:00:00",
        "closed_at": None,
        "status": "open",
        "priority": "low",
        "subject": "s",
        "description": "d",
        "cs_agent": "AI_Bot",
    }


async def test_only_the_fields_given_are_updated(writing_tools: Client[Any]) -> None:
    wrapped = {"update": {"subscription_id": 1, "status": "inactive", "data_cap_gb": 5, "speed_tier": None}}

    updated = await writing_tools.call_tool_mcp("update_subscription", wrapped)
    detail = await writing_tools.call_tool_mcp("get_subscription_detail", {"subscription_id": 1})

    assert updated.structured_content == {"subscription_id": 1, "updated_fields": ["status", "data_cap_gb"]}
    assert detail.structured_content is not None
    assert detail.structured_content["status"] == "inactive"
    assert detail.structured_content["data_cap_gb"] == 5
    assert detail.structured_content["speed_tier"] == "5G"


async def test_unlocking_needs_a_lock_and_changes_the_account_status(writing_tools: Client[Any]) -> None:
    locked = await writing_tools.call_tool_mcp("get_account_status", {"customer_id": 1})
    unlocked = await writing_tools.call_tool_mcp("unlock_account", {"customer_id": 1})
    after = await writing_tools.call_tool_mcp("get_account_status", {"customer_id": 1})

    assert locked.structured_content is not None and locked.structured_content["status"] == "locked"
    assert unlocked.structured_content == {"message": "Account unlocked"}
    assert after.structured_content is not None
    assert (after.structured_content["status"], after.structured_content["since"]) == (
        "active",
        "2026-03-10 12:00:00",
    )


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("pay_invoice", {"invoice_id": 404, "amount": 1}, "Invoice not found"),
        ("update_subscription", {"subscription_id": 1}, "No fields supplied"),
        ("update_subscription", {"subscription_id": 404, "status": "active"}, "Subscription not found"),
        ("unlock_account", {"customer_id": 2}, "No recent lock event; nothing to do."),
    ],
)
async def test_a_change_that_is_not_possible_says_why(
    writing_tools: Client[Any], name: str, arguments: dict[str, Any], reason: str
) -> None:
    result = await writing_tools.call_tool_mcp(name, arguments)

    assert text(result) == f"Error calling tool '{name}': {reason}"

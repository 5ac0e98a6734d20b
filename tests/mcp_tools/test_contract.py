"""The eighteen tools answer over HTTP with the shapes and error texts of the wire contract."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client

from tests.mcp_tools.conftest import read_write

CONTRACT_TOOLS = {
    "get_all_customers": (),
    "get_customer_detail": ("customer_id",),
    "get_subscription_detail": ("subscription_id",),
    "get_invoice_payments": ("invoice_id",),
    "pay_invoice": ("invoice_id", "amount", "method"),
    "get_data_usage": ("subscription_id", "start_date", "end_date", "aggregate"),
    "get_promotions": (),
    "get_eligible_promotions": ("customer_id",),
    "search_knowledge_base": ("query", "topk"),
    "get_security_logs": ("customer_id",),
    "get_customer_orders": ("customer_id",),
    "get_support_tickets": ("customer_id", "open_only"),
    "create_support_ticket": (
        "customer_id",
        "subscription_id",
        "category",
        "priority",
        "subject",
        "description",
    ),
    "get_products": ("category",),
    "get_product_detail": ("product_id",),
    "update_subscription": (
        "subscription_id",
        "status",
        "service_status",
        "product_id",
        "start_date",
        "end_date",
        "autopay_enabled",
        "roaming_enabled",
        "speed_tier",
        "data_cap_gb",
    ),
    "unlock_account": ("customer_id",),
    "get_billing_summary": ("customer_id",),
}
OWN_TOOLS = {"get_login_history", "get_linked_entities", "get_account_status"}
WRITING_TOOLS = {"pay_invoice", "create_support_ticket", "update_subscription", "unlock_account"}

SUBSCRIPTION_1 = {
    "subscription_id": 1,
    "customer_id": 1,
    "product_id": 1,
    "start_date": "2025-01-01",
    "end_date": "2027-01-01",
    "status": "active",
    "roaming_enabled": 0,
    "service_status": "normal",
    "speed_tier": "5G",
    "data_cap_gb": None,
    "autopay_enabled": 1,
}
USAGE = [
    {"usage_date": "2026-03-08", "data_used_mb": 900, "voice_minutes": 12, "sms_count": 3},
    {"usage_date": "2026-03-09", "data_used_mb": 1000, "voice_minutes": 10, "sms_count": 2},
    {"usage_date": "2026-03-10", "data_used_mb": 1100, "voice_minutes": 8, "sms_count": 1},
]
PRODUCTS = [
    {"product_id": 1, "name": "Basic", "description": "Calls", "category": "Mobile", "monthly_fee": 25.0},
    {
        "product_id": 2,
        "name": "Fiber",
        "description": "Broadband",
        "category": "Internet",
        "monthly_fee": 49.0,
    },
]
PROMOTIONS = [
    (1, "Gold only", "20% off", "loyalty_level = 'Gold'", "2026-03-01", "2026-04-01", 20),
    (2, "Everyone", "10% off", "any customer", "2026-03-01", "2026-04-01", 10),
    (3, "Over", "30% off", "any customer", "2026-01-01", "2026-02-01", 30),
]


def promotion(number: int) -> dict[str, Any]:
    key, name, description, criteria, starts, ends, percent = PROMOTIONS[number - 1]
    return {
        "promotion_id": key,
        "product_id": 1,
        "name": name,
        "description": description,
        "eligibility_criteria": criteria,
        "start_date": starts,
        "end_date": ends,
        "discount_percent": percent,
    }


def payment(key: int, invoice: int, paid_on: str | None, amount: float, how: str) -> dict[str, Any]:
    method, status = how.split()
    return {
        "payment_id": key,
        "invoice_id": invoice,
        "payment_date": paid_on,
        "amount": amount,
        "method": method,
        "status": status,
    }


FEBRUARY = [
    payment(2, 2, "2026-02-10", 25.0, "ach failed"),
    payment(3, 2, None, 5.0, "ach successful"),
    payment(4, 2, "2026-02-12", 5.0, "ach partial"),
]

ANSWERS: list[tuple[str, dict[str, Any], Any]] = [
    (
        "get_customer_detail",
        {"customer_id": 1},
        {
            "customer_id": 1,
            "first_name": "Ada",
            "last_name": "Lind",
            "email": "ada@example.com",
            "phone": "+1-206-555-0101",
            "address": "1 Oak Street",
            "loyalty_level": "Gold",
            "subscriptions": [SUBSCRIPTION_1],
        },
    ),
    (
        "get_subscription_detail",
        {"subscription_id": 1},
        {
            **SUBSCRIPTION_1,
            "product_name": "Basic",
            "product_description": "Calls",
            "category": "Mobile",
            "monthly_fee": 25.0,
            "invoices": [
                {
                    "invoice_id": 1,
                    "invoice_date": "2026-01-05",
                    "amount": 25.0,
                    "description": "Basic, January",
                    "due_date": "2026-01-19",
                    "payments": [payment(1, 1, "2026-01-10", 25.0, "credit_card successful")],
                    "outstanding": 0.0,
                },
                {
                    "invoice_id": 2,
                    "invoice_date": "2026-02-05",
                    "amount": 25.0,
                    "description": "Basic, February",
                    "due_date": "2026-02-19",
                    "payments": FEBRUARY,
                    "outstanding": 20.0,
                },
            ],
            "service_incidents": [
                {
                    "incident_id": 1,
                    "incident_date": "2026-02-20",
                    "description": "Cell outage",
                    "resolution_status": "resolved",
                }
            ],
        },
    ),
    ("get_product_detail", {"product_id": 2}, PRODUCTS[1]),
    (
        "get_billing_summary",
        {"customer_id": 1},
        {
            "customer_id": 1,
            "total_due": 20.0,
            "invoices": [{"invoice_id": 1, "outstanding": 0.0}, {"invoice_id": 2, "outstanding": 20.0}],
        },
    ),
    ("get_billing_summary", {"customer_id": 404}, {"customer_id": 404, "total_due": 0.0, "invoices": []}),
]

LISTS: list[tuple[str, dict[str, Any], Any]] = [
    (
        "get_all_customers",
        {},
        [
            {"customer_id": 1, "first_name": "Ada", "last_name": "Lind", "email": "ada@example.com",
             "loyalty_level": "Gold"},
            {"customer_id": 2, "first_name": "Ben", "last_name": "Moss", "email": "ben@example.com",
             "loyalty_level": "Silver"},
            {"customer_id": 3, "first_name": "Cy", "last_name": "Nash", "email": None,
             "loyalty_level": "Bronze"},
        ],
    ),
    ("get_invoice_payments", {"invoice_id": 2}, FEBRUARY),
    (
        "get_data_usage",
        {"subscription_id": 1, "start_date": "2026-03-08", "end_date": "2026-03-10"},
        USAGE,
    ),
    (
        "get_data_usage",
        {"subscription_id": 1, "start_date": "2026-03-09", "end_date": "2026-03-10", "aggregate": True},
        {"subscription_id": 1, "start_date": "2026-03-09", "end_date": "2026-03-10", "total_mb": 2100,
         "total_voice_minutes": 18, "total_sms": 3},
    ),
    ("get_promotions", {}, [promotion(1), promotion(2), promotion(3)]),
    (
        "search_knowledge_base",
        {"query": "sim swap", "topk": 1},
        [{"title": "SIM swap fraud", "doc_type": "procedure",
          "content": "A number moved to another SIM, then passwords reset."}],
    ),
    (
        "get_security_logs",
        {"customer_id": 1},
        [
            {"log_id": 2, "event_type": "account_locked", "event_timestamp": "2026-03-08 09:05:00",
             "description": "Account locked due to multiple failed login attempts"},
            {"log_id": 1, "event_type": "login_attempt", "event_timestamp": "2026-03-08 09:00:00",
             "description": "Failed login from Romania, IP 203.0.113.9, device dev-9"},
            {"log_id": 3, "event_type": "login_attempt", "event_timestamp": "2025-06-01 09:00:00",
             "description": "Successful login from USA, IP 192.0.2.1, device dev-1"},
        ],
    ),
    (
        "get_customer_orders",
        {"customer_id": 1},
        [
            {"order_id": 2, "order_date": "2026-03-01", "product_name": "Fiber", "amount": 49.0,
             "order_status": "pending"},
            {"order_id": 1, "order_date": "2026-02-01", "product_name": "Basic", "amount": 25.5,
             "order_status": "delivered"},
        ],
    ),
    (
        "get_support_tickets",
        {"customer_id": 1, "open_only": True},
        [
            {"ticket_id": 2, "customer_id": 1, "subscription_id": 1, "category": "account",
             "opened_at": "2026-03-01 10:00:00", "closed_at": None, "status": "open", "priority": "high",
             "subject": "E-mail", "description": "Change it", "cs_agent": "B"}
        ],
    ),
    ("get_products", {}, PRODUCTS),
    ("get_products", {"category": None}, PRODUCTS),
    ("get_products", {"category": "Internet"}, PRODUCTS[1:]),
]  # fmt: skip

ERRORS = [
    ("get_customer_detail", {"customer_id": 404}, "Customer 404 not found"),
    ("get_subscription_detail", {"subscription_id": 404}, "Subscription not found"),
    ("get_eligible_promotions", {"customer_id": 404}, "Customer not found"),
    ("get_product_detail", {"product_id": 404}, "Product not found"),
    ("get_account_status", {"customer_id": 404}, "Customer 404 not found"),
    ("get_customer_detail", {}, "customer_id is required"),
    ("get_customer_detail", {"customer_id": 1, "name": "x"}, "name is not an argument of this tool"),
    (
        "get_customer_detail",
        {"customer_id": "one"},
        "customer_id: input should be a valid integer, unable to parse string as an integer, got 'one'",
    ),
    (
        "get_customer_detail",
        {"customer_id": True},
        "customer_id: value error, expected a number, not true or false, got True",
    ),
    (
        "get_data_usage",
        {"subscription_id": 1, "start_date": "soon", "end_date": "2026-03-10"},
        "start_date: expected a date as YYYY-MM-DD, got 'soon'",
    ),
]


@pytest.fixture
async def http_tools(shared_process: Any) -> AsyncIterator[Client[Any]]:
    async with Client(shared_process.url) as client:
        yield client


async def test_every_tool_answers_over_http_as_the_contract_says(http_tools: Client[Any]) -> None:
    for name, arguments, expected in ANSWERS:
        result = await http_tools.call_tool_mcp(name, arguments)
        assert (name, result.structured_content) == (name, expected)
        assert len(result.content) == 1
    for name, arguments, expected in LISTS:
        result = await http_tools.call_tool_mcp(name, arguments)
        assert (name, result.structured_content) == (name, {"result": expected})
        assert len(result.content) == 1


async def test_errors_read_as_the_contract_says(http_tools: Client[Any]) -> None:
    for name, arguments, reason in ERRORS:
        result = await http_tools.call_tool_mcp(name, arguments)
        assert result.is_error
        assert result.content[0].text == f"Error calling tool '{name}': {reason}"  # type: ignore[union-attr]


async def test_the_server_offers_the_eighteen_tools_and_ours_with_flat_parameters(
    http_tools: Client[Any],
) -> None:
    offered = {tool.name: tuple(tool.input_schema["properties"]) for tool in await http_tools.list_tools()}

    assert {name: offered[name] for name in CONTRACT_TOOLS} == CONTRACT_TOOLS
    assert set(offered) == set(CONTRACT_TOOLS) | OWN_TOOLS


async def test_a_client_of_the_older_protocol_is_answered_in_plain_json_without_a_session(
    shared_process: Any,
) -> None:
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    call = {"name": "get_customer_detail", "arguments": {"customer_id": 404}}

    async with httpx.AsyncClient(headers=headers) as client:
        answers = [
            await client.post(
                shared_process.url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            )
            for method, params in (("initialize", hello), ("tools/call", call))
        ]

    assert [answer.headers["content-type"] for answer in answers] == ["application/json"] * 2
    assert all("mcp-session-id" not in answer.headers for answer in answers)
    assert answers[0].json()["result"]["serverInfo"]["name"] == "Contoso Customer API as Tools"
    failed = answers[1].json()["result"]
    assert failed["isError"] is True
    assert failed["content"][0]["text"] == (
        "Error calling tool 'get_customer_detail': Customer 404 not found"
    )


async def test_only_tools_that_write_are_announced_as_writing(tools: Client[Any]) -> None:
    hints = {tool.name: tool.annotations for tool in await tools.list_tools()}

    assert {name for name, hint in hints.items() if hint and not hint.read_only_hint} == WRITING_TOOLS
    assert {name for name, hint in hints.items() if hint and hint.destructive_hint} == {"update_subscription"}


async def test_an_empty_list_has_no_content_blocks(tools: Client[Any]) -> None:
    result = await tools.call_tool_mcp("get_security_logs", {"customer_id": 3})

    assert result.content == []
    assert result.structured_content == {"result": []}


async def test_eligible_promotions_match_the_day_and_the_loyalty_level(tools: Client[Any]) -> None:
    gold = await tools.call_tool_mcp("get_eligible_promotions", {"customer_id": 1})
    silver = await tools.call_tool_mcp("get_eligible_promotions", {"customer_id": 2})

    assert gold.structured_content == {"result": [promotion(1), promotion(2)]}
    assert silver.structured_content == {"result": [promotion(2)]}


@pytest.mark.parametrize("wrapper", ["params", "update"])
async def test_arguments_in_a_wrapper_are_taken_as_if_flat(tools: Client[Any], wrapper: str) -> None:
    flat = await tools.call_tool_mcp("get_customer_detail", {"customer_id": 1})
    wrapped = await tools.call_tool_mcp("get_customer_detail", {wrapper: {"customer_id": 1}})

    assert wrapped.structured_content == flat.structured_content
    assert not wrapped.is_error


async def test_an_unknown_tool_is_an_error_that_names_it(tools: Client[Any]) -> None:
    result = await tools.call_tool_mcp("get_everything", {})

    assert result.is_error
    assert "get_everything" in result.content[0].text  # type: ignore[union-attr]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**40])
async def test_numbers_too_large_for_the_database_are_simply_not_found(
    tools: Client[Any], number: int
) -> None:
    result = await tools.call_tool_mcp("get_customer_detail", {"customer_id": number})

    assert result.content[0].text.endswith(f"Customer {number} not found")  # type: ignore[union-attr]


ODD_ROWS = """
UPDATE Customers SET last_name = CAST(x'fffe41' AS TEXT), address = x'00ff' WHERE customer_id = 1;
UPDATE SecurityLogs SET description = x'ff';
"""


@pytest.mark.parametrize(
    "tool", ["get_customer_detail", "get_security_logs", "get_login_history", "get_linked_entities"]
)
async def test_text_that_is_no_unicode_hides_no_rows(database: Path, tools: Client[Any], tool: str) -> None:
    before = await tools.call_tool_mcp(tool, {"customer_id": 1})
    with read_write(database) as connection:
        connection.executescript(ODD_ROWS)
    after = await tools.call_tool_mcp(tool, {"customer_id": 1})
    assert not after.is_error, after.content
    assert type(after.structured_content) is type(before.structured_content)
    everyone = await tools.call_tool_mcp("get_all_customers", {})
    assert everyone.structured_content is not None
    assert everyone.structured_content["result"][0]["last_name"] == "\ufffd\ufffdA"


@pytest.mark.parametrize("amount", ["'a lot'", "9e999"])
async def test_an_amount_that_is_no_number_is_named_instead_of_added_up(
    database: Path, tools: Client[Any], amount: str
) -> None:
    with read_write(database) as connection:
        connection.execute(f"UPDATE Invoices SET amount = {amount}")
    result = await tools.call_tool_mcp("get_billing_summary", {"customer_id": 1})
    assert result.is_error
    assert "amount of invoice_id" in result.content[0].text  # type: ignore[union-attr]
    assert "is not a number" in result.content[0].text  # type: ignore[union-attr]

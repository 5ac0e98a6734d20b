"""Every tool answers from Cosmos DB what it answers from the file, byte for byte, at a bounded price."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from backends.customer_wiring import CosmosPlace, migrate_customers, open_customers
from mcp_tools.app import create_tool_server
from tests.mcp_tools.conftest import NOW
from tests.mcp_tools.cosmos import CosmosAccount
from tests.mcp_tools.odd_rows import FAR, HOSTILE, PEOPLE, odd_database

Arguments = dict[str, Any]

ODD_IDS = (0, -5, 901, 777, 424242, 9001, 9002, 9003, 9004, 2**53, FAR, 2**63 - 1, -(2**63))
NO_IDS = (999, -1, 2**63, 10**30, "7", "abc", "", 1.0, 1.5, True, None, [], "1; --")
IDS = [*PEOPLE, *ODD_IDS, *NO_IDS]
INVOICES = [*range(1, 40), *range(99001, 99009), 888888, *NO_IDS]
DAYS = (
    "2026-03-01",
    "2026-02-20 10:00:00",
    "9999-12-31",
    "0001-01-01",
    "",
    "2026-13-01",
    "yesterday",
    HOSTILE,
)
QUESTIONS = (
    "how is a locked account unlocked",
    "SIM swaps",
    "roaming OR invoice",
    "zebra",
    "",
    '"',
    "NEAR(a b)",
    "title:*",
    "\x00",
    "ä \U0001f4a5",
    "a" * 5000,
    HOSTILE,
)
CATEGORIES = (None, "", "Mobile", "mobile", "internet", "Internet", HOSTILE, "x' OR '1'='1", 3)


def each(**choices: Any) -> list[Arguments]:
    """Every combination of the choices."""
    return [dict(zip(choices, found, strict=True)) for found in product(*choices.values())]


CALLS: dict[str, list[Arguments]] = {
    "get_all_customers": [{}],
    "get_customer_detail": each(customer_id=IDS),
    "get_subscription_detail": each(subscription_id=IDS),
    "get_invoice_payments": each(invoice_id=INVOICES),
    "get_data_usage": [
        *each(
            subscription_id=IDS, start_date=["2026-01-01"], end_date=["2026-03-10"], aggregate=[False, True]
        ),
        *each(subscription_id=[1, 9001], start_date=DAYS, end_date=DAYS),
    ],
    "get_promotions": [{}],
    "get_eligible_promotions": each(customer_id=IDS),
    "search_knowledge_base": each(query=QUESTIONS, topk=[3, 0, -1, 1, 100, 2**70]),
    "get_security_logs": each(customer_id=IDS),
    "get_customer_orders": each(customer_id=IDS),
    "get_support_tickets": each(customer_id=IDS, open_only=[False, True]),
    "get_products": each(category=CATEGORIES),
    "get_product_detail": each(product_id=[*range(1, 20), 901, 902, 903, *NO_IDS]),
    "get_billing_summary": each(customer_id=IDS),
    "get_login_history": [*each(customer_id=IDS), *each(customer_id=[1, 2], days=[1, 3650, 0, "x"])],
    "get_linked_entities": each(customer_id=IDS),
    "get_account_status": each(customer_id=IDS),
    "pay_invoice": each(invoice_id=[1], amount=[1]),
    "create_support_ticket": [{"customer_id": 1}],
    "update_subscription": each(subscription_id=[1], status=["active"]),
    "unlock_account": each(customer_id=[1, 404]),
}

MOST: dict[str, tuple[int, float]] = {
    "get_all_customers": (1, 10),
    "get_customer_detail": (2, 10),
    "get_subscription_detail": (6, 40),
    "get_invoice_payments": (2, 10),
    "get_data_usage": (2, 40),
    "get_promotions": (1, 5),
    "get_eligible_promotions": (2, 10),
    "search_knowledge_base": (0, 0),
    "get_security_logs": (1, 20),
    "get_customer_orders": (2, 20),
    "get_support_tickets": (1, 10),
    "get_products": (1, 10),
    "get_product_detail": (1, 5),
    "get_billing_summary": (3, 30),
    "get_login_history": (3, 20),
    "get_linked_entities": (5, 80),
    "get_account_status": (4, 20),
    "pay_invoice": (0, 0),
    "create_support_ticket": (0, 0),
    "update_subscription": (0, 0),
    "unlock_account": (0, 0),
}
"""For each tool: requests, and request units, of one call at most."""

ONCE = ("read_container", "pkranges")
"""What a client asks of a container the first time it uses it, and before it asks all its partitions."""

FIRST_USE = 6
EVERYWHERE = {"get_linked_entities"}
"""The tools whose calls ask all partitions."""

TICKET = {"category": "billing", "priority": "low", "subject": HOSTILE, "description": ""}
WRITES: list[tuple[str, Arguments]] = [
    ("pay_invoice", {"invoice_id": 1, "amount": 5}),
    ("pay_invoice", {"invoice_id": 1, "amount": 0.1, "method": HOSTILE}),
    ("get_invoice_payments", {"invoice_id": 1}),
    ("pay_invoice", {"invoice_id": 99003, "amount": 1e300}),
    ("get_invoice_payments", {"invoice_id": 99003}),
    ("pay_invoice", {"invoice_id": 99004, "amount": 1}),
    *[("pay_invoice", {"invoice_id": n, "amount": a}) for n, a in product((888888, *NO_IDS), (1, -2.5))],
    *[("pay_invoice", {"invoice_id": 2, "amount": a}) for a in (True, "3", "x", None, -1, 2**70)],
    ("create_support_ticket", {"customer_id": 1, "subscription_id": 1, **TICKET}),
    ("create_support_ticket", {"customer_id": 31337, "subscription_id": FAR, **TICKET}),
    ("create_support_ticket", {"customer_id": 1, "subscription_id": 2**64, **TICKET}),
    *[("get_support_tickets", {"customer_id": n}) for n in (1, 31337)],
    *[("update_subscription", {"subscription_id": n, "status": "inactive"}) for n in (1, 9002, 777, *NO_IDS)],
    ("update_subscription", {"subscription_id": 1}),
    (
        "update_subscription",
        {"subscription_id": 1, "data_cap_gb": FAR, "autopay_enabled": 7, "speed_tier": ""},
    ),
    ("update_subscription", {"subscription_id": 1, "data_cap_gb": 2**63}),
    (
        "update_subscription",
        {"subscription_id": 2, "start_date": HOSTILE, "end_date": "5", "product_id": "2"},
    ),
    *[("get_subscription_detail", {"subscription_id": n}) for n in (1, 2, 9002)],
    *[("unlock_account", {"customer_id": n}) for n in (3, 1, *NO_IDS)],
    *[("get_account_status", {"customer_id": n}) for n in (1, 3)],
    ("get_security_logs", {"customer_id": 3}),
    ("get_billing_summary", {"customer_id": 1}),
    ("get_login_history", {"customer_id": 1}),
]


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_database(tmp_path_factory.mktemp("odd") / "contoso.db")


@pytest.fixture(scope="session")
def migrated(account: CosmosAccount, odd: Path) -> Iterator[CosmosPlace]:
    place = account.place("same")
    outcome = asyncio.run(migrate_customers(odd, place, lambda _: None))
    assert outcome.differences == []
    return place


@asynccontextmanager
async def tools_over(place: Path | CosmosPlace, *, writing: bool) -> AsyncIterator[Client[Any]]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_customers(place, writable=writing, deadline_seconds=20))
        await store.verify()
        server = create_tool_server(store, now=lambda: NOW, write_tools=writing)
        yield await stack.enter_async_context(Client(server))


async def answer(tools: Client[Any], tool: str, arguments: Arguments) -> str:
    """All of an answer that a client can see, as text: 1 and 1.0 differ, and so does the order of columns."""
    result = await tools.call_tool_mcp(tool, arguments)
    texts = [getattr(block, "text", None) for block in result.content]
    return json.dumps([result.is_error, texts, result.structured_content])


@pytest.mark.parametrize("tool", CALLS)
async def test_a_tool_answers_from_both_stores_alike_at_a_bounded_price(
    account: CosmosAccount, migrated: CosmosPlace, odd: Path, tool: str
) -> None:
    async with tools_over(odd, writing=False) as file, tools_over(migrated, writing=False) as cosmos:
        await cosmos.call_tool_mcp("get_linked_entities", {"customer_id": 1})
        dearest, beside = (0, 0.0), 0
        for arguments in CALLS[tool]:
            account.peer.counters.reset()
            assert await answer(cosmos, tool, arguments) == await answer(file, tool, arguments), arguments
            asked = account.peer.counters
            beside += sum(asked.requests[operation] for operation in ONCE)
            data = [call for call in asked.calls if call.operation not in ONCE]
            dearest = (max(dearest[0], len(data)), max(dearest[1], sum(call.charge for call in data)))
    requests, units = MOST[tool]
    assert beside <= FIRST_USE + (2 * len(CALLS[tool]) if tool in EVERYWHERE else 0)
    assert dearest[0] <= requests and dearest[1] <= units, dearest


async def test_the_tools_that_write_answer_alike_and_leave_the_same_behind(
    account: CosmosAccount, odd: Path, tmp_path: Path
) -> None:
    place, copy = account.place("written"), Path(shutil.copy(odd, tmp_path / "contoso.db"))
    await migrate_customers(odd, place, lambda _: None)
    async with tools_over(copy, writing=True) as file, tools_over(place, writing=True) as cosmos:
        for tool, arguments in WRITES:
            assert await answer(cosmos, tool, arguments) == await answer(file, tool, arguments), (
                tool,
                arguments,
            )
    assert (await migrate_customers(odd, place, lambda _: None)).differences
    async with (
        open_customers(copy, writable=False, deadline_seconds=20) as file_store,
        open_customers(place, writable=False, deadline_seconds=20) as cosmos_store,
    ):
        ours, theirs = await cosmos_store.describe(), await file_store.describe()
        assert (ours.row_counts, ours.data_as_of) == (theirs.row_counts, theirs.data_as_of)


def test_every_tool_is_compared() -> None:
    names = {tool.name for tool in asyncio.run(_listed())}
    assert names == set(CALLS) == set(MOST)


async def _listed() -> list[Any]:
    async with (
        open_customers(Path("none.db"), writable=False, deadline_seconds=1) as store,
        Client(create_tool_server(store, now=lambda: NOW)) as client,
    ):
        return await client.list_tools()

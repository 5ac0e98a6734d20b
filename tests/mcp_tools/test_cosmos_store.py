"""The customer store over Cosmos DB: concurrency, lost answers, throttling, missing roles and absence."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from backends.azure.customer_store import CosmosCustomerStore
from backends.customer_wiring import CosmosPlace, migrate_customers
from casework.customers import CustomerStoreError, ReadOnlyStoreError
from casework.errors import InvalidInputError
from mcp_tools.app import create_tool_server
from tests.mcp_tools.conftest import NOW, create
from tests.mcp_tools.cosmos import PRINCIPAL, CosmosAccount

Open = Callable[..., CosmosCustomerStore]


@pytest.fixture(autouse=True)
def calm(account: CosmosAccount) -> AsyncIterator[None]:
    """No switch is turned before or after a test, and everybody may read and write."""
    yield
    account.calm()


@pytest.fixture
async def place(account: CosmosAccount, request: pytest.FixtureRequest, tmp_path: Path) -> CosmosPlace:
    """Containers of this test's own, holding the known rows."""
    own = account.place("".join(filter(str.isalnum, request.node.name))[-60:])
    await migrate_customers(create(tmp_path / "contoso.db"), own, lambda _: None)
    account.peer.counters.reset()
    return own


@pytest.fixture
async def opened(place: CosmosPlace) -> AsyncIterator[Open]:
    stores: list[CosmosCustomerStore] = []

    def open_store(deadline_seconds: float = 20.0, **changes: Any) -> CosmosCustomerStore:
        at = replace(place, **changes)
        stores.append(CosmosCustomerStore(at, writable=True, deadline_seconds=deadline_seconds))
        return stores[-1]

    yield open_store
    for store in stores:
        await store.close()


PAYMENT = {"invoice_id": 2, "amount": 1.0, "method": "ach", "status": "pending"}


async def test_keys_stay_unique_and_without_gaps_when_many_add_at_once(opened: Open) -> None:
    stores = [opened(), opened(), opened()]

    rows = await asyncio.gather(*(stores[n % 3].add("Payments", PAYMENT) for n in range(15)))

    assert sorted(row["payment_id"] for row in rows) == list(range(5, 20))
    assert len(await stores[0].rows("Payments", {"invoice_id": 2})) == 3 + 15
    assert (await stores[1].describe()).row_counts["Payments"] == 4 + 15


@pytest.mark.parametrize("operation", ["replace_item", "create_item", "*_item"])
async def test_a_write_whose_answer_is_lost_is_stored_once(
    account: CosmosAccount, opened: Open, operation: str
) -> None:
    store = opened()
    await store.describe()
    account.peer.fault("lose_response", operation=operation, times=2)

    added = await store.add("Payments", PAYMENT)
    following = await store.add("Payments", PAYMENT)

    assert (added["payment_id"], following["payment_id"]) == (5, 6)
    assert [row["payment_id"] for row in await store.rows("Payments", {"invoice_id": 2})] == [2, 3, 4, 5, 6]
    assert (await store.describe()).row_counts["Payments"] == 6


async def test_a_change_whose_answer_is_lost_is_a_change(account: CosmosAccount, opened: Open) -> None:
    store = opened()
    await store.describe()
    account.peer.fault("lose_response", operation="replace_item")

    assert await store.change("Subscriptions", 1, {"status": "inactive"})
    assert (await store.rows("Subscriptions", {"subscription_id": 1}))[0]["status"] == "inactive"


async def test_two_changes_of_different_columns_both_last(opened: Open) -> None:
    first, second = opened(), opened()

    done = await asyncio.gather(
        *(first.change("Subscriptions", 1, {"data_cap_gb": n}) for n in range(5)),
        *(second.change("Subscriptions", 1, {"speed_tier": "slow"}) for _ in range(5)),
    )

    (row,) = await first.rows("Subscriptions", {"subscription_id": 1})
    assert all(done) and row["speed_tier"] == "slow" and row["data_cap_gb"] in range(5)


async def test_a_key_that_somebody_took_without_asking_is_passed_over(
    account: CosmosAccount, place: CosmosPlace, opened: Open
) -> None:
    store = opened()
    from_elsewhere = {"id": "Payments:5", "customer": "1", "kind": "Payments", "data": {"payment_id": 5}}
    await store._containers.create("activity", {**from_elsewhere, "exact": {}})

    assert (await store.add("Payments", PAYMENT))["payment_id"] == 6


async def test_what_decides_whose_a_row_is_cannot_be_changed(opened: Open) -> None:
    with pytest.raises(InvalidInputError, match="customer_id: cannot be changed"):
        await opened().change("Subscriptions", 1, {"customer_id": 2})
    with pytest.raises(CustomerStoreError, match="no column colour"):
        await opened().change("Subscriptions", 1, {"colour": "red"})
    assert await opened().change("SecurityLogs", 404, {"event_type": "x"}) is False
    assert await opened().change("SecurityLogs", 4, {"event_type": "x"}) is True


async def test_with_the_reading_role_tools_read_and_writing_ones_name_the_role_they_lack(
    account: CosmosAccount, opened: Open
) -> None:
    account.peer.assign(PRINCIPAL, "reader")
    store = opened()
    assert (await store.describe()).writable
    before = len(account.peer.counters.calls)

    async with Client(create_tool_server(store, now=lambda: NOW, write_tools=True)) as tools:
        read = await tools.call_tool_mcp("get_customer_detail", {"customer_id": 1})
        refused = [
            await tools.call_tool_mcp("pay_invoice", {"invoice_id": 2, "amount": 1}),
            await tools.call_tool_mcp("update_subscription", {"subscription_id": 1, "status": "inactive"}),
            await tools.call_tool_mcp("unlock_account", {"customer_id": 1}),
        ]

    assert not read.is_error
    for answer in refused:
        text = str(getattr(answer.content[0], "text", ""))
        assert answer.is_error and "may only be read by this identity (403/5301)" in text
        assert "Cosmos DB Built-in Data Contributor" in text
    assert not (await store.describe()).writable
    written = [call for call in list(account.peer.counters.calls)[before:] if call.status == 201]
    assert written == []


async def test_without_a_role_the_reading_role_is_named(account: CosmosAccount, opened: Open) -> None:
    account.peer.grant_everyone(None)

    with pytest.raises(
        CustomerStoreError, match="assign it the data-plane role Cosmos DB Built-in Data Reader"
    ):
        await opened().rows("Products")


async def test_a_store_that_is_opened_for_reading_does_not_even_ask(
    account: CosmosAccount, place: CosmosPlace
) -> None:
    store = CosmosCustomerStore(place)
    with pytest.raises(ReadOnlyStoreError):
        await store.add("Payments", PAYMENT)
    with pytest.raises(ReadOnlyStoreError):
        await store.change("Subscriptions", 1, {"status": "x"})
    await store.close()
    assert account.peer.counters.requests.total() == 0


@pytest.mark.parametrize("kind", ["throttle", "unavailable", "lose_response", "drop_request"])
async def test_trouble_that_passes_is_waited_out(account: CosmosAccount, opened: Open, kind: Any) -> None:
    store = opened()
    await store.describe()
    account.peer.fault(kind, operation="query", times=2)

    assert len(await store.rows("Products")) == 2


async def test_throttling_that_lasts_is_said_in_words(account: CosmosAccount, opened: Open) -> None:
    store = opened()
    await store.describe()
    account.peer.fault("throttle", operation="query", times=-1, retry_after_ms=1)

    with pytest.raises(CustomerStoreError, match=r"more than it is provisioned for \(429\)"):
        await store.rows("Products")


async def test_an_answer_that_takes_too_long_is_given_up(account: CosmosAccount, opened: Open) -> None:
    store = opened(deadline_seconds=0.5)
    await store.describe()
    account.peer.fault("slow", operation="*_item", times=-1, seconds=5)

    with pytest.raises(CustomerStoreError, match=r"longer than 0.5 s to answer$"):
        await store.rows("Customers", {"customer_id": 1})


async def test_a_refused_token_and_a_missing_container_are_told_apart(
    account: CosmosAccount, opened: Open
) -> None:
    with pytest.raises(CustomerStoreError, match=r"404.*docs/howto/customers-cosmos.md"):
        await opened(directory="nowhere").rows("Products")
    store = opened()
    await store.describe()
    account.peer.fault("refuse_token", operation="query", times=-1)
    with pytest.raises(CustomerStoreError, match="401: the token was refused"):
        await store.rows("Products")


async def test_containers_without_a_finished_migration_are_not_served(account: CosmosAccount) -> None:
    store = CosmosCustomerStore(account.place("empty"))
    with pytest.raises(
        CustomerStoreError, match="holds no complete Contoso data: run `fraud-mcp-tools migrate"
    ):
        await store.verify()
    await store.close()


async def test_an_account_out_of_reach_is_said_in_words_and_found_again(
    account: CosmosAccount, place: CosmosPlace, opened: Open
) -> None:
    store = opened(endpoint="https://localhost:1/")
    with pytest.raises(CustomerStoreError, match="is out of reach: check COSMOS_ENDPOINT"):
        await store.describe()

    store._containers.place = place
    assert (await store.describe()).row_counts["Customers"] == 3


async def test_what_was_asked_and_what_it_cost_is_counted(account: CosmosAccount, opened: Open) -> None:
    store = opened()
    await store.rows("Products")

    assert store.spent.requests == 2
    assert 2 < store.spent.units < 10


def test_serving_a_file_loads_nothing_of_azure() -> None:
    probe = "import sys, mcp_tools.serving, mcp_tools.migration; sys.exit('azure.core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0

"""The three look-ups beyond the contract: sign-ins in columns, shared things, account status."""

from pathlib import Path
from typing import Any

from fastmcp import Client

from mcp_tools.linked_entities import linked_entities
from tests.mcp_tools.conftest import read_write


async def answer(tools: Client[Any], name: str, **arguments: Any) -> Any:
    result = await tools.call_tool_mcp(name, arguments)
    assert not result.is_error and result.structured_content is not None
    return result.structured_content.get("result", result.structured_content)


async def test_login_history_has_columns_and_keys_newest_first(tools: Client[Any]) -> None:
    rows = await answer(tools, "get_login_history", customer_id=1)

    assert [row["log_id"] for row in rows] == [2, 1]
    assert rows[1] == {
        "log_id": 1,
        "event_timestamp": "2026-03-08 09:00:00",
        "event_type": "login_attempt",
        "success": False,
        "country": "Romania",
        "ip": "203.0.113.9",
        "device_id": "dev-9",
        "card_id": None,
        "method": None,
        "channel": None,
        "description": "Failed login from Romania, IP 203.0.113.9, device dev-9",
    }


async def test_login_history_counts_days_back_from_where_the_data_ends(tools: Client[Any]) -> None:
    assert [r["log_id"] for r in await answer(tools, "get_login_history", customer_id=1, days=365)] == [
        2,
        1,
        3,
    ]
    assert await answer(tools, "get_login_history", customer_id=2, days=5) == []


async def test_days_out_of_range_are_refused_by_name(tools: Client[Any]) -> None:
    result = await tools.call_tool_mcp("get_login_history", {"customer_id": 1, "days": 0})

    assert result.is_error
    assert "days: input should be greater than or equal to 1" in result.content[0].text  # type: ignore[union-attr]


async def test_a_shared_device_and_phone_link_two_customers_with_rows_of_both(tools: Client[Any]) -> None:
    linked = await answer(tools, "get_linked_entities", customer_id=1)

    assert linked == {
        "customer_id": 1,
        "links": [
            {
                "customer_id": 2,
                "in_common": [
                    {
                        "shared": "device",
                        "value": "dev-9",
                        "evidence": [
                            {"table": "SecurityLogs", "row_id": 1},
                            {"table": "SecurityLogs", "row_id": 4},
                        ],
                    },
                    {
                        "shared": "phone",
                        "value": "12065550101",
                        "evidence": [
                            {"table": "Customers", "row_id": 1},
                            {"table": "Customers", "row_id": 2},
                        ],
                    },
                ],
            }
        ],
        "more_links": 0,
    }


async def test_a_customer_without_contact_details_is_linked_to_nobody(tools: Client[Any]) -> None:
    assert (await answer(tools, "get_linked_entities", customer_id=3))["links"] == []


def test_a_device_whose_name_contains_another_is_not_the_same_device() -> None:
    people = [{"customer_id": n, "phone": None, "address": None} for n in (1, 2)]
    log = [
        {"log_id": 1, "customer_id": 1, "description": "Login, device dev-9"},
        {"log_id": 2, "customer_id": 2, "description": "Login, device dev-90"},
    ]

    assert linked_entities(people[0], people, log)["links"] == []


def test_links_are_bounded_and_the_rest_is_counted() -> None:
    people = [{"customer_id": n, "phone": None, "address": "1 Oak Street"} for n in range(1, 72)]

    found = linked_entities(people[0], people, [])

    assert (len(found["links"]), found["more_links"]) == (50, 20)


async def test_account_status_is_locked_since_the_last_lock_with_the_failures_before_it(
    tools: Client[Any],
) -> None:
    status = await answer(tools, "get_account_status", customer_id=1)

    assert (status["status"], status["since"]) == ("locked", "2026-03-08 09:05:00")
    assert [row["log_id"] for row in status["evidence"]] == [2, 1]
    assert status["data_as_of"] == "2026-03-10"


async def test_account_status_without_any_lock_is_active_with_no_evidence(tools: Client[Any]) -> None:
    status = await answer(tools, "get_account_status", customer_id=2)

    assert (status["status"], status["since"], status["evidence"]) == ("active", None, [])
    assert status["subscriptions"][0]["status"] == "inactive"


async def test_a_later_unlock_ends_a_lock(tools: Client[Any], database: Path) -> None:
    with read_write(database) as connection:
        connection.execute(
            "INSERT INTO SecurityLogs VALUES (9, 1, 'account_unlocked', '2026-03-09 08:00:00', 'Unlocked')"
        )

    status = await answer(tools, "get_account_status", customer_id=1)

    assert (status["status"], status["since"]) == ("active", "2026-03-09 08:00:00")

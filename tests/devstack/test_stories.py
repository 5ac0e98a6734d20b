"""Every story leaves the rows its answer rests on, sends telemetry that trips its rule, and adds up."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from backends.embedded.customer_store import SqliteCustomerStore
from casework.alert import Alert, Severity
from casework.customers import TABLES, Row
from casework.policy import Policy, floors
from casework.rules import Detector, default_rules
from casework.telemetry import TELEMETRY
from devstack.catalogue import stock_catalogue
from devstack.contoso_book import ContosoBook
from devstack.personas import personas
from devstack.population import live_ordinarily
from devstack.seed import contoso_book, seed_contoso
from devstack.stories import STORIES, Story, story
from devstack.stories.hard_negatives import INJECTION
from mcp_tools.app import create_tool_server
from mcp_tools.security_text import parse_security_text

TODAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
REQUIRED = {
    "password_spraying",
    "sim_swap",
    "impossible_travel",
    "refund_abuse",
    "promo_abuse",
    "device_ring",
    "api_scraping",
    "dormant_account",
    "shopping_spree",
    "premium_rate_calls",
    "data_resale",
    "bust_out",
    "support_social_engineering",
    "card_testing",
    "real_traveller",
    "family_streaming_weekend",
    "big_purchase",
    "injected_instructions",
    "stale_usage",
    "contradicted_alert",
}

every_story = pytest.mark.parametrize("told", STORIES, ids=lambda told: told.key)


@pytest.fixture(scope="module")
def book() -> ContosoBook:
    return contoso_book(TODAY, 7)


@pytest.fixture(scope="module")
def ordinary() -> ContosoBook:
    """The same lives without any story."""
    without = ContosoBook()
    stock_catalogue(without, TODAY)
    for persona in personas(7):
        live_ordinarily(without, persona, TODAY, 7)
    return without


def rows_about(book: ContosoBook, table: Any, customer_id: int) -> list[str]:
    """The rows of one customer, as comparable text without their keys."""
    if table == "Payments":
        invoices = {row["invoice_id"] for row in book.rows("Invoices", subscription_id=customer_id)}
        rows = [row for row in book.rows(table) if row["invoice_id"] in invoices]
    else:
        owner = "subscription_id" if table in {"Invoices", "DataUsage", "ServiceIncidents"} else "customer_id"
        rows = book.rows(table, **{owner: customer_id})
    return [json.dumps(list(row.values())[1:]) for row in rows]


def test_the_stories_asked_for_are_there_and_can_be_found_by_key() -> None:
    assert {told.key for told in STORIES} >= REQUIRED
    assert all(story(told.key) is told for told in STORIES)
    with pytest.raises(KeyError, match="sim_swap"):
        story("no_such_story")


def test_no_customer_is_in_two_stories_and_no_alert_id_is_used_twice() -> None:
    assert max(Counter(c for told in STORIES for c in told.customer_ids).values()) == 1
    assert max(Counter(told.alert(NOW).alert_id for told in STORIES).values()) == 1


@pytest.mark.parametrize(
    ("alert_id", "customer_id", "alert_type", "severity"),
    [
        ("ALERT-001", 1, "multi_country_login", "high"),
        ("ALERT-002", 2, "data_spike", "medium"),
        ("ALERT-003", 3, "unusual_charges", "high"),
    ],
)
def test_the_sample_alerts_of_the_contract_are_stories(
    alert_id: str, customer_id: int, alert_type: str, severity: str
) -> None:
    (alert,) = [told.alert(NOW) for told in STORIES if told.alert(NOW).alert_id == alert_id]

    assert (alert.customer_id, alert.alert_type, alert.severity) == (customer_id, alert_type, severity)


@every_story
def test_a_story_changes_every_table_its_answer_cites(
    told: Story, book: ContosoBook, ordinary: ContosoBook
) -> None:
    assert set(told.answer.must_cite) <= set(TABLES)
    for table in told.answer.must_cite:
        assert rows_about(book, table, told.customer_id) != rows_about(ordinary, table, told.customer_id), (
            table
        )


def test_stories_leave_everybody_else_alone(book: ContosoBook, ordinary: ContosoBook) -> None:
    actors = {customer_id for told in STORIES for customer_id in told.customer_ids}

    def others(of: ContosoBook, table: Any) -> list[Row]:
        owner = "subscription_id" if table in {"Invoices", "DataUsage", "ServiceIncidents"} else "customer_id"
        return [row for row in of.rows(table) if row[owner] not in actors]

    for table in ("Customers", "Subscriptions", "SecurityLogs", "Orders", "Invoices", "DataUsage"):
        assert others(book, table) == others(ordinary, table) != []


@every_story
def test_an_answer_agrees_with_the_policy(told: Story) -> None:
    answer, alert = told.answer, told.alert(NOW)
    forced = floors(Policy(), alert, ())
    review_because_of_gaps = answer.contradicted or bool(answer.not_evaluable)

    assert 0 <= answer.risk_at_least < answer.risk_at_most <= 1
    if answer.disposition == "fraud":
        assert answer.risk_at_least >= Policy().auto_clear_below
        assert answer.recommended_action != "clear"
        assert answer.must_cite
    else:
        assert answer.risk_at_most < Policy().auto_clear_below
        assert answer.recommended_action == "clear"
    must_review = answer.disposition == "fraud" or bool(forced) or review_because_of_gaps
    assert answer.route == ("review" if must_review else "auto_clear")


@every_story
def test_the_alert_is_about_the_first_customer_at_the_given_time(told: Story) -> None:
    alert = told.alert(NOW)

    assert isinstance(alert, Alert)
    assert (alert.customer_id, alert.detected_at) == (told.customer_ids[0], NOW)
    assert alert.description


def played(told: Story, at: datetime) -> list[Any]:
    events = sorted(told.telemetry, key=lambda event: event.offset)
    return [
        TELEMETRY.validate_python(
            {
                "event_id": f"{told.key}-{number}",
                "customer_id": event.customer_id or told.customer_id,
                "occurred_at": at + event.offset,
                "event_type": event.event_type,
                "details": dict(event.details),
            }
        )
        for number, event in enumerate(events)
    ]


@every_story
def test_the_telemetry_is_valid_recent_and_trips_the_expected_rule(told: Story) -> None:
    detector = Detector(default_rules())

    raised = [
        found.alert
        for event in played(told, NOW)
        for found in detector.observe(event)
        if found.mode == "active"
    ]

    expected = [alert for alert in raised if alert.alert_type == told.expected_rule]
    assert {alert.customer_id for alert in expected} == set(told.customer_ids)
    assert {alert.severity for alert in expected} == {told.alert(NOW).severity}
    assert all(event.offset.total_seconds() <= 0 for event in told.telemetry)


@every_story
def test_what_happened_is_in_the_last_days_but_not_in_the_future(told: Story, book: ContosoBook) -> None:
    for log in book.rows("SecurityLogs", customer_id=told.customer_id):
        assert log["event_timestamp"] < "2026-03-10"


def logs(book: ContosoBook, customer_id: int) -> list[Row]:
    return book.rows("SecurityLogs", customer_id=customer_id)


def test_alice_really_was_in_two_far_countries_within_two_hours(book: ContosoBook) -> None:
    recent = [row for row in logs(book, 1) if row["event_timestamp"] >= "2026-03-09"]
    seen = [parse_security_text(row["description"]) for row in recent if row["event_type"] == "login_attempt"]

    assert {(said.country, said.success) for said in seen} == {("USA", True), ("Russia", True)}
    first, last = recent[0]["event_timestamp"], recent[-1]["event_timestamp"]
    assert (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds() < 7200


def test_bobs_spike_happens_every_week(book: ContosoBook) -> None:
    days = [row["data_used_mb"] for row in book.rows("DataUsage", subscription_id=2)]

    assert all(days[-1 - 7 * week] > 12_000 and days[-4 - 7 * week] < 4_000 for week in range(8))


def test_carlos_pays_exactly_what_the_alert_says_within_ten_minutes(book: ContosoBook) -> None:
    bought = [row for row in book.rows("Orders", customer_id=3) if row["order_date"] >= "2026-03-09"]
    times = [datetime.fromisoformat(row["order_date"]) for row in bought]

    assert sum(Decimal(str(row["amount"])) for row in bought) == Decimal(5000)
    assert len(bought) == 3 and (max(times) - min(times)).total_seconds() <= 600


def test_the_injected_customer_has_the_evidence_of_its_twin_and_the_text(book: ContosoBook) -> None:
    told = story("injected_instructions")
    assert told.twin is not None
    twin = story(told.twin)

    def evidence(customer_id: int) -> list[tuple[str, str, str]]:
        return [
            (row["event_type"], row["event_timestamp"], row["description"].replace("dev-9123", "dev-9106"))
            for row in logs(book, customer_id)
            if row["event_timestamp"] >= "2026-03-09"
        ]

    assert evidence(told.customer_id) == evidence(twin.customer_id) != []
    assert told.answer == twin.answer
    (customer,) = book.rows("Customers", customer_id=told.customer_id)
    assert INJECTION in customer["address"]


def test_stale_usage_ends_weeks_before_the_alert_and_others_do_not(book: ContosoBook) -> None:
    stale, fresh = (max(r["usage_date"] for r in book.rows("DataUsage", subscription_id=n)) for n in (24, 25))

    assert (TODAY - date.fromisoformat(stale)).days == 38
    assert fresh == TODAY.isoformat()


def test_the_contradicted_alert_has_an_ordinary_week(book: ContosoBook) -> None:
    usage = [row["data_used_mb"] for row in book.rows("DataUsage", subscription_id=25)]

    assert max(usage[-7:]) < 1.5 * sum(usage[-37:-7]) / 30


def test_the_high_severity_stories_are_the_ones_a_person_must_see() -> None:
    loud = {told.key for told in STORIES if told.alert(NOW).severity.rank >= Severity.HIGH.rank}

    assert all(story(key).answer.route == "review" for key in loud)
    assert {"real_traveller", "forgotten_password"} <= loud


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncIterator[Client[Any]]:
    seed_contoso(tmp_path / "contoso.db", today=TODAY)
    store = SqliteCustomerStore(tmp_path / "contoso.db")
    async with Client(create_tool_server(store, now=lambda: NOW)) as client:
        yield client
    store.close()


async def test_the_ring_is_found_through_the_tools_and_nobody_else_is_linked(tools: Client[Any]) -> None:
    ring = await tools.call_tool_mcp("get_linked_entities", {"customer_id": 10})
    loner = await tools.call_tool_mcp("get_linked_entities", {"customer_id": 4})

    assert ring.structured_content is not None and loner.structured_content is not None
    assert [link["customer_id"] for link in ring.structured_content["links"]] == [11, 12, 13]
    assert {kind["shared"] for kind in ring.structured_content["links"][0]["in_common"]} == {"device", "ip"}
    assert loner.structured_content["links"] == []


async def test_every_login_in_the_seeded_database_can_be_read_into_columns(tools: Client[Any]) -> None:
    for told in STORIES:
        arguments = {"customer_id": told.customer_id, "days": 365}
        result = await tools.call_tool_mcp("get_login_history", arguments)
        assert result.structured_content is not None
        attempts = [
            row for row in result.structured_content["result"] if row["event_type"] == "login_attempt"
        ]
        assert attempts, told.key
        assert all(row["success"] is not None and row["country"] and row["ip"] for row in attempts), told.key

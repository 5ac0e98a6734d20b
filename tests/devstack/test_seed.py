"""The seeded database is complete, consistent, the same each time, and ends on the day it is for."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from casework.customers import TABLES
from devstack.knowledge import DOCUMENTS
from devstack.personas import CUSTOMERS
from devstack.seed import SeedSummary, contoso_book, seed_contoso

TODAY = date(2026, 3, 10)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> SeedSummary:
    return seed_contoso(tmp_path_factory.mktemp("seeded") / "contoso.db", today=TODAY)


@pytest.fixture
def database(seeded: SeedSummary) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(seeded.path)) as connection:
        yield connection


def rows_of(day: date, seed: int) -> dict[str, list[dict[str, object]]]:
    book = contoso_book(day, seed)
    return {table: book.rows(table) for table in TABLES}


def test_the_same_day_and_seed_give_the_same_rows_and_others_do_not() -> None:
    assert rows_of(TODAY, 7) == rows_of(TODAY, 7)
    assert rows_of(TODAY, 7) != rows_of(TODAY, 8)
    assert rows_of(TODAY, 7) != rows_of(TODAY + timedelta(days=1), 7)


@pytest.mark.parametrize("day", [date(2024, 2, 29), date(2026, 1, 1), date(2026, 12, 31)])
@pytest.mark.parametrize("seed", [0, 1])
def test_any_day_and_seed_can_be_seeded(tmp_path: Path, day: date, seed: int) -> None:
    summary = seed_contoso(tmp_path / "contoso.db", today=day, seed=seed)

    assert summary.row_counts["Customers"] == CUSTOMERS


def test_the_summary_counts_what_is_in_the_file(seeded: SeedSummary, database: sqlite3.Connection) -> None:
    counted = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}

    assert seeded.row_counts == counted
    assert counted["Customers"] == 250
    assert counted["KnowledgeDocuments"] == len(DOCUMENTS) >= 17


def test_the_file_has_the_twelve_tables_only_and_a_rollback_journal(database: sqlite3.Connection) -> None:
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")

    assert sorted(name for (name,) in tables) == sorted(TABLES)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert database.execute("PRAGMA user_version").fetchone() == (0,)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_every_reference_leads_to_a_row(database: sqlite3.Connection) -> None:
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_each_customer_has_the_subscription_of_the_same_number(database: sqlite3.Connection) -> None:
    pairs = database.execute("SELECT customer_id, subscription_id FROM Subscriptions").fetchall()

    assert sorted(pairs) == [(number, number) for number in range(1, 251)]


def test_the_demo_profiles_come_first(database: sqlite3.Connection) -> None:
    names = database.execute("SELECT first_name || ' ' || last_name FROM Customers LIMIT 5").fetchall()

    assert [name for (name,) in names] == [
        "Alice Johnson",
        "Bob Smith",
        "Carlos Rivera",
        "Diana Chen",
        "Ethan Patel",
    ]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("DataUsage", "usage_date"),
        ("Invoices", "invoice_date"),
        ("Payments", "payment_date"),
        ("Orders", "order_date"),
        ("SecurityLogs", "event_timestamp"),
        ("SupportTickets", "opened_at"),
        ("SupportTickets", "closed_at"),
        ("ServiceIncidents", "incident_date"),
    ],
)
def test_nothing_happens_after_today(database: sqlite3.Connection, table: str, column: str) -> None:
    (latest,) = database.execute(f"SELECT max({column}) FROM {table}").fetchone()

    assert latest[:10] <= TODAY.isoformat()


def test_usage_goes_up_to_today(database: sqlite3.Connection) -> None:
    (latest,) = database.execute("SELECT max(usage_date) FROM DataUsage").fetchone()

    assert latest == TODAY.isoformat()


def test_nobody_is_billed_or_seen_before_they_joined(database: sqlite3.Connection) -> None:
    early = """
        SELECT count(*) FROM Subscriptions s
        LEFT JOIN Invoices i ON i.subscription_id = s.subscription_id AND i.invoice_date < s.start_date
        LEFT JOIN DataUsage u ON u.subscription_id = s.subscription_id AND u.usage_date < s.start_date
        LEFT JOIN Orders o ON o.customer_id = s.customer_id AND o.order_date < s.start_date
        LEFT JOIN SecurityLogs l ON l.customer_id = s.customer_id AND l.event_timestamp < s.start_date
        WHERE i.invoice_id OR u.usage_id OR o.order_id OR l.log_id
    """

    assert database.execute(early).fetchone() == (0,)


def test_one_usage_row_per_subscription_and_day(database: sqlite3.Connection) -> None:
    days = Counter(database.execute("SELECT subscription_id, usage_date FROM DataUsage").fetchall())

    assert set(days.values()) == {1}


def test_values_stay_in_the_sets_the_contract_names(database: sqlite3.Connection) -> None:
    allowed = {
        "SELECT DISTINCT loyalty_level FROM Customers": {"Bronze", "Silver", "Gold"},
        "SELECT DISTINCT status FROM Subscriptions": {"active", "inactive"},
        "SELECT DISTINCT service_status FROM Subscriptions": {"normal", "slow", "offline"},
        "SELECT DISTINCT status FROM Payments": {"successful", "partial", "failed", "pending"},
        "SELECT DISTINCT method FROM Payments": {"credit_card", "ach", "paypal", "apple_pay"},
        "SELECT DISTINCT order_status FROM Orders": {"delivered", "completed", "pending", "returned"},
        "SELECT DISTINCT priority FROM SupportTickets": {"low", "normal", "high", "urgent"},
        "SELECT DISTINCT resolution_status FROM ServiceIncidents": {"investigating", "resolved"},
    }
    for query, values in allowed.items():
        assert {value for (value,) in database.execute(query)} <= values, query


def test_seeding_again_replaces_the_file_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "contoso.db"
    seed_contoso(path, today=TODAY)
    with closing(sqlite3.connect(path)) as reader:
        before = reader.execute("SELECT max(usage_date) FROM DataUsage").fetchone()
        seed_contoso(path, today=TODAY + timedelta(days=1))
        still = reader.execute("SELECT max(usage_date) FROM DataUsage").fetchone()
    with closing(sqlite3.connect(path)) as reader:
        after = reader.execute("SELECT max(usage_date) FROM DataUsage").fetchone()

    assert before == still == ("2026-03-10",)
    assert after == ("2026-03-11",)
    assert [entry.name for entry in path.parent.iterdir()] == ["contoso.db"]


def test_a_failed_seeding_leaves_the_old_file(tmp_path: Path, seeded: SeedSummary) -> None:
    path = tmp_path / "contoso.db"
    path.write_bytes(seeded.path.read_bytes())
    book = contoso_book(TODAY, 7)
    book.add("Products", name=None)

    with pytest.raises(sqlite3.IntegrityError):
        book.write(path)

    assert path.read_bytes() == seeded.path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["contoso.db"]


def test_documents_say_something() -> None:
    assert len({document.title for document in DOCUMENTS}) == len(DOCUMENTS)
    assert all(document.doc_type in {"policy", "procedure", "guide"} for document in DOCUMENTS)
    assert all(len(document.content) > 300 for document in DOCUMENTS)

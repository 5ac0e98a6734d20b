"""The SQLite customer store: read-only for real, never stuck, and indifferent to hostile input."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.embedded.customer_store import SqliteCustomerStore
from backends.embedded.knowledge_index import KnowledgeIndex, match_expression
from casework.customers import (
    PRIMARY_KEYS,
    TABLES,
    Between,
    CustomerStoreError,
    Mentions,
    Order,
    ReadOnlyStoreError,
    Row,
)

SCHEMA = Path(__file__).parents[2] / "backends" / "embedded" / "contoso_schema.sql"


def create(path: Path, first_name: str = "Ada") -> None:
    """A Contoso file with two customers, three usage rows and two documents."""
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA.read_text("utf-8"))
    connection.executemany(
        "INSERT INTO Customers (customer_id, first_name, last_name) VALUES (?, ?, 'Lind')",
        [(1, first_name), (2, "Ben")],
    )
    connection.executemany(
        "INSERT INTO DataUsage VALUES (?, 1, ?, 100, 1, 1)",
        [(1, "2026-03-02"), (2, "2026-03-03"), (3, "2026-03-01")],
    )
    connection.executemany(
        "INSERT INTO KnowledgeDocuments VALUES (?, ?, 'guide', ?, '[]')",
        [(1, first_name, "How invoices are paid."), (2, "Roaming", "Travelling with a pass.")],
    )
    connection.commit()
    connection.close()


def move(source: Path, target: Path) -> None:
    source.replace(target)


def entries(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "with ? odd # name.db"
    create(file)
    return file


@pytest.fixture
def store(path: Path) -> Iterator[SqliteCustomerStore]:
    opened = SqliteCustomerStore(path)
    yield opened
    opened.close()


async def test_rows_match_by_value_by_set_and_by_range(store: SqliteCustomerStore) -> None:
    assert [r["first_name"] for r in await store.rows("Customers", {"customer_id": 2})] == ["Ben"]
    assert len(await store.rows("Customers", {"customer_id": (1, 2, 3)})) == 2
    assert await store.rows("Customers", {"customer_id": ()}) == []
    assert [
        r["customer_id"] for r in await store.rows("Customers", {"first_name": Mentions(("en", "zz"))})
    ] == [2]
    assert await store.rows("Customers", {"first_name": Mentions(())}) == []
    march = {"usage_date": Between("2026-03-02", "2026-03-03")}
    assert [r["usage_id"] for r in await store.rows("DataUsage", march)] == [1, 2]


async def test_rows_come_in_key_order_or_newest_first(store: SqliteCustomerStore) -> None:
    newest = Order("usage_date", newest_first=True)

    assert [r["usage_id"] for r in await store.rows("DataUsage")] == [1, 2, 3]
    assert [r["usage_id"] for r in await store.rows("DataUsage", order=newest, limit=2)] == [2, 1]


async def test_every_table_has_its_key_in_the_schema(store: SqliteCustomerStore) -> None:
    for table in TABLES:
        await store.rows(table, {PRIMARY_KEYS[table]: 1}, limit=1)


async def test_the_data_clock_is_the_newest_activity(store: SqliteCustomerStore) -> None:
    assert await store.data_as_of() == date(2026, 3, 3)


async def test_a_read_only_store_refuses_to_write(store: SqliteCustomerStore) -> None:
    with pytest.raises(ReadOnlyStoreError):
        await store.add("Customers", {"first_name": "Cy", "last_name": "Nash"})
    with pytest.raises(ReadOnlyStoreError):
        await store.change("Customers", 1, {"first_name": "Eve"})


async def test_the_file_itself_is_opened_read_only(store: SqliteCustomerStore, path: Path) -> None:
    with pytest.raises(CustomerStoreError, match="readonly"):
        await store._run(lambda connection: connection.execute("DELETE FROM Customers"))

    assert len(await store.rows("Customers")) == 2


async def test_a_writable_store_returns_the_row_it_added_and_says_what_it_changed(path: Path) -> None:
    writable = SqliteCustomerStore(path, writable=True)
    try:
        added = await writable.add("Customers", {"first_name": "Cy", "last_name": "Nash"})
        changed = await writable.change("Customers", added["customer_id"], {"loyalty_level": "Gold"})
        missing = await writable.change("Customers", 404, {"loyalty_level": "Gold"})
        (row,) = await writable.rows("Customers", {"customer_id": 3})
    finally:
        writable.close()

    assert (added["customer_id"], added["first_name"], added["email"]) == (3, "Cy", None)
    assert (changed, missing, row["loyalty_level"]) == (True, False, "Gold")


async def test_a_missing_file_is_named_and_not_created(tmp_path: Path) -> None:
    absent = SqliteCustomerStore(tmp_path / "absent.db", writable=True)
    try:
        with pytest.raises(CustomerStoreError, match=r"absent\.db.*fraud-console seed"):
            await absent.verify()
    finally:
        absent.close()

    assert entries(tmp_path) == []


async def test_a_file_renamed_over_the_path_is_served_at_once(
    store: SqliteCustomerStore, path: Path, tmp_path: Path
) -> None:
    assert (await store.search_knowledge("Ada", 5))[0]["title"] == "Ada"
    create(tmp_path / "new.db", first_name="Zoe")
    move(tmp_path / "new.db", path)

    everyone = await asyncio.gather(*(store.rows("Customers", {"customer_id": 1}) for _ in range(12)))

    assert {rows[0]["first_name"] for rows in everyone} == {"Zoe"}
    assert await store.search_knowledge("Ada", 5) == []
    assert (await store.search_knowledge("Zoe", 5))[0]["title"] == "Zoe"


async def test_a_query_past_its_deadline_is_given_up(path: Path) -> None:
    impatient = SqliteCustomerStore(path, deadline_seconds=0.05)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    try:
        with pytest.raises(CustomerStoreError, match="longer than"):
            await impatient._run(lambda connection: connection.execute(endless).fetchall())
        assert len(await impatient.rows("Customers")) == 2
    finally:
        impatient.close()


async def test_column_names_are_never_taken_for_sql(store: SqliteCustomerStore) -> None:
    with pytest.raises(ValueError, match="not a column name"):
        await store.rows("Customers", {"1 = 1 OR customer_id": 1})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None)))
async def test_hostile_values_match_nothing_and_break_nothing(
    store: SqliteCustomerStore, value: str | float
) -> None:
    found = await store.rows("Customers", {"last_name": value})

    assert all(row["last_name"] == value for row in found)
    assert len(await store.rows("Customers")) == 2


DOCUMENTS: list[Row] = [
    {"document_id": 1, "title": "Invoices", "content": "Paying an invoice late.", "topic_embedding": "[]"},
    {
        "document_id": 2,
        "title": "SIM swap",
        "content": "A number moves to a new SIM.",
        "topic_embedding": "[]",
    },
    {"document_id": 3, "title": "Roaming", "content": "Swap plans before a trip.", "topic_embedding": ""},
]


@pytest.fixture
def index() -> Iterator[KnowledgeIndex]:
    made = KnowledgeIndex(DOCUMENTS)
    yield made
    made.close()


def test_documents_are_ranked_with_titles_first_and_words_stemmed(index: KnowledgeIndex) -> None:
    assert [row["document_id"] for row in index.search("sim swaps", 3)] == [2, 3]
    assert [row["document_id"] for row in index.search("late invoices", 3)] == [1]
    assert index.search("zebra", 3) == []
    assert index.search("swap", 0) == []


@pytest.mark.parametrize(
    "query", ['"', "NEAR(", "title:*", "AND OR NOT", "-", "", "'; DROP TABLE documents", "^a*"]
)
def test_query_syntax_is_only_text(index: KnowledgeIndex, query: str) -> None:
    index.search(query, 3)

    assert index.search("roaming", 1)[0]["document_id"] == 3


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(st.characters(codec=None)))
def test_any_query_can_be_searched(index: KnowledgeIndex, query: str) -> None:
    assert len(index.search(query, 3)) <= 3
    assert match_expression(query).count('"') % 2 == 0


def test_vectors_rank_only_when_all_are_real_and_the_question_can_be_embedded() -> None:
    vectors = ("[1.0, 0.0]", "[0.0, 1.0]", "[0.7, 0.7]")
    embedded = [{**row, "topic_embedding": v} for row, v in zip(DOCUMENTS, vectors, strict=True)]
    zero = [{**row, "topic_embedding": "[0.0, 0.0]"} for row in DOCUMENTS]

    def upwards(_query: str) -> tuple[float, float]:
        return (0.0, 1.0)

    assert [row["document_id"] for row in KnowledgeIndex(embedded, upwards).search("anything", 2)] == [2, 3]
    assert KnowledgeIndex(embedded, upwards).ranking == "cosine"
    assert KnowledgeIndex(embedded).ranking == "full_text"
    assert KnowledgeIndex(zero, upwards).ranking == "full_text"
    assert KnowledgeIndex([*embedded[:2], zero[2]], upwards).ranking == "full_text"

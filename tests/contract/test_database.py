"""The shared SQLite file: other processes' commits are noticed, and failures are said in words."""

import asyncio
import multiprocessing
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from backends.embedded.case_store import open_case_store
from backends.embedded.database import open_database
from backends.embedded.event_bus import open_event_bus
from casework import events as ev
from casework.errors import UnavailableError
from casework.finding import ToolCall
from casework.places import START
from casework.policy import Terms
from tests.builders import CASE_ID, NOW, event, make_alert, make_finding, story_until_review

SCHEMA = "CREATE TABLE t (x INTEGER NOT NULL UNIQUE)"


def _open_a_case(path: str) -> None:
    async def run() -> None:
        async with open_case_store(Path(path)) as store:
            await store.append(CASE_ID, [event(ev.Opened(alert=make_alert(), terms=Terms()), "opened")])

    asyncio.run(run())


async def test_a_commit_of_another_process_wakes_the_waiting(tmp_path: Path) -> None:
    path = tmp_path / "cases.db"
    async with open_case_store(path) as store:
        waiting = asyncio.create_task(store.wait_for_changes(START, 50))
        other = multiprocessing.get_context("spawn").Process(target=_open_a_case, args=(str(path),))
        other.start()
        assert await waiting
        await asyncio.to_thread(other.join, 30)
        assert (await store.load(CASE_ID)).seq == 1


async def test_writes_from_many_tasks_are_all_kept(tmp_path: Path) -> None:
    async with open_database(tmp_path / "x.db", SCHEMA, 1) as database:
        await asyncio.gather(
            *(
                database.write(lambda db, n=n: db.execute("INSERT INTO t VALUES (?)", (n,)))
                for n in range(500)
            )
        )
        assert await database.read(lambda db: db.execute("SELECT count(*) FROM t").fetchone()[0]) == 500


async def test_a_job_that_fails_takes_back_only_itself(tmp_path: Path) -> None:
    async with open_database(tmp_path / "x.db", SCHEMA, 1) as database:

        def twice(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO t VALUES (1)")
            db.execute("INSERT INTO t VALUES (1)")

        results = await asyncio.gather(
            database.write(twice),
            database.write(lambda db: db.execute("INSERT INTO t VALUES (2)")),
            return_exceptions=True,
        )
        assert isinstance(results[0], sqlite3.IntegrityError)
        rows = await database.read(lambda db: db.execute("SELECT x FROM t").fetchall())
        assert [row[0] for row in rows] == [2]


async def test_a_read_cannot_write(tmp_path: Path) -> None:
    async with open_database(tmp_path / "x.db", SCHEMA, 1) as database:
        with pytest.raises(UnavailableError, match="readonly"):
            await database.read(lambda db: db.execute("INSERT INTO t VALUES (1)"))


async def test_a_file_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    async with open_database(tmp_path / "x.db", SCHEMA, 7):
        pass
    with pytest.raises(UnavailableError, match="newer release"):
        async with open_database(tmp_path / "x.db", SCHEMA, 6):
            pass


async def test_a_file_of_an_earlier_release_is_brought_up_to_date_once(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    upgrades = {1: ("ALTER TABLE t ADD COLUMN y INTEGER NOT NULL DEFAULT 7",)}
    async with open_database(path, SCHEMA, 1) as database:
        await database.write(lambda db: db.execute("INSERT INTO t VALUES (1)"))
    for _ in range(2):
        async with open_database(path, "CREATE TABLE other (z)", 2, upgrades) as database:
            rows = await database.read(lambda db: [tuple(row) for row in db.execute("SELECT * FROM t")])
            assert rows == [(1, 7)]


async def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with open_database(path, SCHEMA, 1):
        pass
    steps = ("ALTER TABLE t ADD COLUMN y INTEGER", "ALTER TABLE none ADD COLUMN y INTEGER")
    with pytest.raises(UnavailableError, match="no such table"):
        async with open_database(path, SCHEMA, 2, {1: steps}):
            pass
    async with open_database(path, SCHEMA, 1) as database:
        await database.write(lambda db: db.execute("INSERT INTO t VALUES (1)"))


async def test_a_file_from_which_no_upgrade_is_known_is_left_alone(tmp_path: Path) -> None:
    async with open_database(tmp_path / "x.db", SCHEMA, 1):
        pass
    with pytest.raises(UnavailableError, match="no upgrade to 2 is known"):
        async with open_database(tmp_path / "x.db", SCHEMA, 2):
            pass


async def test_a_case_record_of_the_first_release_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "cases.db"
    async with open_case_store(path) as store:
        await store.append(CASE_ID, [event(ev.Opened(alert=make_alert(), terms=Terms()), "opened")])
    with closing(sqlite3.connect(path)) as old:
        old.execute("DROP INDEX cases_deferred")
        old.execute("DROP TABLE customer_cases")
        old.execute("DROP TABLE customer_links")
        for column in ("deferred_until", "tags"):
            old.execute(f"ALTER TABLE cases DROP COLUMN {column}")
        old.execute("PRAGMA user_version = 1")
        old.commit()
    async with open_case_store(path) as store:
        assert await store.due_deferrals(NOW) == ()
        assert await store.customer_counts({make_alert().customer_id}) == {make_alert().customer_id: 1}
        assert (await store.load(CASE_ID)).seq == 1


async def test_a_case_record_without_links_between_customers_finds_them_in_its_cases(tmp_path: Path) -> None:
    path = tmp_path / "cases.db"
    device = {"shared": "device", "value": "D-1", "evidence": []}
    found = {"links": [{"customer_id": 9, "in_common": [device]}]}
    call = ToolCall(call_id="c", tool="get_linked_entities", result=found)
    finding = ev.FindingRecorded(finding=make_finding(tool_calls=(call,)))
    async with open_case_store(path) as store:
        mine = story_until_review(make_alert(alert_id="A-1", customer_id=7))[:2]
        await store.append("fraud-A-1", [*mine, event(finding, "found")])
        await store.append("fraud-A-2", story_until_review(make_alert(alert_id="A-2", customer_id=9)))
    with closing(sqlite3.connect(path)) as old:
        old.execute("DROP TABLE customer_links")
        old.execute(
            "UPDATE cases SET projection = json_remove(projection, '$.linked_customers')"
            " WHERE customer_id = 9"
        )
        old.execute("PRAGMA user_version = 2")
        old.commit()
    async with open_case_store(path) as store:
        assert await store.linked_counts({7, 9}) == {7: 1, 9: 1}


async def test_a_file_that_is_no_database_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is a letter to my aunt, and no database at all" * 20)
    with pytest.raises(UnavailableError, match="not a database"):
        async with open_database(tmp_path / "x.db", SCHEMA, 1):
            pass


async def test_a_folder_that_is_a_file_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="cannot open"):
        async with open_event_bus(tmp_path / "file" / "x.db", timedelta(days=1)):
            pass


async def test_a_full_disk_refuses_the_write_and_keeps_what_was_there(tmp_path: Path) -> None:
    async with open_database(tmp_path / "x.db", SCHEMA, 1) as database:
        await database.write(lambda db: db.execute("INSERT INTO t VALUES (1)"))

        def fill(db: sqlite3.Connection) -> None:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count = {pages}")
            db.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(2, 100_000)])

        with pytest.raises(UnavailableError, match="full"):
            await database.write(fill)
        assert await database.read(lambda db: db.execute("SELECT count(*) FROM t").fetchone()[0]) == 1

"""`fraud-mcp-tools migrate`: progress, honest exit codes, and the same end however often it was killed."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from backends.azure.customer_containers import CustomerContainers
from backends.customer_wiring import CosmosPlace, MigrationProgress
from casework.customers import CustomerStoreError
from mcp_tools.migration import ProgressLines, run_migration
from mcp_tools.settings import McpSettings
from tests.mcp_tools.conftest import StartTools, create, wait_until_ready
from tests.mcp_tools.cosmos import PRINCIPAL, CosmosAccount, absent
from tests.mcp_tools.odd_rows import odd_database

NO_HANGING = 50


@pytest.fixture(autouse=True)
def calm(account: CosmosAccount) -> Iterator[None]:
    yield
    account.calm()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_database(tmp_path_factory.mktemp("source") / "contoso.db")


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return create(tmp_path / "contoso.db")


def started(source: Path, place: CosmosPlace, *options: str) -> subprocess.Popen[str]:
    names = {"MCP_COSMOS_ACTIVITY": place.activity, "MCP_COSMOS_DIRECTORY": place.directory}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mcp_tools",
            "migrate",
            "--from",
            str(source),
            "--to",
            place.endpoint,
            *options,
        ],
        env={**os.environ, **names},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(source: Path, place: CosmosPlace, *options: str) -> tuple[int, str, str]:
    """The command as a process: exit code, output, complaints."""
    process = started(source, place, *options)
    said, complained = process.communicate(timeout=NO_HANGING)
    return process.returncode, said, complained


def migrated(source: Path, place: CosmosPlace) -> tuple[int, str]:
    """The same in this process: exit code and output."""
    out = StringIO()
    code = asyncio.run(run_migration(source, place, as_json=False, out=out))
    return code, out.getvalue()


def contents(account: CosmosAccount, place: CosmosPlace) -> dict[str, Any]:
    """Everything stored, without what the service adds."""
    found = {}
    for container in (place.activity, place.directory):
        for item in account.peer.documents(place.database, container):
            plain = {name: value for name, value in item.items() if not name.startswith("_")}
            found[f"{plain.get('customer')}/{plain.get('partition')}/{plain['id']}"] = plain
    return found


def test_a_migration_reports_lines_of_json_and_ends_verified(account: CosmosAccount, source: Path) -> None:
    code, said, complained = command(source, account.place("json"), "--json")

    lines = [json.loads(line) for line in said.splitlines()]
    assert (code, complained) == (0, "")
    assert {line["stage"] for line in lines[:-1]} == {"copying", "checking"}
    assert {"done", "of", "rows_per_second", "remaining_seconds", "units"} < lines[0].keys()
    with closing(sqlite3.connect(source)) as connection:
        usage = connection.execute("SELECT count(*) FROM DataUsage").fetchone()[0]
    assert (lines[-1]["verified"], lines[-1]["differences"]) == (True, [])
    assert lines[-1]["rows"]["DataUsage"] == usage


def test_one_that_is_killed_goes_on_and_ends_as_if_nothing_had_been(
    account: CosmosAccount, source: Path
) -> None:
    whole, killed = account.place("whole"), account.place("killed")
    assert migrated(source, whole)[0] == 0
    account.peer.fault("slow", operation="batch", times=-1, seconds=0.1)
    process = started(source, killed)
    ends = time.monotonic() + NO_HANGING
    while not any(
        item["id"] == "migration" for item in account.peer.documents(killed.database, killed.directory)
    ):
        assert process.poll() is None and time.monotonic() < ends
        time.sleep(0.01)
    process.kill()
    process.communicate()
    account.peer.faults.clear()
    assert 0 < len(contents(account, killed)) < len(contents(account, whole))

    code, said, _ = command(source, killed, "--json")

    assert code == 0
    assert json.loads(said.splitlines()[0])["resumed_at"] > 0
    assert contents(account, killed) == contents(account, whole)


def test_throttling_and_lost_answers_only_slow_it_down(account: CosmosAccount, known: Path) -> None:
    account.peer.fault("throttle", operation="batch", times=25, retry_after_ms=1)
    account.peer.fault("lose_response", operation="batch", times=3)
    account.peer.fault("throttle", operation="query", times=3, retry_after_ms=1)

    code, said = migrated(known, account.place("throttled"))

    assert code == 0
    assert "is verified, row by row" in said


def test_running_it_again_copies_nothing_and_tells_what_has_changed_since(
    account: CosmosAccount, known: Path
) -> None:
    place = account.place("again")
    assert migrated(known, place)[0] == 0
    account.peer.counters.reset()
    assert migrated(known, place)[0] == 0
    assert account.peer.counters.requests["batch"] == 0
    extra = {"id": "Payments:77", "customer": "1", "kind": "Payments", "data": {"payment_id": 77}}
    changed = next(item for item in contents(account, place).values() if item["id"] == "Products:1")
    changed["data"]["monthly_fee"] = 26
    asyncio.run(_store(place, extra, changed))

    code, said = migrated(known, place)

    assert code == 3
    assert "different: Payments: 5 rows where the source has 4" in said
    assert "different: Products: the same number of rows, but not the same rows" in said
    assert "is NOT the same as the source" in said


async def _store(place: CosmosPlace, activity: dict[str, Any], directory: dict[str, Any]) -> None:
    containers = CustomerContainers(place)
    await containers.upsert_all("activity", [activity])
    await containers.upsert_all("directory", [directory])
    await containers.close()


def test_containers_with_another_databases_data_are_left_alone(
    account: CosmosAccount, known: Path, source: Path
) -> None:
    place = account.place("taken")
    assert migrated(known, place)[0] == 0
    before = contents(account, place)

    with pytest.raises(CustomerStoreError, match=r"already holds the data of another.*MCP_COSMOS_ACTIVITY"):
        migrated(source, place)

    assert contents(account, place) == before


def test_what_is_missing_is_said_with_an_exit_code_of_its_own(
    account: CosmosAccount, known: Path, tmp_path: Path
) -> None:
    place = account.place("wrong")
    account.peer.assign(PRINCIPAL, "reader")
    code, _, complained = command(known, place)
    assert code == 1 and "Cosmos DB Built-in Data Contributor" in complained
    code, _, complained = command(known, place, "--to", "http://plain.example")
    assert code == 2 and "--to http://plain.example: expected the https address" in complained
    with pytest.raises(CustomerStoreError, match=r"there is no file .*--from"):
        migrated(tmp_path / "none.db", place)
    with pytest.raises(CustomerStoreError, match="is out of reach"):
        migrated(known, absent(account))


def test_an_interrupted_one_says_that_it_can_go_on(account: CosmosAccount, source: Path) -> None:
    account.peer.fault("slow", operation="batch", times=-1, seconds=0.2)
    process = started(source, account.place("interrupted"))
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=NO_HANGING)

    assert process.returncode == 130
    assert "run the same command again" in complained and "Traceback" not in complained


def test_progress_says_rate_and_time_left_and_where_it_began() -> None:
    moments, out = iter([0.0, 2.0, 2.5]), StringIO()
    lines = ProgressLines(out, as_json=False, clock=lambda: next(moments))
    for done in (500, 1500, 1600):
        lines(MigrationProgress("copying", done, 3500, units=10.0, resumed_at=500))

    assert out.getvalue().splitlines() == [
        "copying: 500 of 3,500 items (resumed at 500), 0 a second, 10 request units",
        "copying: 1,500 of 3,500 items (resumed at 500), 500 a second, 4 s left, 10 request units",
    ]


def test_a_server_over_cosmos_says_so_in_health_and_starts_while_it_is_away(
    account: CosmosAccount, known: Path, start_tools: StartTools
) -> None:
    place = account.place("served")
    assert migrated(known, place)[0] == 0
    settings = {"MCP_COSMOS_ACTIVITY": place.activity, "MCP_COSMOS_DIRECTORY": place.directory}

    served = wait_until_ready(start_tools(COSMOS_ENDPOINT=place.endpoint, **settings))
    healthy = httpx.get(served.url.replace("/mcp", "/health"))
    away = wait_until_ready(start_tools(COSMOS_ENDPOINT="https://localhost:1/", **settings))
    unhealthy = httpx.get(away.url.replace("/mcp", "/health"), timeout=20)

    assert healthy.json()["database"] == f"{place} ({place.activity}, {place.directory})"
    assert (healthy.json()["tables"]["Payments"], healthy.json()["data_as_of"]) == (4, "2026-03-10")
    assert unhealthy.status_code == 503 and "is out of reach" in unhealthy.json()["error"]


def test_an_empty_address_keeps_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PATH", "here.db")
    monkeypatch.setenv("COSMOS_ENDPOINT", "")
    assert McpSettings().customers == Path("here.db")
    monkeypatch.setenv("COSMOS_ENDPOINT", "https://name.example")
    assert McpSettings().customers == CosmosPlace("https://name.example", "contoso", "activity", "directory")


def test_an_address_that_would_send_tokens_in_the_clear_is_refused(start_tools: StartTools) -> None:
    process = start_tools(COSMOS_ENDPOINT="http://plain.example")
    _, said = process.communicate(timeout=NO_HANGING)

    assert process.returncode == 2
    assert "COSMOS_ENDPOINT=http://plain.example is not allowed" in said

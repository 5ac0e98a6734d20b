"""What the hub does when the disk, the file or the clock misbehaves."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from taskhub import events
from taskhub.__main__ import cli
from taskhub.clock import SteadyClock, wall_clock
from taskhub.database import open_database
from taskhub.errors import StartupRefused, StorageUnavailable
from taskhub.hub import Hub
from taskhub.settings import TaskHubSettings
from taskhub.transactions import entities
from taskhub.transactions.commands import open_hub
from taskhub.writer import Writer
from tests.taskhub.conftest import DEADLINE_SECONDS, QUIET, ended, eventually, output, run, working
from tests.taskhub.launcher import HubProcess, free_port, rows_in, running_hub


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub for the tests that do it no harm."""
    with running_hub(tmp_path_factory.mktemp("faults")) as hub:
        yield hub


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of a stopped hub, with one hub and one entity in it."""
    path = tmp_path / "place" / "taskhub.db"
    path.parent.mkdir()
    with closing(open_database(path, "FULL")) as connection:
        connection.execute("INSERT INTO hubs (id, name) VALUES (1, 'default')")
        connection.execute("INSERT INTO entities (hub, entity_id, modified_at) VALUES (1, '@ledger@a', 0)")
    return path


def refusal(db: Path, *before: str) -> str:
    """What a hub says that will not start on the file."""
    serve = [sys.executable, "-m", "taskhub", "--port", str(free_port()), "--db", str(db)]
    command = [*before, "env", "TASKHUB_DASHBOARD_PORT=0", *serve]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def problems(db: Path) -> list[dict[str, Any]]:
    """What ``fraud-taskhub check`` finds."""
    done = CliRunner().invoke(cli, ["check", "--json", "--db", str(db)])
    return list(json.loads(done.stdout)["problems"])


def health(hub: HubProcess) -> int:
    """What gRPC's health service says."""
    with grpc.insecure_channel(f"127.0.0.1:{hub.port}") as channel:
        return int(HealthStub(channel).Check(HealthCheckRequest(), timeout=10).status)


# --- disk full


def test_a_full_disk_refuses_writes_pauses_work_and_recovers_by_itself(own_hub: HubProcess) -> None:
    client = Client(**own_hub.connection, logger=QUIET)
    with working(own_hub):
        run(client, "chain", 1, instance_id="before")
        resource.prlimit(own_hub.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        with pytest.raises(grpc.RpcError) as refused:
            client.schedule_new_orchestration("echo", input=1, instance_id="meanwhile")
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert "refused the write" in refused.value.details()
        eventually(lambda: health(own_hub) == HealthCheckResponse.NOT_SERVING, "NOT_SERVING")
        assert client.get_orchestration_state("before") is not None
        assert client.get_orchestration_state("meanwhile") is None
        resource.prlimit(own_hub.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        eventually(lambda: health(own_hub) == HealthCheckResponse.SERVING, "SERVING")
        assert output(run(client, "chain", 1, instance_id="after")) == 4
    own_hub.stop()
    assert problems(own_hub.db) == []


def test_work_whose_result_the_full_disk_refused_is_done_again_not_lost(own_hub: HubProcess) -> None:
    client = Client(**own_hub.connection, logger=QUIET)
    with working(own_hub):
        client.schedule_new_orchestration("outcome_of_slow", instance_id="slow")
        eventually(lambda: rows_in(own_hub.db, "activities"), "the activity")
        resource.prlimit(own_hub.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        eventually(lambda: health(own_hub) == HealthCheckResponse.NOT_SERVING, "the refused completion")
        resource.prlimit(own_hub.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert output(ended(client, "slow")) == "slept"


async def test_a_commit_that_does_not_fit_stores_nothing_and_the_next_one_may(tmp_path: Path) -> None:
    connection = open_database(tmp_path / "hub.db", "FULL")
    writer = Writer(connection, lambda _: None, wall_clock)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 2}")
    large = entities.Signal("@ledger@a", b"x" * 1_000_000)
    hub = await writer.submit(open_hub("default"))
    with pytest.raises(StorageUnavailable, match="full"):
        await writer.submit(entities.signal(hub, large))
    assert writer.failure is not None
    connection.execute("PRAGMA max_page_count=1000000")
    await writer.submit(entities.signal(hub, large))
    assert writer.failure is None
    assert connection.execute("SELECT count(*) FROM operations").fetchone()[0] == 1
    await writer.close()


# --- read-only file or directory


@pytest.fixture
def unprivileged() -> tuple[str, ...]:
    """What makes a command obey file modes even when root runs the tests."""
    if psutil.Process().uids().effective != 0:
        return ()
    if (setpriv := shutil.which("setpriv")) is None:
        pytest.skip("root ignores file modes, and there is no setpriv to change that")
    return (setpriv, "--inh-caps=-all", "--bounding-set=-all")


def test_a_read_only_file_is_refused_and_left_as_it_is(file: Path, unprivileged: tuple[str, ...]) -> None:
    before = file.read_bytes()
    file.chmod(0o444)
    said = refusal(file, *unprivileged)
    assert "readonly" in said
    assert "writable" in said
    assert file.read_bytes() == before


def test_a_read_only_directory_is_refused_but_can_be_checked(
    file: Path, unprivileged: tuple[str, ...]
) -> None:
    file.parent.chmod(0o555)
    try:
        assert "cannot be written" in refusal(file, *unprivileged)
        check = [*unprivileged, sys.executable, "-m", "taskhub", "check", "--db", str(file)]
        done = subprocess.run(check, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        file.parent.chmod(0o755)


# --- damage


def test_a_damaged_page_stops_the_start_with_a_sentence_that_names_check(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO payloads (key, input) VALUES (1, ?)", ("x" * 9000,))
        connection.commit()
    _spoil(file, "payloads")
    said = refusal(file)
    assert "is damaged" in said
    assert "fraud-taskhub check" in said
    assert problems(file)[0]["kind"] == "damage"
    mended = CliRunner().invoke(cli, ["check", "--repair", "--db", str(file)])
    assert mended.exit_code == 1
    assert "restore a backup" in mended.stdout


def _spoil(db: Path, table: str) -> None:
    """Flip every bit of the table's root page."""
    with closing(sqlite3.connect(db)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        root = connection.execute(query, (table,)).fetchone()[0]
    with db.open("r+b") as file:
        file.seek((root - 1) * size)
        page = file.read(size)
        file.seek((root - 1) * size)
        file.write(bytes(byte ^ 0xFF for byte in page))


def test_a_damaged_header_stops_the_start_with_a_sentence_that_names_check(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"\xff" * 64)
    with pytest.raises(StartupRefused, match="fraud-taskhub check"):
        open_database(file, "FULL")
    assert CliRunner().invoke(cli, ["check", "--db", str(file)]).exit_code == 2


def test_a_damaged_index_is_built_again_by_repair(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # The row goes into the table while the index is hidden, so that the index lacks it.
        connection.execute("PRAGMA writable_schema=ON")
        hidden = connection.execute("SELECT * FROM sqlite_master WHERE name = 'timers_by_due'").fetchone()
        connection.execute("DELETE FROM sqlite_master WHERE name = 'timers_by_due'")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO timers (seq, due, kind, key, generation, event) VALUES (1, ?, 2, 1, 0, ?)",
            (wall_clock() + 3_600_000_000, events.operation_signaled(0, "r", "add", "1", "@ledger@a")),
        )
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", hidden)
    assert {found["kind"] for found in problems(file)} == {"damage"}
    assert CliRunner().invoke(cli, ["check", "--repair", "--db", str(file)]).exit_code == 0
    assert problems(file) == []


def test_a_damaged_page_met_by_a_call_is_data_loss_and_the_hub_goes_on(tmp_path: Path) -> None:
    with running_hub(tmp_path, {"TASKHUB_CHECK_SECONDS": "0"}) as hub:
        Client(**hub.connection, logger=QUIET).schedule_new_orchestration("echo", instance_id="spoiled")
        hub.stop()
        _spoil(hub.db, "payloads")
        hub.start()
        client = Client(**hub.connection, logger=QUIET)
        with pytest.raises(grpc.RpcError) as refused:
            client.get_orchestration_state("spoiled")
        assert refused.value.code() == grpc.StatusCode.DATA_LOSS
        assert "fraud-taskhub check" in refused.value.details()
        assert hub.answers()


async def test_a_hub_that_can_no_longer_read_says_so_instead_of_standing_still(tmp_path: Path) -> None:
    hub = Hub(TaskHubSettings(db=tmp_path / "hub.db"))
    hub.start()
    hub.scanner.close()
    hub.dispatcher.schedule.queue(1, 0).overflowed = True  # type: ignore[arg-type]
    hub.dispatcher.resume()
    await asyncio.wait_for(hub.broken.wait(), DEADLINE_SECONDS)
    with suppress(sqlite3.ProgrammingError):
        await hub.close()


# --- two hubs


def test_a_second_hub_is_refused_also_through_a_link(shared: HubProcess, tmp_path: Path) -> None:
    link = tmp_path / "other.db"
    link.symlink_to(shared.db)
    assert f"process {shared.pid}" in refusal(link)
    assert shared.answers()


# --- the clock


@given(st.lists(st.integers(-(10**12), 10**12), max_size=30))
def test_time_never_runs_backwards_and_never_behind_the_wall(steps: list[int]) -> None:
    wall, running = 10**15, 0
    clock = SteadyClock(lambda: wall, lambda: running)
    before = clock()
    for step in steps:
        wall, running = wall + step, running + 7
        now = clock()
        assert now >= before + 7
        assert now >= wall
        before = now


def test_set_back_the_clock_goes_on_at_its_own_pace() -> None:
    wall, running = 10**15, 0
    clock = SteadyClock(lambda: wall, lambda: running)
    wall -= 3_600_000_000
    running += 5_000_000
    assert clock() == 10**15 + 5_000_000


async def test_a_timer_fires_in_time_although_the_clock_was_set_back_an_hour(tmp_path: Path) -> None:
    step = 0
    hub = Hub(TaskHubSettings(db=tmp_path / "hub.db"), SteadyClock(lambda: wall_clock() + step))
    hub.start()
    number = await hub.hub_id("default")
    delayed = entities.Signal("@ledger@a", events.operation_signaled(0, "r", "add", "1", "@ledger@a"))
    step = -3_600_000_000
    due = hub.now() + 200_000
    signal = entities.Signal(delayed.entity_id, delayed.event, due)
    await hub.writer.submit(entities.signal(number, signal))
    await asyncio.to_thread(eventually, lambda: rows_in(tmp_path / "hub.db", "operations"), "the signal")
    assert hub.now() >= due
    await hub.close()

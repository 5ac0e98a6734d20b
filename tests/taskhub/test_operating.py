"""The commands beside serving: check and repair, backup, vacuum, retention, show, migrations."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from taskhub.__main__ import cli
from taskhub.database import SCHEMA_VERSION, open_database
from taskhub.operating.ages import parse_age, parse_statuses
from taskhub.operating.examination import examine
from taskhub.timeline import shorten
from tests.taskhub.conftest import QUIET, ended, eventually, output, run, working
from tests.taskhub.launcher import HubProcess, rows_in, running_hub


def command(db: Path, *arguments: str) -> Result:
    """What ``fraud-taskhub ARGUMENTS`` on a file does."""
    return CliRunner().invoke(cli, [*arguments, "--db", str(db)])


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubProcess, Client]]:
    """A running hub that has seen instances of every kind, some of which still wait."""
    with running_hub(tmp_path_factory.mktemp("lived")) as hub, working(hub):
        client = Client(**hub.connection, logger=QUIET)
        run(client, "retrying", 2, instance_id="retried")
        run(client, "failing", "on purpose", instance_id="failed")
        run(client, "transfer", {"from": "a", "to": "b", "amount": 3}, instance_id="transferred")
        run(client, "parent", {"name": "chain", "input": 5}, instance_id="parent")
        client.schedule_new_orchestration("waiting", input=2, instance_id="waiting")
        client.schedule_new_orchestration("sleeping", input=3600, instance_id="sleeping")
        client.schedule_new_orchestration("holder", input="held", instance_id="holder")
        eventually(lambda: "locked" in str(client.get_orchestration_state("holder")), "the lock")
        yield hub, client


@pytest.fixture
def copy(lived: tuple[HubProcess, Client], tmp_path: Path) -> Path:
    """A backup of that hub's file, to be damaged at will."""
    target = tmp_path / "copy.db"
    done = command(lived[0].db, "backup", str(target))
    assert done.exit_code == 0, done.stderr
    return target


def problems(db: Path, *options: str) -> list[str]:
    """Kind and place of what ``check`` finds."""
    done = command(db, "check", "--json", *options)
    found = json.loads(done.stdout)["problems"]
    assert done.exit_code == (1 if found else 0), done.stderr
    return [f"{problem['kind']} {problem['where']}" for problem in found]


def test_a_hub_that_worked_is_sound_while_it_runs(lived: tuple[HubProcess, Client]) -> None:
    assert problems(lived[0].db) == []


def test_a_backup_of_a_running_hub_is_a_hub(copy: Path) -> None:
    assert problems(copy) == []
    hub = HubProcess(copy.parent)
    hub.db = copy
    hub.start()
    try:
        with working(hub):
            client = Client(**hub.connection, logger=QUIET)
            for word in ("one", "two"):
                client.raise_orchestration_event("waiting", "Next", data=word)
            assert output(ended(client, "waiting")) == ["one", "two"]
    finally:
        hub.kill()


def test_a_backup_overwrites_nothing(copy: Path) -> None:
    before = copy.read_bytes()
    again = command(copy, "backup", str(copy))
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert copy.read_bytes() == before


def delete(query: str) -> Callable[[sqlite3.Connection], object]:
    """Damage that one statement does."""
    return lambda connection: connection.execute(query)


KEY = "(SELECT key FROM instances WHERE instance_id = '{}')"
DAMAGES = [
    ("DELETE FROM timers WHERE key = " + KEY.format("sleeping"), "stuck sleeping"),
    ("DELETE FROM payloads WHERE key = " + KEY.format("waiting"), "missing waiting"),
    ("INSERT INTO inbox (key, seq, kind, event) VALUES (999, 1, 0, x'')", "orphan inbox"),
    ("INSERT INTO history (key, turn, events) VALUES (999, 0, x'')", "orphan history"),
    (
        f"INSERT INTO inbox (key, seq, kind, event) SELECT {KEY.format('retried')}, 1, 0, x''",
        "leftover inbox",
    ),
    ("DELETE FROM hubs", "orphan instances"),
    (
        f"UPDATE entities SET section = 's', owner_key = {KEY.format('failed')}"
        " WHERE entity_id = '@ledger@a'",
        "lock @ledger@a",
    ),
]


@pytest.mark.parametrize(("damage", "found"), DAMAGES)
def test_what_can_be_mended_is_found_and_mended(copy: Path, damage: str, found: str) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute(damage)
        connection.commit()
    assert found in problems(copy)
    assert problems(copy, "--repair") == []


def test_a_gap_in_a_history_is_found_and_left_to_a_person(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute(f"DELETE FROM history WHERE turn = 2 AND key = {KEY.format('retried')}")
        connection.commit()
    assert problems(copy, "--repair") == ["history retried"]


def test_an_activity_that_vanished_is_scheduled_again_and_the_instance_ends(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        client = Client(**hub.connection, logger=QUIET)
        with working(hub):
            client.schedule_new_orchestration("outcome_of_slow", instance_id="slow")
            eventually(lambda: rows_in(hub.db, "activities"), "the activity")
            hub.kill()
        with closing(sqlite3.connect(hub.db)) as connection:
            connection.execute("DELETE FROM activities")
            connection.commit()
        assert problems(hub.db) == ["stuck slow"]
        assert problems(hub.db, "--repair") == []
        hub.start()
        with working(hub):
            assert output(ended(Client(**hub.connection, logger=QUIET), "slow")) == "slept"


def test_an_instance_whose_start_vanished_begins_after_repair(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        client = Client(**hub.connection, logger=QUIET)
        client.schedule_new_orchestration("waiting", input=1, instance_id="early")
        client.raise_orchestration_event("early", "Next", data="kept")
        hub.kill()
        with closing(sqlite3.connect(hub.db)) as connection:
            connection.execute("DELETE FROM inbox WHERE seq = (SELECT min(seq) FROM inbox)")
            connection.commit()
        assert problems(hub.db) == ["stuck early"]
        assert problems(hub.db, "--repair") == []
        hub.start()
        with working(hub):
            assert output(ended(Client(**hub.connection, logger=QUIET), "early")) == ["kept"]


@pytest.mark.parametrize("arguments", [("check", "--repair"), ("vacuum",)])
def test_what_needs_the_file_alone_is_refused_while_the_hub_runs(
    lived: tuple[HubProcess, Client], arguments: tuple[str, ...]
) -> None:
    done = command(lived[0].db, *arguments)
    assert done.exit_code == 2
    assert "in use by another task hub" in done.stderr


@pytest.mark.parametrize(
    "arguments", [("check",), ("vacuum",), ("show", "x"), ("retention", "--older-than", "1d")]
)
def test_a_file_that_does_not_exist_is_not_made(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = command(tmp_path / "none.db", *arguments)
    assert done.exit_code == 2
    assert "there is no task hub file" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_show_tells_a_history_line_by_line(lived: tuple[HubProcess, Client]) -> None:
    hub, _ = lived
    told = command(hub.db, "show", "retried").stdout
    assert "activity flaky (#1) failed  builtins.RuntimeError: attempt 1" in told
    assert told.rstrip().endswith("ended: completed  3")
    assert "waits for        a timer at" in command(hub.db, "show", "sleeping").stdout
    assert command(hub.db, "show", "nobody").exit_code == 2


def test_programs_are_told_in_json_and_so_are_refusals(copy: Path) -> None:
    def told(*arguments: str, code: int = 0) -> dict[str, object]:
        done = command(copy, *arguments, "--json")
        assert done.exit_code == code, done.output
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    backup = told("backup", str(copy.with_name("second.db")))
    assert backup["instances"] == rows_in(copy, "instances")
    assert told("vacuum").keys() == {"path", "bytes_before", "bytes_after"}
    counted = told("retention", "--older-than", "0s", "--status", "failed", "--dry-run")
    assert counted == {"instances": 1, "deleted": False}
    (shown,) = told("show", "retried")["instances"]  # type: ignore[misc]
    assert (shown["status"], shown["history"][-1]["what"]) == ("completed", "ended: completed")
    assert "nobody" in str(told("show", "nobody", code=2)["error"])


@given(st.text(max_size=600))
def test_no_text_can_command_a_terminal_or_break_a_line(text: str) -> None:
    line = shorten(text)
    assert line.isprintable()
    assert len(line) <= 240


def test_retention_forgets_by_age_and_status_beside_a_running_hub(copy: Path) -> None:
    before = rows_in(copy, "instances")
    unripe = command(copy, "retention", "--older-than", "1d")
    assert unripe.stdout.startswith("0 instances were deleted")
    dry = command(copy, "retention", "--older-than", "0s", "--status", "failed", "--dry-run")
    assert dry.stdout.startswith("1 instances would be deleted")
    done = command(copy, "retention", "--older-than", "0s", "--status", "failed")
    assert done.stdout.startswith("1 instances were deleted")
    assert rows_in(copy, "instances") == before - 1
    command(copy, "retention", "--older-than", "0s")
    assert rows_in(copy, "instances") == 3
    assert problems(copy) == []


def test_a_sub_orchestration_is_kept_until_its_parent_has_ended(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute(
            "UPDATE instances SET status = 0, completed_at = NULL WHERE instance_id = 'parent'"
        )
        connection.commit()
    command(copy, "retention", "--older-than", "0s")
    with closing(sqlite3.connect(copy)) as connection:
        kept = connection.execute("SELECT instance_id FROM instances WHERE parent_key IS NOT NULL").fetchall()
    assert len(kept) == 1


def test_automatic_retention_forgets_while_the_hub_runs(tmp_path: Path) -> None:
    settings = {"TASKHUB_RETENTION_AGE": "0.1s", "TASKHUB_RETENTION_STATUSES": "completed"}
    with running_hub(tmp_path, settings) as hub, working(hub):
        client = Client(**hub.connection, logger=QUIET)
        run(client, "echo", 1, instance_id="soon gone")
        run(client, "failing", "kept", instance_id="kept")
        eventually(lambda: client.get_orchestration_state("soon gone") is None, "the deletion")
        assert client.get_orchestration_state("kept") is not None


@pytest.mark.parametrize(
    ("text", "age"), [("30d", 30 * 86_400), ("1.5h", 5400), (" 2W ", 1_209_600), ("0s", 0)]
)
def test_ages_are_a_number_and_a_unit(text: str, age: float) -> None:
    assert parse_age(text) == timedelta(seconds=age)


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1y", "9" * 30 + "w", "1d2h"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="age"):
        parse_age(text)


@pytest.mark.parametrize("text", ["", "running", "completed,runing"])
def test_only_statuses_an_instance_ends_in_can_be_forgotten(text: str) -> None:
    with pytest.raises(ValueError, match="completed, failed"):
        parse_statuses(text)


def test_an_older_file_is_migrated_with_everything_in_it(copy: Path) -> None:
    before = _dump(copy)
    with closing(sqlite3.connect(copy)) as connection:
        connection.executescript("DROP TABLE parked; PRAGMA user_version=1;")
    with closing(open_database(copy, "FULL")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        assert examine(connection) == []
    assert _dump(copy) == before


def test_the_first_schema_leads_to_the_present_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(resources.files("taskhub").joinpath("schema.sql").read_text("utf-8"))
        connection.execute("PRAGMA user_version=1")
    for path in (old, new):
        open_database(path, "FULL").close()
    assert _dump(old) == _dump(new)


def _dump(db: Path) -> list[str]:
    with closing(sqlite3.connect(db)) as connection:
        return sorted(line for line in connection.iterdump() if "sqlite_sequence" not in line)


def test_vacuum_gives_space_back(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE payloads SET input = ?", ("x" * 900_000,))
        connection.execute("UPDATE payloads SET input = NULL")
        connection.commit()
    before = copy.stat().st_size
    assert command(copy, "vacuum").exit_code == 0
    assert copy.stat().st_size < before / 10
    assert problems(copy) == []


def test_a_wrong_setting_is_a_sentence_for_the_commands_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKHUB_PORT", "eighty")
    done = CliRunner().invoke(cli, ["check"])
    assert done.exit_code == 2
    assert "TASKHUB_PORT=eighty" in done.stderr


def test_the_file_may_be_named_before_the_command(copy: Path) -> None:
    assert CliRunner().invoke(cli, ["--db", str(copy), "check"]).exit_code == 0

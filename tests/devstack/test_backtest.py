"""Trying rules on a recording, from the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.cli import app
from devstack.backtest import run_backtest
from devstack.cli import add_commands
from devstack.errors import StackError
from devstack.stories import STORIES
from tests.builders import NOW


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    story = next(item for item in STORIES if item.key == "shopping_spree")
    lines = [
        {
            "event_id": f"E-{number}",
            "customer_id": 3,
            "occurred_at": (NOW + event.offset).isoformat(),
            "event_type": event.event_type,
            "details": dict(event.details),
        }
        for number, event in enumerate(story.telemetry)
    ]
    file = tmp_path / "telemetry.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    return file


def test_a_recording_trips_the_rule_it_should(recording: Path) -> None:
    report = run_backtest(recording.read_text().splitlines(), None)
    assert {rule.rule_id for rule in report.rules if rule.hits and rule.mode == "active"} == {
        "unusual_charges"
    }


def test_other_rules_give_other_answers(recording: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[rule]]\nid = "any_charge"\nkind = "count"\ntitle = "A charge"\ndescription = "{count} charges"\n'
        'severity = "low"\nevent_type = "transaction"\nwindow = "1h"\nthreshold = 1\ndedup = "1h"\n'
    )
    report = run_backtest(recording.read_text().splitlines(), rules)
    assert [rule.rule_id for rule in report.rules] == ["any_charge"]
    assert report.hits >= 1


def test_a_bad_line_is_named(recording: Path) -> None:
    with pytest.raises(StackError, match="line 1: "):
        run_backtest(['{"event_id": "x"}'], None)


def test_a_bad_rules_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text('[[rule]]\nid = "x"\nkind = "guess"\n')
    with pytest.raises(StackError, match=r"rules\.toml"):
        run_backtest([], tmp_path / "rules.toml")


def test_the_command_prints_a_table_or_json_and_says_what_is_missing(recording: Path) -> None:
    if not any(
        command.callback and command.callback.__name__ == "backtest" for command in app.registered_commands
    ):
        add_commands(app)
    runner = CliRunner()
    assert "unusual_charges v1" in runner.invoke(app, ["backtest", str(recording)]).output
    as_json = runner.invoke(app, ["backtest", str(recording), "--json"])
    assert json.loads(as_json.output)["events"] > 0
    missing = runner.invoke(app, ["backtest", "nowhere.jsonl"])
    assert missing.exit_code == 1
    assert "cannot read nowhere.jsonl" in missing.output

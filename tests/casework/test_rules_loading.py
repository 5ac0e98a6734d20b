"""A wrong rule file is refused with the file, the rule, the field and what is allowed."""

from pathlib import Path

import pytest

from casework.errors import InvalidInputError
from casework.rules import RuleFileError, default_rules, load_rules, parse_rules
from casework.rules.durations import in_words, parse_seconds
from casework.rules.wording import listing
from tests.casework.rule_records import record, run

GOOD = {
    "id": '"late_calls"',
    "kind": '"count"',
    "title": '"Calls"',
    "description": '"{count} calls"',
    "severity": '"low"',
    "event_type": '"call"',
    "window": '"2h"',
    "threshold": "3",
    "dedup": "60",
}


def _toml(**changes: str | None) -> str:
    fields = {**GOOD, **changes}
    return "[[rule]]\n" + "".join(f"{key} = {value}\n" for key, value in fields.items() if value is not None)


def test_a_good_rule_is_read_with_its_defaults() -> None:
    [rule] = parse_rules(_toml(), "mine.toml")
    assert (rule.id, rule.alert_type, rule.version, rule.mode) == ("late_calls", "late_calls", 1, "active")
    assert (rule.window_seconds, rule.dedup) == (7200.0, 60.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window": '"2 weeks"'}, ["window", "'2 weeks' is not a duration", '"300s", "15m", "2h", "1d"']),
        ({"window": "0"}, ["window", "greater than or equal to 1"]),
        ({"window": None}, ["window: is required"]),
        ({"threshold": "0"}, ["threshold", "greater than or equal to 1"]),
        ({"severity": '"severe"'}, ["severity", "'low', 'medium', 'high' or 'critical'"]),
        ({"mode": '"on"'}, ["mode", "'active' or 'shadow'"]),
        ({"kind": '"counts"'}, ["kind", "'counts'", "count, distinct, sum, spike, threshold, sequence"]),
        ({"event_type": '"calls"'}, ["event_type", "'calls' is not an event type", "login, transaction"]),
        ({"event_type": "[]"}, ["event_type", "at least 1 item"]),
        ({"treshold": "3"}, ["treshold: is not known here", "threshold"]),
        ({"field": '"length"'}, ["'length' is not a field of call", "destination, minutes, premium"]),
        ({"id": '"Late-Calls"'}, ["id", "should match pattern"]),
        ({"description": '"{calls}"'}, ["{calls}", "allowed here: {count}"]),
        ({"description": '"{count.__class__}"'}, ["{count.__class__}", "allowed here"]),
        ({"description": '"{count"'}, ["not a valid template"]),
        ({"description": '"{count:zz}"'}, ["cannot be filled in"]),
        ({"where": '[{ field = "premium" }]'}, ["where.0", "equals, one_of, at_least, at_most"]),
        (
            {"where": '[{ field = "destination", at_most = 3 }]'},
            ["'destination' is not a numeric field", "minutes"],
        ),
        ({"where": '[{ field = "premium", is = true }]'}, ["where.0.is", "not known"]),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(changes: dict[str, str | None], said: list[str]) -> None:
    with pytest.raises(RuleFileError) as refused:
        parse_rules(_toml(**changes), "mine.toml")
    message = str(refused.value)
    assert message.startswith("mine.toml: ")
    assert "rule 1" in message
    for words in said:
        assert words in message


def test_every_problem_is_reported_at_once() -> None:
    text = _toml(severity='"x"', threshold="0") + _toml(id='"other"', window='"x"') + _toml() + _toml()
    with pytest.raises(RuleFileError) as refused:
        parse_rules(text, "mine.toml")
    assert len(refused.value.problems) == 4
    assert "late_calls: id is used twice" in str(refused.value)


@pytest.mark.parametrize("text", ["", "rule = 3", "rule = [3]", "not toml at all", "[[rules]]\nid = 1\n"])
def test_a_file_without_rules_is_refused(text: str) -> None:
    with pytest.raises(RuleFileError, match=r"mine\.toml"):
        parse_rules(text, "mine.toml")


def test_a_sequence_does_not_repeat_a_step() -> None:
    step = '{ event_type = "refund" }'
    text = _toml(kind='"sequence"', event_type=None, threshold=None, steps=f"[{step}, {step}]")
    with pytest.raises(RuleFileError, match="one step with count = 2"):
        parse_rules(text, "mine.toml")


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"nowhere\.toml.*cannot be read"):
        load_rules(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInputError, match=r"binary\.toml.*cannot be read"):
        load_rules(tmp_path / "binary.toml")


def test_a_file_may_hold_the_default_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(_toml(), encoding="utf-8")
    assert [rule.id for rule in load_rules(file)] == ["late_calls"]
    assert len(default_rules()) == 20


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), (5, 5), ("1.5h", 5400)]
)
def test_durations_are_read(written: object, seconds: float) -> None:
    assert parse_seconds(written) == seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "under a second"),
        (1, "1 second"),
        (90, "90 seconds"),
        (420, "7 minutes"),
        (3600, "1 hour"),
        (7190, "120 minutes"),
    ],
)
def test_durations_are_said(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_values_from_outside_are_made_safe_to_show() -> None:
    shown = listing(["\x1b[31mUSA", "a" * 100])
    assert f"{shown}" == f"?[31mUSA and {'a' * 59}…"
    assert f"{listing('abcdefg')}" == "a, b, c, d, e and 2 more"


def test_a_value_that_looks_like_a_template_stays_text() -> None:
    [rule] = parse_rules(
        _toml(field='"destination"', threshold="1", description='"to {values}"'), "mine.toml"
    )
    [found] = run((rule,), [record("call", destination="{count.__class__}")])
    assert found.alert.description == "to {count.__class__}"

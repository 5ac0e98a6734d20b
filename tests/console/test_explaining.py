"""What `--help` says: names of what to write, and no type of a flag that takes none."""

import re

import pytest
from typer.testing import CliRunner

from console.cli import app

VERBS = (
    "",
    "cases",
    "show",
    "approve",
    "reject",
    "escalate",
    "note",
    "tag",
    "tail",
    "record",
    "login",
    "config",
)


def _help(verb: str) -> str:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [*verb.split(), "--help"]).output


@pytest.mark.parametrize("verb", VERBS)
def test_no_type_of_python_is_shown_to_people(verb: str) -> None:
    assert re.findall(r"<(?:bool|str|int|float|path|list)[^>]*>", _help(verb)) == []


def test_each_verdict_offers_its_own_reason_codes() -> None:
    assert "wrong_risk" in _help("reject")
    assert "wrong_risk" not in _help("escalate")
    assert "customer_verified" in _help("approve")
    assert "needs_expertise" not in _help("approve")


def test_what_is_missing_is_named_as_in_the_help() -> None:
    assert "Missing argument 'CASE'" in CliRunner().invoke(app, ["approve"]).output
    assert "Missing option '--feedback'" in CliRunner().invoke(app, ["reject", "x"]).output

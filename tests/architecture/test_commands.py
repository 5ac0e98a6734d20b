"""Whatever a command of ours prints, a script can have as JSON."""

import argparse
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

import mcp_tools.__main__ as tools
import server.__main__ as server
import worker.__main__ as worker
from console.cli import app
from devstack.cli import add_commands
from taskhub.__main__ import cli

WITHOUT_JSON = {
    "fraud-console up": "runs until it is stopped; `doctor --json` and `health --json` say how it is",
    "fraud-console simulate": "runs until it is stopped; `tail --json` prints what it sends",
}
"""Commands that need no `--json`, and why."""


def commands_below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words one types."""
    for word, below in getattr(command, "commands", {}).items():
        if getattr(below, "commands", None):
            yield from commands_below(f"{name} {word}", below)
        else:
            yield f"{name} {word}", below


def typed() -> dict[str, set[str]]:
    """The options of every command made with typer."""
    add_commands(app)
    groups = (("fraud-console", app), ("fraud-taskhub", cli))
    return {
        name: {option for param in command.params for option in param.opts}
        for program, group in groups
        for name, command in commands_below(program, get_command(group))
    }


def parsed() -> dict[str, set[str]]:
    """The options of every command made with argparse."""
    found: dict[str, set[str]] = {}
    for parser in (server.command_line(), tools.command_line(), worker.command_line()):
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found |= {
                    f"{parser.prog} {name}": set(below._option_string_actions)
                    for name, below in action.choices.items()
                }
    return found


COMMANDS = typed() | parsed()


def test_every_program_with_commands_is_looked_at() -> None:
    assert len(COMMANDS) > 40
    assert {name.split()[0] for name in COMMANDS} == {
        "fraud-console",
        "fraud-taskhub",
        "fraud-server",
        "fraud-mcp-tools",
    }


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_answers_in_json_or_has_a_reason_not_to(name: str) -> None:
    assert ("--json" in COMMANDS[name]) is (name not in WITHOUT_JSON)


def test_no_reason_outlives_its_command() -> None:
    assert WITHOUT_JSON.keys() <= COMMANDS.keys()

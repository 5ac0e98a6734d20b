"""The shell completes commands and flags: offline, without loading what is slow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
START = "import sys; sys.argv[:] = ['fraud-console']; from devstack.__main__ import main; main()"


def completed(line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    environment = os.environ | {
        "_FRAUD_CONSOLE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", START],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=50,
        env=environment,
    )
    loaded = {row.rpartition("|")[2].strip() for row in run.stderr.splitlines()}
    assert not {"textual", "httpx"} & loaded
    return run.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("fraud-console app", ["approve"]),
        ("fraud-console doc", ["doctor"]),
        ("fraud-console cases --js", ["--json"]),
        ("fraud-console --the", ["--theme"]),
        ("fraud-console --theme ", ["dark", "light", "ansi", "colourblind"]),
    ],
)
def test_commands_flags_and_choices_are_completed(line: str, offered: list[str]) -> None:
    assert completed(line) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_every_common_shell(shell: str) -> None:
    environment = os.environ | {"_FRAUD_CONSOLE_COMPLETE": f"source_{shell}"}
    run = subprocess.run(
        [sys.executable, "-c", START],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=50,
        env=environment,
    )
    assert f"_FRAUD_CONSOLE_COMPLETE=complete_{shell}" in run.stdout

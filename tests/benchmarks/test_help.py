"""Whoever asks a benchmark what it does is told, and nothing is measured."""

import runpy
import sys
from pathlib import Path

import pytest

import benchmarks

FOLDER = Path(benchmarks.__file__).parent
STARTED = sorted(
    ".".join(("benchmarks", *file.parent.relative_to(FOLDER).parts)) for file in FOLDER.rglob("__main__.py")
)


@pytest.mark.parametrize("name", [*STARTED, "benchmarks.console.desk", "benchmarks.console.triage"])
def test_help_explains_and_runs_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    module = f"{name}.__main__" if name in STARTED else name
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")
    said = capsys.readouterr().out
    assert (ended.value.code, said.startswith(f"usage: python -m {name}")) == (0, True)

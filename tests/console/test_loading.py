"""What is loaded when: help without a screen, the core without Textual, the first frame without HTTP."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nsys.stdout.write(' '.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=50
    )
    return {name.split(".")[0] for name in run.stdout.split()} | set(run.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "state",
        "news",
        "format",
        "lines",
        "api",
        "feed",
        "desk",
        "pages.case_sections",
        "pages.status",
    ],
)
def test_the_core_never_loads_textual(module: str) -> None:
    assert "textual" not in loaded_by(f"import console.{module}")


def test_the_command_line_loads_neither_textual_nor_http() -> None:
    assert not {"textual", "httpx"} & loaded_by("import console.cli")


def test_the_first_frame_needs_no_http() -> None:
    assert "httpx" not in loaded_by("import console.app")

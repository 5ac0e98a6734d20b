"""Our flat package names are ours alone, and starting is cheap."""

import ast
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

PACKAGES = ("casework", "backends", "taskhub", "worker", "server", "mcp_tools", "console", "devstack")
HEAVY = ("textual", "httpx", "openai", "fastmcp", "durabletask", "azure", "grpc", "fastapi")


def test_no_dependency_ships_a_package_of_our_names() -> None:
    clashes = [
        f"{distribution.name}: {file}"
        for distribution in distributions()
        if distribution.name != "fraud-console"
        for file in distribution.files or ()
        if file.parts[0] in PACKAGES
    ]
    assert clashes == []


def loaded_by(code: str) -> set[str]:
    """Which heavy packages a piece of code loads, in a fresh interpreter."""
    probe = f"import sys\n{code}\nprint(','.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(ran.stdout.strip().splitlines()[-1].split(",")) & set(HEAVY)


def test_the_command_line_loads_nothing_heavy_before_it_knows_what_to_do() -> None:
    code = "from console.cli import app; from devstack.cli import add_commands; add_commands(app)"
    assert loaded_by(code) == set()


def test_the_domain_loads_no_framework() -> None:
    modules = (
        "alert case commands events finding flow policy ports recording rules telemetry transitions views"
    )
    assert loaded_by("; ".join(f"import casework.{name}" for name in modules.split())) == set()


def test_the_console_core_runs_without_the_screen() -> None:
    code = "import console.state, console.reducing, console.format, console.api"
    assert "textual" not in loaded_by(code)


def test_embedded_backends_do_not_load_azure() -> None:
    assert "azure" not in loaded_by("import backends.embedded.case_store, backends.embedded.event_bus")


@pytest.mark.parametrize(
    "name", ["fraud-console", "fraud-server", "fraud-worker", "fraud-mcp-tools", "fraud-taskhub"]
)
def test_every_program_says_what_it_is_for(name: str) -> None:
    program = Path(sys.executable).parent / name
    ran = subprocess.run([program, "--help"], capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode == 0, ran.stderr
    assert "Usage" in ran.stdout or "usage" in ran.stdout


def test_nothing_raises_within_except_star() -> None:
    """Before Python 3.11.4, as in Debian, such an error arrives wrapped in a group, which nobody catches."""
    found = [
        f"{path}:{inner.lineno}"
        for package in PACKAGES
        for path in Path(package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.TryStar)
        for handler in node.handlers
        for inner in ast.walk(handler)
        if isinstance(inner, ast.Raise)
    ]
    assert found == []

"""The bootstrap knows when there is nothing to do, and when what is there is only half made."""

import subprocess
import sys
from pathlib import Path

import pytest

from devstack import bootstrap


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a clone, whose bootstrap runs nothing for real."""
    (tmp_path / "requirements").mkdir()
    for kind in ("runtime", "dev"):
        (tmp_path / "requirements" / f"{kind}.txt").write_text(f"# {kind}\n")
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return tmp_path


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the steps taken; making the environment makes a folder with a working python."""
    taken: list[str] = []

    def step(title: str, _command: list[str]) -> None:
        taken.append(title)
        if title == "Creating .venv":
            bootstrap.PYTHON.parent.mkdir(parents=True)
            bootstrap.PYTHON.symlink_to(sys.executable)

    monkeypatch.setattr(bootstrap, "_step", step)
    return taken


def test_a_fresh_clone_is_installed_and_then_left_alone(checkout: Path, steps: list[str]) -> None:
    bootstrap._ensure("runtime")
    assert steps[0] == "Creating .venv"
    assert len(steps) == 3
    bootstrap._ensure("runtime")
    assert len(steps) == 3


def test_changed_requirements_are_installed_into_what_is_there(checkout: Path, steps: list[str]) -> None:
    bootstrap._ensure("runtime")
    (checkout / "requirements" / "runtime.txt").write_text("# more\n")
    bootstrap._ensure("runtime")
    assert steps.count("Creating .venv") == 1
    assert len(steps) == 5


def test_the_development_environment_serves_the_demo_too(checkout: Path, steps: list[str]) -> None:
    bootstrap._ensure("dev")
    taken = len(steps)
    bootstrap._ensure("runtime")
    assert len(steps) == taken


def test_a_half_made_environment_is_made_again(checkout: Path, steps: list[str]) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "leftover").touch()
    bootstrap._ensure("runtime")
    assert "Creating .venv" in steps
    assert not (checkout / ".venv" / "leftover").exists()


def test_an_environment_whose_python_is_gone_is_made_again(checkout: Path, steps: list[str]) -> None:
    bootstrap._ensure("runtime")
    bootstrap.PYTHON.unlink()
    bootstrap._ensure("runtime")
    assert steps.count("Creating .venv") == 2


def test_a_failing_step_shows_the_end_of_what_it_said() -> None:
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    with pytest.raises(bootstrap.Trouble, match="the reason"):
        bootstrap._step("Doing", command)


def test_it_runs_on_the_standard_library_alone() -> None:
    code = "import sys; sys.path.insert(0, 'devstack'); import bootstrap; print('fine')"
    ran = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout == "fine\n", ran.stderr


def test_the_blob_emulator_is_installed_once_and_not_without_node(
    checkout: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _tool: None)
    bootstrap._blob_emulator()
    assert steps == []
    monkeypatch.setattr(bootstrap.shutil, "which", lambda tool: f"/usr/bin/{tool}")
    bootstrap._blob_emulator()
    assert len(steps) == 1
    (checkout / ".azurite").mkdir()
    (checkout / ".azurite" / "ready-1").touch()
    bootstrap._blob_emulator()
    assert len(steps) == 1

"""The scratch environment of the peers: made outside the repository by the ordinary clients, or told."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.taskhub.processes import ROOT

PYTHON_PACKAGES = ("dbos", "restate-sdk", "hypercorn", "py-spy")
NODE_PACKAGE = "@restatedev/restate-server"
INSTALL_SECONDS = 300
DEFAULT_FOLDER = Path(tempfile.gettempdir()) / "fraud-console-peers"


@dataclass(frozen=True)
class PeerTools:
    """Where the peers' programs are; None where one is not there."""

    python: Path | None
    restate_server: Path | None
    py_spy: Path | None

    def has_package(self, name: str) -> bool:
        """Whether the scratch interpreter can import it."""
        if self.python is None:
            return False
        command = [str(self.python), "-c", f"import {name}"]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def find(folder: Path) -> PeerTools:
    """What of the peers is in this folder."""
    servers = sorted(folder.glob("node/node_modules/@restatedev/restate-server-*/bin/restate-server"))
    spy = _existing(folder / "venv/bin/py-spy") or shutil.which("py-spy")
    return PeerTools(
        python=_existing(folder / "venv/bin/python"),
        restate_server=servers[0] if servers else None,
        py_spy=Path(spy) if spy else None,
    )


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None


def install(folder: Path) -> PeerTools:
    """Install what is missing; what cannot be installed is said and left out."""
    if folder.resolve().is_relative_to(ROOT):
        raise SystemExit(f"{folder} is inside the repository; the peers belong outside of it")
    (folder / "node").mkdir(parents=True, exist_ok=True)
    found = find(folder)
    if found.python is None:
        _attempt("a virtual environment", sys.executable, "-m", "venv", folder / "venv")
        python = folder / "venv/bin/python"
        _attempt("DBOS and the Restate SDK", python, "-m", "pip", "install", "--quiet", *PYTHON_PACKAGES)
    if found.restate_server is None:
        npm = shutil.which("npm") or "npm"
        options = ("--prefix", folder / "node", "--ignore-scripts", "--no-audit", "--no-fund")
        _attempt("the Restate server", npm, "install", *options, NODE_PACKAGE)
    return find(folder)


def _attempt(what: str, *command: str | Path) -> None:
    say(f"installing {what} ...")
    try:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            timeout=INSTALL_SECONDS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        say(f"could not install {what}: {error}")


def say(line: str) -> None:
    """A remark that is not part of the tables."""
    print(line, file=sys.stderr, flush=True)

"""Make `.venv` ready: create it, install the hash-pinned dependencies, and do nothing when that is done.

Runs on the system's Python with the standard library alone: `python3 devstack/bootstrap.py [--dev]`.
A half-made environment is made again; a second run at the same time waits for the first.
"""

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
WAIT_SECONDS = 600


def main() -> int:
    """0 when the environment is ready; 1 with a sentence that says what to do when it cannot be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="also install what the tests need")
    arguments = parser.parse_args()
    try:
        _check_python()
        with _lock():
            _ensure("dev" if arguments.dev else "runtime")
            if arguments.dev:
                _blob_emulator()
    except Trouble as trouble:
        print(f"fraud-console: {trouble}", file=sys.stderr)
        return 1
    return 0


class Trouble(Exception):
    """Something only a person can mend; the message says how."""


def _check_python() -> None:
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise Trouble(f"Python 3.11 or newer is needed, this is {found}; try: make demo PYTHON=python3.11")


class _lock:
    """Only one bootstrap at a time; the lock goes with the process, so it cannot be left behind."""

    def __enter__(self) -> None:
        try:
            self.file = (ROOT / ".bootstrap.lock").open("w")
        except OSError as error:
            raise Trouble(f"cannot write to {ROOT}: {error.strerror}; use a folder that is yours") from error
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise Trouble("another installation is still running in this folder") from None
                time.sleep(0.5)

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _ensure(kind: str) -> None:
    stamp = VENV / f".ready-{kind}"
    wanted = _fingerprint(kind)
    if _current(stamp, wanted) or (kind == "runtime" and _current(VENV / ".ready-dev", _fingerprint("dev"))):
        return
    if not any(VENV.glob(".ready-*")) or not _runs():
        _create()
    requirements = ROOT / "requirements" / f"{kind}.txt"
    _step(
        f"Installing the {kind} dependencies (about a minute)",
        # The lock is complete, so nothing is left to resolve; older pips would look for newer releases of
        # packages that are asked for with extras, and then miss their hashes.
        _pip("--no-deps", "--require-hashes", "-r", str(requirements)),
    )
    own = _pip("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    _step("Installing fraud-console itself", own)
    stamp.write_text(wanted)


def _blob_emulator() -> None:
    """What some tests keep their checkpoints in. Without Node they are left out, and say so."""
    if shutil.which("npm") is None or shutil.which("node") is None or any(ROOT.glob(".azurite/ready-*")):
        return
    install = [str(PYTHON), "-c", "from tests.peers.azurite import installed; installed()"]
    _step("Installing the blob emulator for the tests (about half a minute, 365 MB)", install)


def _fingerprint(kind: str) -> str:
    text = (ROOT / "requirements" / f"{kind}.txt").read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    return hashlib.sha256(text + str(ROOT).encode() + sys.version.encode()).hexdigest()


def _current(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text() == wanted and _runs()


def _runs() -> bool:
    return (
        PYTHON.exists()
        and subprocess.run([PYTHON, "-c", ""], check=False, capture_output=True).returncode == 0
    )


def _create() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        _step("Creating .venv", [sys.executable, "-m", "venv", str(VENV)])
    except Trouble:
        shutil.rmtree(VENV, ignore_errors=True)
        _create_without_venv_module()


def _create_without_venv_module() -> None:
    """Debian ships Python without `ensurepip`; the virtualenv package brings what is missing."""
    tool = ROOT / ".bootstrap-virtualenv"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tool), "virtualenv"]
    try:
        _step("Fetching virtualenv, because this Python has no venv module", pip)
        command = [sys.executable, "-c", "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "]
        command[-1] += "runpy.run_module('virtualenv', run_name='__main__')"
        _step("Creating .venv", [*command, str(tool), "--quiet", str(VENV)])
    except Trouble as trouble:
        raise Trouble("no virtual environment could be made; install python3-venv and try again") from trouble
    finally:
        shutil.rmtree(tool, ignore_errors=True)


def _pip(*arguments: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]


def _step(title: str, command: list[str]) -> None:
    """Run one command, showing that time passes; its output is shown only when it fails."""
    started = time.monotonic()
    interactive = sys.stderr.isatty()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if not interactive:
        print(f"{title} ...", file=sys.stderr, flush=True)
    while True:
        try:
            output, _ = process.communicate(timeout=1)
            break
        except subprocess.TimeoutExpired:
            if interactive:
                print(
                    f"\r{title} ... {time.monotonic() - started:.0f} s", end="", file=sys.stderr, flush=True
                )
    if interactive:
        print(f"\r{title}: {time.monotonic() - started:.1f} s        ", file=sys.stderr, flush=True)
    if process.returncode != 0:
        tail = "\n".join(output.strip().splitlines()[-15:])
        raise Trouble(
            f"{title} failed:\n{tail}\nCheck the network and the folder, then run the same command again."
        )


if __name__ == "__main__":
    sys.exit(main())

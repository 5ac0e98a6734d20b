"""Azurite, the vendor's own blob emulator: installed once from npm, started on a free port.

It is pinned and kept in a folder of the working copy that is not checked in.
"""

import contextlib
import fcntl
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.peers.certificates import Certificates
from tests.peers.serving import free_port

VERSION = "3.37.0"
FOLDER = Path(__file__).resolve().parents[2] / ".azurite"
INSTALL_SECONDS = 240
START_SECONDS = 30
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's well-known key."""


@dataclass(frozen=True, slots=True)
class Azurite:
    """A running emulator."""

    url: str

    @property
    def connection_string(self) -> str:
        scheme = self.url.partition("://")[0]
        account = f"AccountName={ACCOUNT};AccountKey={KEY};"
        return f"DefaultEndpointsProtocol={scheme};{account}BlobEndpoint={self.url};"


def missing_tool() -> str | None:
    """Why Azurite cannot run here, if so."""
    absent = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} not installed, and Azurite needs them" if absent else None


def installed(folder: Path = FOLDER) -> Path:
    """The emulator's program; installs it when it is not there. Raises RuntimeError saying what to do."""
    program = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    ready = folder / f"ready-{VERSION}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (ready.exists() and program.exists()):
            _install(folder)
            ready.touch()
    return program


def _install(folder: Path) -> None:
    # What an interrupted installation left would be taken for whole.
    shutil.rmtree(folder / "node_modules", ignore_errors=True)
    command = ["npm", "install", "--prefix", str(folder), f"azurite@{VERSION}", "--no-audit", "--no-fund"]
    command += ["--ignore-scripts", "--no-save", "--loglevel=error"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"npm did not install Azurite within {INSTALL_SECONDS} s; try again") from error
    if done.returncode != 0:
        raise RuntimeError(f"npm could not install Azurite; check the network:\n{done.stderr[-2000:]}")


@contextlib.contextmanager
def running_azurite(certificates: Certificates | None = None) -> Iterator[Azurite]:
    """An empty emulator, gone when the block ends; with certificates it speaks TLS and takes tokens."""
    port = free_port()
    command = ["node", str(installed()), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    if certificates is not None:
        command += ["--oauth", "basic", "--cert", str(certificates.chain), "--key", str(certificates.key)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        scheme = "https" if certificates else "http"
        _wait(process, f"{scheme}://127.0.0.1:{port}/")
        yield Azurite(f"{scheme}://127.0.0.1:{port}/{ACCOUNT}")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url, verify=False, trust_env=False, timeout=2)
            return
        time.sleep(0.05)
    raise RuntimeError(f"Azurite did not answer at {url} within {START_SECONDS} s")

"""Child processes of the benchmark: started, watched and surely gone at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
REST_SHARE = 0.03
"""A process that uses less of a core than this is at rest."""


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    *command: str | Path, environment: Mapping[str, str] | None = None, quiet: bool = True
) -> Iterator[psutil.Popen]:
    """A child that is killed afterwards, whatever happened in between."""
    sink = subprocess.DEVNULL if quiet else None
    child = psutil.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=sink,
    )
    try:
        yield child
    finally:
        kill(child)


def kill(child: psutil.Popen) -> None:
    """End a child at once, as a crash would."""
    with contextlib.suppress(psutil.NoSuchProcess):
        child.kill()
    child.wait(10)


def module(*arguments: str | Path) -> Sequence[str | Path]:
    """The command that runs one of our modules."""
    return (sys.executable, "-m", *arguments)


def end_on_terminate() -> None:
    """Let SIGTERM unwind, so that no child outlives a run that was cut short."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def megabytes(process: psutil.Process) -> float:
    """Resident memory."""
    return float(process.memory_info().rss) / 1e6


def until(condition: Callable[[], bool], seconds: float, what: str, pause: float = 0.02) -> None:
    """Ask until it holds; TimeoutError otherwise."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took longer than {seconds:.0f} s")
        time.sleep(pause)


def come_to_rest(process: psutil.Process, seconds: float = 60.0) -> None:
    """Until the process has nothing left to do."""
    spent = cpu(process)

    def resting() -> bool:
        nonlocal spent
        before, spent = spent, cpu(process)
        return spent - before <= REST_SHARE

    time.sleep(1.0)
    until(resting, seconds, "coming to rest", pause=1.0)


def share_of_a_core(process: psutil.Process, seconds: float) -> float:
    """Percent of one core used over so many seconds."""
    before, started = cpu(process), time.perf_counter()
    time.sleep(seconds)
    return 100 * (cpu(process) - before) / (time.perf_counter() - started)

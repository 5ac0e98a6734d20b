"""A program on a pseudo-terminal of 80 by 24: what it writes, when, and what it costs."""

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import termios
import time
from collections.abc import Mapping, Sequence

import psutil

QUIET_SECONDS = 0.15


class Watched:
    """A program that runs, with every byte it writes counted."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.began = time.perf_counter()
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), {**os.environ, **environment})
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = psutil.Process(self.pid)
        self.written = 0

    def read(self, seconds: float) -> bytes:
        """What is written within so many seconds, at the first sign of it; nothing if nothing is."""
        if not select.select([self._handle], [], [], max(0.0, seconds))[0]:
            return b""
        try:
            got = os.read(self._handle, 1 << 16)
        except OSError:
            return b""
        self.written += len(got)
        return got

    def until(self, mark: bytes, patience: float) -> float | None:
        """Seconds until the mark is written; None when it is not in time."""
        began, seen = time.perf_counter(), b""
        while (left := patience - (time.perf_counter() - began)) > 0:
            seen = (seen + self.read(left))[-(1 << 17) :]
            if mark in seen:
                return time.perf_counter() - began
        return None

    def drain(self, seconds: float) -> int:
        """Read for so long; how many bytes that were."""
        until, before = time.perf_counter() + seconds, self.written
        while (left := until - time.perf_counter()) > 0:
            self.read(left)
        return self.written - before

    def settle(self, patience: float = 1.0) -> None:
        """Read until nothing comes for a moment."""
        until = time.perf_counter() + patience
        while time.perf_counter() < until and self.read(QUIET_SECONDS):
            pass

    def press(self, key: str) -> None:
        os.write(self._handle, key.encode())

    def end(self) -> None:
        """Have it end and wait for that."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(self.pid, number)
                self.drain(0.5)
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    break
            except (ProcessLookupError, ChildProcessError):
                break
        os.close(self._handle)


def latencies(watched: Watched, keys: Sequence[str], mark: bytes, pause: float) -> list[float]:
    """Milliseconds from each key to the first output that carries the mark (any output without one)."""
    found: list[float] = []
    for key in keys:
        watched.drain(pause)
        watched.press(key)
        seconds = watched.until(mark, 3.0)
        if seconds is not None:
            found.append(seconds * 1000)
    return found


def bytes_per_move(watched: Watched, keys: Sequence[str]) -> float:
    """The median of what one key makes the program write, when nothing else does."""
    costs: list[int] = []
    for key in keys:
        watched.settle()
        before = watched.written
        watched.press(key)
        watched.settle()
        costs.append(watched.written - before)
    return statistics.median(costs)

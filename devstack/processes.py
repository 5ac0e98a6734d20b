"""Start processes, wait until they are well, bring back the ones that die, and stop them all in order."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from devstack.errors import StackError
from devstack.services import Service

START_SECONDS = 60.0
STOP_SECONDS = 15.0
PROBE_SECONDS = 2.0
LOG_BYTES = 10 * 1024 * 1024
FASTEST_RESTARTS = 5
RESTART_WINDOW_SECONDS = 60.0
RESTART_PAUSE_SECONDS = 0.5


class Process:
    """One running service and its log file."""

    def __init__(self, service: Service, log_dir: Path, environment: Mapping[str, str]) -> None:
        self.service = service
        self.log = log_dir / f"{service.name}.log"
        self._environment = {**environment, **service.environment, "PYTHONUNBUFFERED": "1"}
        self.popen: subprocess.Popen[bytes] | None = None
        self.restarts: list[float] = []

    def start(self) -> None:
        """Start it, in a process group of its own so that a terminal's Ctrl-C does not reach it."""
        _rotate(self.log)
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.service.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """The exit code of a process that has ended; None while it runs or before it was started."""
        return self.popen.poll() if self.popen else None

    def healthy(self) -> bool:
        """Whether it runs and answers."""
        return self.popen is not None and self.exit_code is None and probe(self.service)

    def wait_until_healthy(self, deadline: float) -> None:
        """Return when it answers. Raises StackError with the end of its log when it does not."""
        while not self.healthy():
            if self.exit_code is not None:
                raise StackError(f"{self.service.title} stopped while starting:\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.service.title} did not become healthy:\n{self.last_lines()}")
            time.sleep(0.05)

    def stop(self, deadline: float) -> None:
        """Ask it to end; kill the whole group when it has not by the deadline."""
        if self.popen is None or self.popen.poll() is not None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()

    def last_lines(self, count: int = 8) -> str:
        """The end of its log, for error messages."""
        return "\n".join(f"  {line}" for line in tail(self.log, count)) + f"\n  (whole log: {self.log})"


class Stack:
    """All the processes of one data folder. `watch` keeps them alive until `stop`."""

    def __init__(self, services: Sequence[Service], data_dir: Path, environment: Mapping[str, str]) -> None:
        log_dir = data_dir / "logs"
        log_dir.mkdir(parents=True, exist_ok=True)
        self.processes = [Process(service, log_dir, environment) for service in services]
        self._roster = data_dir / "stack.json"
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def start(self, report: Callable[[str], None]) -> None:
        """Start everything at once, then wait for each in turn. Raises StackError."""
        stop_orphans(self._roster)
        for process in self.processes:
            process.start()
        self._write_roster()
        began = time.monotonic()
        for process in self.processes:
            process.wait_until_healthy(began + START_SECONDS)
            report(f"{process.service.title:<10} ready after {time.monotonic() - began:.1f} s")

    def watch(self) -> None:
        """Bring back what dies, from a thread of its own; a service that keeps dying is left down."""
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Stop everything, last started first. Returns within a bounded time."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join(STOP_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        for process in reversed(self.processes):
            process.stop(deadline)
        self._roster.unlink(missing_ok=True)

    def _watch(self) -> None:
        while not self._stopping.wait(RESTART_PAUSE_SECONDS):
            for process in self.processes:
                if process.exit_code is not None and _may_restart(process, time.monotonic()):
                    process.start()
                    self._write_roster()

    def _write_roster(self) -> None:
        running = [process.popen.pid for process in self.processes if process.popen]
        roster = [{"pid": pid, "created": _created(pid)} for pid in running]
        self._roster.write_text(json.dumps(roster))


def probe(service: Service) -> bool:
    """Whether a service answers now."""
    if service.health_url is not None:
        return http_status(service.health_url) == 200
    return service.port is None or listening(service.port)


def http_status(url: str) -> int | None:
    """The status a URL answers with; None when nothing answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PROBE_SECONDS) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError):
        return None


def listening(port: int) -> bool:
    """Whether anything accepts connections on a loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False


def owner_of(port: int) -> str:
    """Who listens on a port, in words; for error messages, so never an error of its own."""
    try:
        for connection in psutil.net_connections("inet"):
            where = tuple(connection.laddr)
            if connection.status == psutil.CONN_LISTEN and connection.pid and where[1:2] == (port,):
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass
    return "another program"


def stop_orphans(roster: Path) -> None:
    """Stop what an earlier stack started and could not stop, because it was killed itself."""
    try:
        entries = json.loads(roster.read_text())
    except (OSError, ValueError):
        return
    orphans = [process for entry in entries if (process := _same_process(entry)) is not None]
    for process in orphans:
        process.terminate()
    _, stubborn = psutil.wait_procs(orphans, timeout=STOP_SECONDS)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=STOP_SECONDS)


def tail(path: Path, count: int) -> list[str]:
    """The last lines of a text file; none when there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 64 * 1024))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def _may_restart(process: Process, now: float) -> bool:
    process.restarts = [at for at in process.restarts if now - at < RESTART_WINDOW_SECONDS]
    if len(process.restarts) >= FASTEST_RESTARTS:
        return False
    process.restarts.append(now)
    return True


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _created(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _same_process(entry: Mapping[str, float]) -> psutil.Process | None:
    """The process of a roster entry, if it is still the one that was started."""
    try:
        process = psutil.Process(int(entry["pid"]))
        return process if process.create_time() == entry["created"] else None
    except (psutil.Error, KeyError, ValueError, TypeError):
        return None

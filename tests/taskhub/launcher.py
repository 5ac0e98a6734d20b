"""Runs a task hub as a process of its own, on a free loopback port with a database file."""

from __future__ import annotations

import contextlib
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
from durabletask.grpc_options import GrpcChannelOptions
from durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from google.protobuf.empty_pb2 import Empty

START_SECONDS = 30.0


def free_port() -> int:
    """A loopback port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rows_in(db: Path, table: str) -> int:
    """How many rows a table of a hub's file has, also while the hub runs."""
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


class HubProcess:
    """One hub: start it, kill it, start it again on the same file and port."""

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None, port: int = 0) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.db = directory / "taskhub.db"
        self.log = directory / "taskhub.log"
        self._settings = {"TASKHUB_DASHBOARD_PORT": "0", **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What SDK clients and workers take as host_address."""
        return f"http://localhost:{self.port}"

    @property
    def connection(self) -> dict[str, Any]:
        """Keyword arguments of DurableTaskSchedulerClient and -Worker.

        Every channel connects for itself: gRPC otherwise shares connections within a process, and
        a client made after a restart would inherit the pause before another's next attempt.
        """
        return {
            "host_address": self.address,
            "taskhub": "default",
            "token_credential": None,
            "secure_channel": False,
            "channel_options": GrpcChannelOptions(raw_options=[("grpc.use_local_subchannel_pool", 1)]),
        }

    @property
    def pid(self) -> int:
        """The process id of the running hub."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers."""
        self.spawn()
        self.wait_until_up()

    def spawn(self) -> None:
        """Start without waiting."""
        settings = [f"{name}={value}" for name, value in self._settings.items()]
        command = [sys.executable, "-m", "taskhub", "--port", str(self.port), "--db", str(self.db)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(["env", *settings, *command], stdout=log, stderr=log)

    def wait_until_up(self) -> None:
        """Wait until the hub answers Hello; an AssertionError shows its log when it does not."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            if self.answers():
                return
        raise AssertionError(f"the hub did not come up:\n{self.log.read_text('utf-8')[-4000:]}")

    def answers(self) -> bool:
        """Whether the hub answers Hello within a second."""
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            try:
                TaskHubSidecarServiceStub(channel).Hello(Empty(), timeout=1.0, wait_for_ready=True)
            except grpc.RpcError:
                return False
            return True

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def stop(self, seconds: float = 15.0) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(seconds)
        self._process = None
        return code

    def restart(self) -> None:
        """kill -9 and start again on the same file."""
        self.kill()
        self.start()


@contextlib.contextmanager
def running_hub(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[HubProcess]:
    """A started hub that is gone afterwards."""
    hub = HubProcess(directory, settings)
    hub.start()
    try:
        yield hub
    finally:
        hub.kill()

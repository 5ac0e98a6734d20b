"""Restate as a line of the table: its server, a Python service, and its HTTP ingress as the client."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.taskhub.load import Flow, Measured, apply_load, with_decisions
from benchmarks.taskhub.processes import START_SECONDS, free_port, running, until

REQUEST_SECONDS = 120


class RestateFlow(Flow):
    """Cases over HTTP, one connection for each thread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._mine = threading.local()

    def start(self, case_id: str) -> None:
        """Begin a case."""
        self._call("POST", f"/case/{case_id}/run/send", b"1")

    def decide(self, case_id: str) -> None:
        """Give the signal it waits for."""
        self._call("POST", f"/case/{case_id}/decide", b'"yes"')

    def finish(self, case_id: str) -> None:
        """Until it is done."""
        self._call("GET", f"/restate/workflow/case/{case_id}/attach")

    def _call(self, method: str, path: str, body: bytes | None = None) -> None:
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=REQUEST_SECONDS)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._mine.connection = connection
        headers = {"content-type": "application/json"} if body else {}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{path}: {response.status} {answer[:200]!r}")


@dataclass(frozen=True)
class Restate:
    """A running server and service."""

    ingress: int
    server: psutil.Process
    service: psutil.Process


@contextlib.contextmanager
def restate(server: Path, python: Path, folder: Path) -> Iterator[Restate]:
    """Start both, and tell the server of the service."""
    node, admin, ingress, service_port = (free_port() for _ in range(4))
    environment = {
        "RESTATE_BASE_DIR": str(folder),
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_IP": "127.0.0.1",
        "RESTATE_BIND_PORT": str(node),
        "RESTATE_ADMIN__BIND_PORT": str(admin),
        "RESTATE_INGRESS__BIND_PORT": str(ingress),
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LOG_FILTER": "error",
        "DO_NOT_TRACK": "1",
    }
    program = (python, "-m", "benchmarks.taskhub.peers.restate_program", str(service_port))
    with running(server, environment=environment) as serving, running(*program) as service:
        ports = (admin, ingress, service_port)
        until(lambda: all(map(_listens, ports)), START_SECONDS, "the start of Restate")
        until(lambda: _register(admin, service_port), START_SECONDS, "registering with Restate", 0.2)
        yield Restate(ingress, serving, service)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _register(admin: int, service_port: int) -> bool:
    body = json.dumps({"uri": f"http://127.0.0.1:{service_port}"}).encode()
    url, headers = f"http://127.0.0.1:{admin}/deployments", {"content-type": "application/json"}
    request = urllib.request.Request(url, body, headers, method="POST")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=10) as response:
            return bool(response.status < 300)
    except OSError:
        return False


def measure(
    server: Path, python: Path, folder: Path, *, in_flight: int, cases: int, decisions: int
) -> Measured:
    """One line of the table."""
    with restate(server, python, folder) as running_restate:
        flow = RestateFlow(running_restate.ingress)
        processes = (running_restate.server, running_restate.service)
        return with_decisions(
            lambda: apply_load(flow, in_flight, cases, *processes), flow, decisions, running_restate.server
        )

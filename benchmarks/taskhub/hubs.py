"""The hubs that speak the Durable Task protocol, and a worker and client for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from google.protobuf.empty_pb2 import Empty

from benchmarks.taskhub.load import Flow
from benchmarks.taskhub.processes import START_SECONDS, free_port, module, running
from benchmarks.taskhub.workers import WorkerKind, connection

OURS, MEMORY = "ours, disk", "sdk memory"
_NO_DASHBOARD = {"TASKHUB_DASHBOARD_PORT": "0"}


@dataclass(frozen=True)
class Hub:
    """A hub that answers."""

    port: int
    process: psutil.Process


@contextlib.contextmanager
def hub(kind: str, database: Path) -> Iterator[Hub]:
    """Start a hub; ours on this file."""
    port = free_port()
    role = ("benchmarks.taskhub.roles", "memory", str(port))
    command = role if kind == MEMORY else ("taskhub", "--port", str(port), "--db", database)
    with running(*module(*command), environment=_NO_DASHBOARD) as process:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call] # generated
            stub.Hello(Empty(), timeout=START_SECONDS, wait_for_ready=True)
        yield Hub(port, process)


@contextlib.contextmanager
def worker(port: int, kind: WorkerKind) -> Iterator[psutil.Popen]:
    """Start a worker of this kind."""
    with running(*module("benchmarks.taskhub.roles", "worker", str(port), kind.name)) as process:
        yield process


class DurableFlow(Flow):
    """Cases through the SDK's client."""

    def __init__(self, port: int, flow: str = "case") -> None:
        self.client = DurableTaskSchedulerClient(**connection(port))
        self._flow = flow

    def start(self, case_id: str) -> None:
        """Begin a case."""
        self.client.schedule_new_orchestration(self._flow, input=1, instance_id=case_id)

    def decide(self, case_id: str) -> None:
        """Give the signal it waits for."""
        self.client.raise_orchestration_event(case_id, "Decision")

    def finish(self, case_id: str) -> None:
        """Until it is done."""
        state = self.client.wait_for_orchestration_completion(case_id, timeout=120)
        if state is None or state.runtime_status.name != "COMPLETED":
            raise RuntimeError(f"case {case_id} ended otherwise: {state}")

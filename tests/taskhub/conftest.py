"""One hub process and one worker for all conformance tests; a hub of its own for who needs it."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.client import OrchestrationState, OrchestrationStatus
from durabletask.grpc_options import GrpcWorkerResiliencyOptions
from durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from durabletask.worker import VersioningOptions

from tests.taskhub import flows
from tests.taskhub.launcher import HubProcess, running_hub

QUIET = logging.getLogger("taskhub-tests")
QUIET.setLevel(logging.CRITICAL)
DEADLINE_SECONDS = 30.0


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """The shared hub."""
    with running_hub(tmp_path_factory.mktemp("hub")) as process:
        yield process


@contextlib.contextmanager
def working(
    hub: HubProcess, versioning: VersioningOptions | None = None
) -> Iterator[DurableTaskSchedulerWorker]:
    """A started worker that knows all flows; its threads would outlive a failing test otherwise."""
    patience = GrpcWorkerResiliencyOptions(
        reconnect_backoff_base_seconds=0.1, reconnect_backoff_cap_seconds=0.5
    )
    worker = DurableTaskSchedulerWorker(**hub.connection, logger=QUIET, resiliency_options=patience)
    flows.equip(worker)
    if versioning is not None:
        worker.use_versioning(versioning)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


@pytest.fixture(scope="session")
def worker(hub: HubProcess) -> Iterator[DurableTaskSchedulerWorker]:
    """The shared worker."""
    with working(hub) as started:
        yield started


@pytest.fixture(scope="session")
def client(hub: HubProcess, worker: DurableTaskSchedulerWorker) -> DurableTaskSchedulerClient:
    """A client of the shared hub, where a worker runs."""
    return DurableTaskSchedulerClient(**hub.connection, logger=QUIET)


@pytest.fixture
def own_hub(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub for one test."""
    with running_hub(tmp_path) as process:
        yield process


@pytest.fixture
def stub(hub: HubProcess) -> Iterator[Any]:
    """The bare protocol, for what the SDK does not let one do; in the hub 'bare', without workers."""
    with BareStub(hub) as bare:
        yield bare


@pytest.fixture
def taskhub() -> str:
    """A task hub nobody else uses."""
    return f"bare-{uuid.uuid4().hex[:8]}"


class BareStub:
    """Context manager: a protocol stub on a channel of its own."""

    def __init__(self, hub: HubProcess) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{hub.port}")

    def __enter__(self) -> Any:
        return TaskHubSidecarServiceStub(self._channel)

    def __exit__(self, *_: object) -> None:
        self._channel.close()


@pytest.fixture
def bare(stub: Any, taskhub: str) -> Iterator[Any]:
    """A worker read by hand, in a task hub of its own."""
    from tests.taskhub.bare import BareWorker  # noqa: PLC0415 - bare.py needs this module's fresh_id

    worker = BareWorker(stub, taskhub)
    yield worker
    worker.close()


def fresh_id(prefix: str = "test") -> str:
    """An instance id nobody used."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def run(
    client: DurableTaskSchedulerClient, name: str, given: Any = None, **options: Any
) -> OrchestrationState:
    """Start an orchestration and wait for its end."""
    instance_id = client.schedule_new_orchestration(name, input=given, **options)
    return ended(client, instance_id)


def ended(client: DurableTaskSchedulerClient, instance_id: str) -> OrchestrationState:
    """The state of an instance once it has ended."""
    state = client.wait_for_orchestration_completion(instance_id, timeout=DEADLINE_SECONDS)
    assert state is not None
    return state


def output(state: OrchestrationState) -> Any:
    """The output of an instance that must have completed."""
    assert state.runtime_status == OrchestrationStatus.COMPLETED, state
    return state.get_output()


def eventually(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """The first truthy value of ``condition`` within the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true in {DEADLINE_SECONDS} s")

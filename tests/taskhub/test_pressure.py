"""Clients that vanish or ask for too much; memory is bounded by what is in flight, not by what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import psutil
import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub

from tests.taskhub.conftest import DEADLINE_SECONDS, QUIET, BareStub, ended, eventually, output, working
from tests.taskhub.launcher import HubProcess, rows_in, running_hub
from tests.taskhub.settings import FaultSettings

MEGABYTE = 1024 * 1024
MESSAGES = FaultSettings().messages


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub for the tests that do it no harm."""
    with running_hub(tmp_path_factory.mktemp("pressure")) as hub:
        yield hub


def resident_bytes(hub: HubProcess) -> int:
    """Memory the hub's process has in use."""
    return int(psutil.Process(hub.pid).memory_info().rss)


def test_clients_that_vanish_leave_nothing_behind(shared: HubProcess) -> None:
    client = Client(**shared.connection, logger=QUIET)
    client.schedule_new_orchestration("echo", input="x" * 500_000, instance_id="wanted")
    with BareStub(shared) as stub:
        stub.GetInstance(pb.GetInstanceRequest(instanceId="wanted"))
    before = psutil.Process(shared.pid).num_fds()
    for _ in range(30):
        _vanish(shared)
    with working(shared):
        assert output(ended(client, "wanted")) == "x" * 500_000
    eventually(lambda: psutil.Process(shared.pid).num_fds() <= before + 5, "the files to be closed")


def _vanish(hub: HubProcess) -> None:
    """Ask for work, for an end and for a history, take the first answer, and drop the connection."""
    channel = grpc.insecure_channel(f"127.0.0.1:{hub.port}", options=[("grpc.use_local_subchannel_pool", 1)])
    stub: Any = TaskHubSidecarServiceStub(channel)
    items = stub.GetWorkItems(pb.GetWorkItemsRequest())
    waiting = stub.WaitForInstanceCompletion.future(pb.GetInstanceRequest(instanceId="wanted"))
    stub.StreamInstanceHistory(pb.StreamInstanceHistoryRequest(instanceId="wanted"))
    assert not waiting.done()
    channel.close()
    del items


def _eager(hub: HubProcess) -> grpc.Channel:
    return grpc.insecure_channel(
        f"127.0.0.1:{hub.port}",
        options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)],
    )


def test_a_payload_of_100_mb_is_refused_and_costs_no_memory(shared: HubProcess) -> None:
    before = resident_bytes(shared)
    request = pb.CreateInstanceRequest(name="echo", input={"value": "x" * (100 * MEGABYTE)})
    with _eager(shared) as channel:
        stub: Any = TaskHubSidecarServiceStub(channel)
        for _ in range(3):
            with pytest.raises(grpc.RpcError) as refused:
                stub.StartInstance(request)
            assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert resident_bytes(shared) - before < 40 * MEGABYTE
    assert shared.answers()


def test_a_payload_of_30_mb_is_refused_with_the_limit_in_the_sentence(shared: HubProcess) -> None:
    with _eager(shared) as channel:
        stub: Any = TaskHubSidecarServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.StartInstance(pb.CreateInstanceRequest(name="echo", input={"value": "x" * (30 * MEGABYTE)}))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "1,048,576" in refused.value.details()


@pytest.mark.timeout(60 + MESSAGES // 500)
def test_memory_does_not_grow_with_what_is_stored(shared: HubProcess) -> None:
    with BareStub(shared) as stub:
        _send(stub, MESSAGES // 4)
        warm = resident_bytes(shared)
        _send(stub, MESSAGES - MESSAGES // 4)
    assert rows_in(shared.db, "operations") == MESSAGES
    assert resident_bytes(shared) - warm < 24 * MEGABYTE


def _send(stub: Any, count: int) -> None:
    """Signals to entities no worker runs, a hundred calls in flight."""
    flying: list[Any] = []
    for number in range(count):
        request = pb.SignalEntityRequest(instanceId=f"@idle@{number % 50}", name="add", input={"value": "1"})
        flying.append(stub.SignalEntity.future(request))
        if len(flying) == 100:
            for call in flying:
                call.result(timeout=DEADLINE_SECONDS)
            flying.clear()
    for call in flying:
        call.result(timeout=DEADLINE_SECONDS)


def test_a_worker_that_does_not_read_gets_only_so_much_on_its_way(shared: HubProcess) -> None:
    client = Client(**{**shared.connection, "taskhub": "slow reader"}, logger=QUIET)
    for number in range(100):
        client.schedule_new_orchestration("echo", input="x" * 1_000_000, instance_id=f"large-{number}")
    before = resident_bytes(shared)
    with BareStub(shared) as stub:
        request = pb.GetWorkItemsRequest(maxConcurrentOrchestrationWorkItems=1000)
        items = stub.GetWorkItems(request, metadata=(("taskhub", "slow reader"),))
        assert next(items).orchestratorRequest.instanceId
        eventually(lambda: client.get_orchestration_state("large-99"), "an answer")
        assert resident_bytes(shared) - before < 90 * MEGABYTE
        items.cancel()

"""A worker on the bare protocol, for what the SDK does not let one do."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import Any

import grpc
from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.wrappers_pb2 import StringValue

from tests.taskhub.conftest import fresh_id

PATIENCE = 20.0


class BareWorker:
    """A work item stream read by hand, in a task hub of its own."""

    def __init__(self, stub: Any, taskhub: str, **request: Any) -> None:
        self._stub, self._metadata = stub, (("taskhub", taskhub),)
        self._items: queue.Queue[pb.WorkItem] = queue.Queue()
        self._stream = stub.GetWorkItems(pb.GetWorkItemsRequest(**request), metadata=self._metadata)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(grpc.RpcError):
            for item in self._stream:
                self._items.put(item)

    def next(self, seconds: float = PATIENCE) -> pb.WorkItem:
        """The next work item that is not a ping."""
        while True:
            item = self._items.get(timeout=seconds)
            if not item.HasField("healthPing"):
                return item

    def next_ping(self) -> pb.WorkItem:
        """The next message, which must be a ping."""
        item = self._items.get(timeout=PATIENCE)
        assert item.HasField("healthPing")
        return item

    def nothing_for(self, seconds: float) -> bool:
        """Whether no work item comes in that time."""
        try:
            self.next(seconds)
        except queue.Empty:
            return True
        return False

    def close(self) -> None:
        """Break the stream."""
        self._stream.cancel()

    def start(self, name: str = "flow", **request: Any) -> str:
        """Start an instance in this worker's hub."""
        request.setdefault("instanceId", fresh_id())
        answer = self._stub.StartInstance(
            pb.CreateInstanceRequest(name=name, **request), metadata=self._metadata
        )
        return str(answer.instanceId)

    def answer(self, item: pb.WorkItem, *actions: pb.OrchestratorAction) -> None:
        """Complete a turn."""
        response = pb.OrchestratorResponse(
            instanceId=item.orchestratorRequest.instanceId,
            completionToken=item.completionToken,
            actions=actions,
        )
        self._stub.CompleteOrchestratorTask(response, metadata=self._metadata)

    def call(self, method: str, request: Any) -> Any:
        """Any other call, in this worker's hub."""
        return getattr(self._stub, method)(request, metadata=self._metadata)


def complete(result: str = "1") -> pb.OrchestratorAction:
    done = pb.CompleteOrchestrationAction(
        orchestrationStatus=pb.ORCHESTRATION_STATUS_COMPLETED, result=StringValue(value=result)
    )
    return pb.OrchestratorAction(id=9, completeOrchestration=done)


def activity(name: str = "act", trace: pb.TraceContext | None = None) -> pb.OrchestratorAction:
    return pb.OrchestratorAction(
        id=1, scheduleTask=pb.ScheduleTaskAction(name=name, parentTraceContext=trace)
    )


def state_of(worker: BareWorker, instance_id: str) -> pb.OrchestrationState:
    request = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
    return worker.call("GetInstance", request).orchestrationState

"""The gRPC face of the hub: decodes, checks limits, calls, encodes. No decisions are made here."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BoolValue

from taskhub import events, queries
from taskhub.errors import InstanceNotFound, InvalidRequest
from taskhub.hub import Hub
from taskhub.transactions import commands, entities, maintenance
from taskhub.transactions.lifecycle import NewInstance
from taskhub.transactions.records import TERMINAL
from taskhub.worker_protocol import WorkerProtocol

T = TypeVar("T")

_PURGE_BATCH = 200

Context = Any  # grpc.aio.ServicerContext is generic and untyped here


class HubProtocol(WorkerProtocol):
    """The calls clients make; those of workers are inherited."""

    def __init__(self, hub: Hub, ping_seconds: float) -> None:
        super().__init__(hub, ping_seconds)

    async def Hello(self, request: Empty, context: Context) -> Empty:
        """The hub is there."""
        return Empty()

    async def StartInstance(
        self, request: pb.CreateInstanceRequest, context: Context
    ) -> pb.CreateInstanceResponse:
        """Start an orchestration."""
        instance_id = request.instanceId or uuid.uuid4().hex
        self.hub.limits.check_instance_id(instance_id)
        if not request.name:
            raise InvalidRequest("an orchestration needs a name")
        given = events.optional(request, "input")
        self.hub.limits.check_payload("the input", given)
        scheduled = request.HasField("scheduledStartTimestamp")
        new = NewInstance(
            instance_id,
            request.name,
            events.optional(request, "version"),
            given,
            dict(request.tags),
            request.parentTraceContext.SerializeToString()
            if request.HasField("parentTraceContext")
            else None,
            events.micros(request.scheduledStartTimestamp) if scheduled else None,
            events.optional(request, "executionId"),
        )
        hub = await self.hub_of(context)
        replaceable = frozenset(request.orchestrationIdReusePolicy.replaceableStatus)
        return pb.CreateInstanceResponse(
            instanceId=await self.hub.writer.submit(commands.start(hub, new, replaceable))
        )

    async def GetInstance(self, request: pb.GetInstanceRequest, context: Context) -> pb.GetInstanceResponse:
        """An instance's state."""
        found = self._instance(await self.hub_of(context), request)
        await self.hub.writer.durable()
        return found

    def _instance(self, hub: int, request: pb.GetInstanceRequest) -> pb.GetInstanceResponse:
        found = queries.state(self.hub.reader, hub, request.instanceId, request.getInputsAndOutputs)
        return pb.GetInstanceResponse(exists=found is not None, orchestrationState=found)

    async def WaitForInstanceStart(
        self, request: pb.GetInstanceRequest, context: Context
    ) -> pb.GetInstanceResponse:
        """An instance's state once it has begun to run."""
        return await self._wait(request, context, lambda status: status != pb.ORCHESTRATION_STATUS_PENDING)

    async def WaitForInstanceCompletion(
        self, request: pb.GetInstanceRequest, context: Context
    ) -> pb.GetInstanceResponse:
        """An instance's state once it has ended."""
        return await self._wait(request, context, lambda status: status in TERMINAL)

    async def _scan(self, query: Callable[..., T], *values: Any) -> T:
        """What a query finds, told only once it is on disk."""
        found = await self.hub.scanner.run(query, *values)
        await self.hub.writer.durable()
        return found

    async def _wait(
        self, request: pb.GetInstanceRequest, context: Context, enough: Callable[[int], bool]
    ) -> pb.GetInstanceResponse:
        hub = await self.hub_of(context)

        def look() -> pb.GetInstanceResponse | None:
            status = queries.status(self.hub.reader, hub, request.instanceId)
            if status is None:
                return pb.GetInstanceResponse(exists=False)
            return self._instance(hub, request) if enough(status) else None

        found = await self.hub.waiters.until((hub, request.instanceId), look)
        await self.hub.writer.durable()
        return found

    async def RaiseEvent(self, request: pb.RaiseEventRequest, context: Context) -> pb.RaiseEventResponse:
        """Send an external event."""
        data = events.optional(request, "input")
        self.hub.limits.check_payload("the event", data)
        if not request.name:
            raise InvalidRequest("an event needs a name")
        hub = await self.hub_of(context)
        await self.hub.writer.submit(commands.raise_event(hub, request.instanceId, request.name, data))
        return pb.RaiseEventResponse()

    async def TerminateInstance(self, request: pb.TerminateRequest, context: Context) -> pb.TerminateResponse:
        """End an instance now."""
        output = events.optional(request, "output")
        self.hub.limits.check_payload("the output", output)
        hub = await self.hub_of(context)
        change = commands.terminate(hub, request.instanceId, output, request.recursive)
        await self.hub.writer.submit(change)
        return pb.TerminateResponse()

    async def SuspendInstance(self, request: pb.SuspendRequest, context: Context) -> pb.SuspendResponse:
        """Let an instance stand still."""
        hub = await self.hub_of(context)
        change = commands.suspend(hub, request.instanceId, self._reason(request))
        await self.hub.writer.submit(change)
        return pb.SuspendResponse()

    async def ResumeInstance(self, request: pb.ResumeRequest, context: Context) -> pb.ResumeResponse:
        """Let a suspended instance go on."""
        hub = await self.hub_of(context)
        change = commands.resume(hub, request.instanceId, self._reason(request))
        await self.hub.writer.submit(change)
        return pb.ResumeResponse()

    def _reason(self, request: Any) -> str | None:
        reason = events.optional(request, "reason")
        self.hub.limits.check_payload("the reason", reason)
        return reason

    async def RestartInstance(
        self, request: pb.RestartInstanceRequest, context: Context
    ) -> pb.RestartInstanceResponse:
        """Run an ended instance again."""
        hub = await self.hub_of(context)
        new_id = uuid.uuid4().hex if request.restartWithNewInstanceId else None
        change = commands.restart(hub, request.instanceId, new_id)
        return pb.RestartInstanceResponse(instanceId=await self.hub.writer.submit(change))

    async def RewindInstance(
        self, request: pb.RewindInstanceRequest, context: Context
    ) -> pb.RewindInstanceResponse:
        """Take a failed instance back to its last good state."""
        hub = await self.hub_of(context)
        change = commands.rewind(hub, request.instanceId, self._reason(request))
        await self.hub.writer.submit(change)
        return pb.RewindInstanceResponse()

    async def QueryInstances(
        self, request: pb.QueryInstancesRequest, context: Context
    ) -> pb.QueryInstancesResponse:
        """A page of instances."""
        hub = await self.hub_of(context)
        return await self._scan(queries.instances, hub, request.query)

    async def ListInstanceIds(
        self, request: pb.ListInstanceIdsRequest, context: Context
    ) -> pb.ListInstanceIdsResponse:
        """A page of ids of ended instances."""
        hub = await self.hub_of(context)
        return await self._scan(queries.ended_ids, hub, request)

    async def PurgeInstances(
        self, request: pb.PurgeInstancesRequest, context: Context
    ) -> pb.PurgeInstancesResponse:
        """Delete ended instances by id, by list or by filter."""
        hub = await self.hub_of(context)
        if request.HasField("purgeInstanceFilter"):
            return await self._purge_matching(hub, request)
        ids = (
            list(request.instanceBatch.instanceIds)
            if request.HasField("instanceBatch")
            else [request.instanceId]
        )
        count = 0
        for first in range(0, len(ids), _PURGE_BATCH):
            batch = ids[first : first + _PURGE_BATCH]
            count += await self.hub.writer.submit(maintenance.purge_ids(hub, batch, request.recursive))
        return pb.PurgeInstancesResponse(deletedInstanceCount=count, isComplete=BoolValue(value=True))

    async def _purge_matching(self, hub: int, request: pb.PurgeInstancesRequest) -> pb.PurgeInstancesResponse:
        """In batches, so that other writes get their turn, until done or out of time."""
        wanted = request.purgeInstanceFilter
        chosen = maintenance.PurgeFilter(
            events.micros(wanted.createdTimeFrom) if wanted.HasField("createdTimeFrom") else None,
            events.micros(wanted.createdTimeTo) if wanted.HasField("createdTimeTo") else None,
            list(wanted.runtimeStatus),
        )
        loop = asyncio.get_running_loop()
        limit = wanted.timeout.ToTimedelta().total_seconds() if wanted.HasField("timeout") else 3600.0
        deadline = loop.time() + limit
        count, more = 0, True
        while more and loop.time() < deadline:
            change = maintenance.purge_matching(hub, chosen, request.recursive, _PURGE_BATCH)
            purged, more = await self.hub.writer.submit(change)
            count += purged
        return pb.PurgeInstancesResponse(deletedInstanceCount=count, isComplete=BoolValue(value=not more))

    async def StreamInstanceHistory(
        self, request: pb.StreamInstanceHistoryRequest, context: Context
    ) -> AsyncIterator[pb.HistoryChunk]:
        """An instance's history, in chunks."""
        hub = await self.hub_of(context)
        found = queries.state(self.hub.reader, hub, request.instanceId, payloads=False)
        wanted = events.optional(request, "executionId")
        if found is None or (wanted and wanted != found.executionId.value):
            execution = f" has no execution '{wanted}'" if found else " not found"
            raise InstanceNotFound(f"orchestration instance '{request.instanceId}'{execution}")
        turn = -1
        while page := await self._scan(queries.history_page, hub, request.instanceId, turn):
            part, turn = page
            for chunk in queries.chunks(part):
                yield chunk

    async def SignalEntity(
        self, request: pb.SignalEntityRequest, context: Context
    ) -> pb.SignalEntityResponse:
        """Send an entity a one-way operation."""
        data = events.optional(request, "input")
        self.hub.limits.check_payload("the signal's input", data)
        self.hub.limits.check_entity_id(request.instanceId)
        hub = await self.hub_of(context)
        due = events.micros(request.scheduledTime) if request.HasField("scheduledTime") else None
        trace = (
            request.parentTraceContext.SerializeToString() if request.HasField("parentTraceContext") else None
        )
        request_id = request.requestId or str(uuid.uuid4())
        event = events.operation_signaled(self.hub.now(), request_id, request.name, data, request.instanceId)
        signal = entities.Signal(request.instanceId, event, due, trace)
        await self.hub.writer.submit(entities.signal(hub, signal))
        return pb.SignalEntityResponse()

    async def GetEntity(self, request: pb.GetEntityRequest, context: Context) -> pb.GetEntityResponse:
        """An entity and its state."""
        hub = await self.hub_of(context)
        found = queries.entity(self.hub.reader, hub, request.instanceId, request.includeState)
        await self.hub.writer.durable()
        return pb.GetEntityResponse(exists=found is not None, entity=found)

    async def QueryEntities(
        self, request: pb.QueryEntitiesRequest, context: Context
    ) -> pb.QueryEntitiesResponse:
        """A page of entities."""
        hub = await self.hub_of(context)
        return await self._scan(queries.entities, hub, request.query)

    async def CleanEntityStorage(
        self, request: pb.CleanEntityStorageRequest, context: Context
    ) -> pb.CleanEntityStorageResponse:
        """Remove empty entities and locks nobody will release."""
        hub = await self.hub_of(context)
        change = maintenance.clean_entities(hub, request.removeEmptyEntities, request.releaseOrphanedLocks)
        removed, released = await self.hub.writer.submit(change)
        return pb.CleanEntityStorageResponse(emptyEntitiesRemoved=removed, orphanedLocksReleased=released)

    async def CreateTaskHub(
        self, request: pb.CreateTaskHubRequest, context: Context
    ) -> pb.CreateTaskHubResponse:
        """Make sure the hub exists; empty it if asked."""
        hub = await self.hub_of(context)
        if request.recreateIfExists:
            await self.hub.writer.submit(maintenance.clear_hub(hub))
        return pb.CreateTaskHubResponse()

    async def DeleteTaskHub(
        self, request: pb.DeleteTaskHubRequest, context: Context
    ) -> pb.DeleteTaskHubResponse:
        """Delete everything in the hub."""
        await self.hub.writer.submit(maintenance.clear_hub(await self.hub_of(context)))
        return pb.DeleteTaskHubResponse()

    async def SkipGracefulOrchestrationTerminations(
        self, request: pb.SkipGracefulOrchestrationTerminationsRequest, context: Context
    ) -> pb.SkipGracefulOrchestrationTerminationsResponse:
        """Terminate many instances; which ids name nothing."""
        hub = await self.hub_of(context)
        ids = list(request.instanceBatch.instanceIds)
        change = commands.terminate_many(hub, ids, events.optional(request, "reason"))
        missing = await self.hub.writer.submit(change)
        return pb.SkipGracefulOrchestrationTerminationsResponse(unterminatedInstanceIds=missing)

"""The calls workers make: the work item stream, completions, abandonments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import structlog
from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import wire
from taskhub.hub import Hub
from taskhub.pieces import TurnPieces
from taskhub.scheduling import Filter, Kind, Session
from taskhub.transactions import activities, entities, turns

log = structlog.get_logger(__name__)

_DEFAULT_CONCURRENCY = 100
_MOST_CONCURRENT = 1000
DEFAULT_HUB = "default"

Context = Any  # grpc.aio.ServicerContext is generic and untyped here


class WorkerProtocol:
    """Streams work out and takes results in."""

    def __init__(self, hub: Hub, ping_seconds: float) -> None:
        self.hub = hub
        self._ping_seconds = ping_seconds
        self._ping = wire.health_ping()
        self._sessions: set[Session] = set()
        self._draining = False

    async def hub_of(self, context: Context) -> int:
        """The task hub a call is about, from its metadata."""
        for key, value in context.invocation_metadata() or ():
            if key == "taskhub":
                return await self.hub.hub_id(str(value))
        return await self.hub.hub_id(DEFAULT_HUB)

    async def GetWorkItems(self, request: pb.GetWorkItemsRequest, context: Context) -> AsyncIterator[bytes]:
        """Work items as they become ready, until the worker goes away."""
        # Asked now: once the call is over, gRPC answers this question with a segmentation fault.
        peer = context.peer()
        session = _session(await self.hub_of(context), request)
        session.peer = peer
        if self._draining:
            return
        self._sessions.add(session)
        self.hub.dispatcher.connect(session)
        log.info("worker_connected", hub=session.hub, limits=session.limits, peer=peer)
        try:
            while True:
                message = await self._next_message(session)
                if message is None:
                    return
                yield message
        finally:
            self._sessions.discard(session)
            self.hub.dispatcher.disconnect(session)
            log.info("worker_disconnected", hub=session.hub, peer=peer)

    async def _next_message(self, session: Session) -> bytes | None:
        """The next work item, or a sign of life after a pause."""
        if not session.outgoing.empty():
            return await session.receive()
        try:
            async with asyncio.timeout(self._ping_seconds):
                return await session.receive()
        except TimeoutError:
            return self._ping

    def end_streams(self) -> None:
        """Let workers finish what they have and reconnect elsewhere."""
        self._draining = True
        for session in self._sessions:
            session.outgoing.put_nowait(None)

    async def CompleteOrchestratorTask(
        self, request: pb.OrchestratorResponse, context: Context
    ) -> pb.CompleteTaskResponse:
        """A turn's outcome, or a piece of it; a worker that lacks the history gets the turn again."""
        token = request.completionToken
        if request.requiresHistory:
            self.hub.dispatcher.abandon(token, Kind.ORCHESTRATION)
            return pb.CompleteTaskResponse()
        lease = self.hub.dispatcher.lease(token, Kind.ORCHESTRATION)
        if request.isPartial:
            lease.pieces = lease.pieces or TurnPieces()
            lease.pieces.add(request)
            return pb.CompleteTaskResponse()
        answer = lease.pieces.whole(request) if lease.pieces else request
        await self.hub.dispatcher.complete(
            token, Kind.ORCHESTRATION, lambda work: turns.complete(work, answer, self.hub.limits)
        )
        return pb.CompleteTaskResponse()

    async def CompleteActivityTask(
        self, request: pb.ActivityResponse, context: Context
    ) -> pb.CompleteTaskResponse:
        """An activity's result."""
        await self.hub.dispatcher.complete(
            request.completionToken,
            Kind.ACTIVITY,
            lambda seq: activities.complete(seq, request, self.hub.limits),
        )
        return pb.CompleteTaskResponse()

    async def CompleteEntityTask(
        self, request: pb.EntityBatchResult, context: Context
    ) -> pb.CompleteTaskResponse:
        """The results of a batch of operations; a batch that failed as a whole is handed out again."""
        if request.requiresState:
            self.hub.dispatcher.abandon(request.completionToken, Kind.ENTITY)
            return pb.CompleteTaskResponse()
        if request.HasField("failureDetails") or not request.results:
            self.hub.dispatcher.fail_delivery(request.completionToken, Kind.ENTITY)
            return pb.CompleteTaskResponse()
        await self.hub.dispatcher.complete(
            request.completionToken,
            Kind.ENTITY,
            lambda work: entities.complete(work, request, self.hub.limits),
        )
        return pb.CompleteTaskResponse()

    async def AbandonTaskActivityWorkItem(
        self, request: pb.AbandonActivityTaskRequest, context: Context
    ) -> pb.AbandonActivityTaskResponse:
        """An activity the worker will not run."""
        self.hub.dispatcher.abandon(request.completionToken, Kind.ACTIVITY)
        return pb.AbandonActivityTaskResponse()

    async def AbandonTaskOrchestratorWorkItem(
        self, request: pb.AbandonOrchestrationTaskRequest, context: Context
    ) -> pb.AbandonOrchestrationTaskResponse:
        """A turn the worker will not run."""
        self.hub.dispatcher.abandon(request.completionToken, Kind.ORCHESTRATION)
        return pb.AbandonOrchestrationTaskResponse()

    async def AbandonTaskEntityWorkItem(
        self, request: pb.AbandonEntityTaskRequest, context: Context
    ) -> pb.AbandonEntityTaskResponse:
        """A batch the worker will not run."""
        self.hub.dispatcher.abandon(request.completionToken, Kind.ENTITY)
        return pb.AbandonEntityTaskResponse()


def _session(hub: int, request: pb.GetWorkItemsRequest) -> Session:
    turns_limit = _limit(request.maxConcurrentOrchestrationWorkItems, _DEFAULT_CONCURRENCY)
    limits = (
        turns_limit,
        _limit(request.maxConcurrentActivityWorkItems, _DEFAULT_CONCURRENCY),
        _limit(request.maxConcurrentEntityWorkItems, turns_limit),
    )
    session = Session(hub, limits, _filters(request), asyncio.Queue())
    session.streams_history = pb.WORKER_CAPABILITY_HISTORY_STREAMING in request.capabilities
    return session


def _limit(asked: int, default: int) -> int:
    return min(asked, _MOST_CONCURRENT) if asked > 0 else default


def _filters(request: pb.GetWorkItemsRequest) -> tuple[Filter | None, Filter | None, Filter | None]:
    if not request.HasField("workItemFilters"):
        return None, None, None
    wanted = request.workItemFilters
    entities_wanted = {one.name.lower(): frozenset[str]() for one in wanted.entities}
    return _by_name(wanted.orchestrations), _by_name(wanted.activities), entities_wanted


def _by_name(wanted: Iterable[Any]) -> Filter:
    """Accepted versions by name; an entry without versions accepts them all."""
    found: dict[str, frozenset[str]] = {}
    for one in wanted:
        versions = frozenset(one.versions)
        known = found.get(one.name)
        found[one.name] = (
            versions if known is None else (known | versions if known and versions else frozenset())
        )
    return found

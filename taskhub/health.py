"""gRPC's own health and reflection services, through the official packages."""

from __future__ import annotations

from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

SERVICE = "TaskHubSidecarService"
_PROBED = ("", SERVICE)


class HealthReport:
    """What ``grpc.health.v1.Health`` answers: SERVING while writes reach the disk."""

    def __init__(self, server: Any) -> None:
        """Register health and reflection with a server that has not started yet."""
        self._servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)
        assert SERVICE in pb.DESCRIPTOR.services_by_name
        described = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            reflection.aio.ReflectionServicer(described), server
        )

    async def serving(self, healthy: bool) -> None:
        """Say whether the hub takes writes."""
        word = health_pb2.HealthCheckResponse
        status = word.SERVING if healthy else word.NOT_SERVING
        for service in _PROBED:
            await self._servicer.set(service, status)

    async def leaving(self) -> None:
        """Say NOT_SERVING for good; the hub is stopping."""
        await self._servicer.enter_graceful_shutdown()

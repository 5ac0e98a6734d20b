"""Orchestration statuses as operators write them: ``running``, ``completed``."""

from __future__ import annotations

from durabletask.internal import orchestrator_service_pb2 as pb

_PREFIX = "ORCHESTRATION_STATUS_"


def status_name(status: int) -> str:
    """The word for a status number."""
    return str(pb.OrchestrationStatus.Name(status)).removeprefix(_PREFIX).lower()


def status_code(name: str) -> int:
    """The number of a status word."""
    return int(pb.OrchestrationStatus.Value(_PREFIX + name.upper()))

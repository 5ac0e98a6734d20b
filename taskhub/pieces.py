"""Puts the answer to a turn together when the worker sends it in pieces."""

from __future__ import annotations

from dataclasses import dataclass, field

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub.errors import InvalidRequest

_MOST_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class TurnPieces:
    """What has come so far of one turn's answer; lost with the lease, when the turn is run again."""

    _actions: list[pb.OrchestratorAction] = field(default_factory=list)
    _trace: pb.OrchestrationTraceContext | None = None
    _count: int = 0
    _bytes: int = 0

    def add(self, piece: pb.OrchestratorResponse) -> None:
        """Keep one piece; a repeated one is ignored.

        Raises InvalidRequest when a piece is missing before it, or all together are too large.
        """
        index = piece.chunkIndex.value if piece.HasField("chunkIndex") else self._count
        if index < self._count:
            return
        if index > self._count:
            raise InvalidRequest(f"piece {index} of the turn came before piece {self._count}")
        if self._bytes + piece.ByteSize() > _MOST_BYTES:
            raise InvalidRequest(f"the pieces of one turn may have {_MOST_BYTES:,} bytes together")
        self._bytes += piece.ByteSize()
        self._count += 1
        self._actions.extend(piece.actions)
        if piece.HasField("orchestrationTraceContext"):
            self._trace = piece.orchestrationTraceContext

    def whole(self, last: pb.OrchestratorResponse) -> pb.OrchestratorResponse:
        """The answer with all its actions in order. Raises InvalidRequest as ``add`` does."""
        self.add(last)
        whole = pb.OrchestratorResponse(
            instanceId=last.instanceId,
            completionToken=last.completionToken,
            customStatus=last.customStatus if last.HasField("customStatus") else None,
            orchestrationTraceContext=self._trace,
        )
        whole.actions.extend(self._actions)
        return whole

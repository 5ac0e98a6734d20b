"""Builds work items from stored bytes, so that history is sent without being decoded.

Protobuf lets serialised fields be concatenated: a stored turn is already a run of
``OrchestratorRequest.pastEvents`` fields, and a work item is a frame around such runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from durabletask.internal import orchestrator_service_pb2 as pb

_LENGTH_DELIMITED = 2
_PAST_EVENTS = pb.OrchestratorRequest.PASTEVENTS_FIELD_NUMBER
_NEW_EVENTS = pb.OrchestratorRequest.NEWEVENTS_FIELD_NUMBER
_TOKEN = pb.WorkItem.COMPLETIONTOKEN_FIELD_NUMBER


def varint(value: int) -> bytes:
    """Encode a non-negative integer the way protobuf does."""
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def frame(field: int, payload: bytes) -> bytes:
    """One length-delimited field."""
    return varint(field << 3 | _LENGTH_DELIMITED) + varint(len(payload)) + payload


def past_events(events: Iterable[bytes]) -> bytes:
    """Serialised history events as they are stored: a run of ``pastEvents`` fields."""
    return b"".join(frame(_PAST_EVENTS, event) for event in events)


def new_events(events: Iterable[bytes]) -> bytes:
    """Serialised history events as a run of ``newEvents`` fields."""
    return b"".join(frame(_NEW_EVENTS, event) for event in events)


def decode_past_events(stored: bytes) -> list[pb.HistoryEvent]:
    """The history events of one stored turn."""
    return list(pb.OrchestratorRequest.FromString(stored).pastEvents)


def orchestrator_item(header: bytes, history: Iterable[bytes], new: bytes, token: str) -> bytes:
    """A serialised WorkItem; ``header`` is a serialised OrchestratorRequest without events."""
    request = b"".join((header, *history, new))
    return frame(pb.WorkItem.ORCHESTRATORREQUEST_FIELD_NUMBER, request) + _token(token)


def activity_item(request: bytes, token: str) -> bytes:
    """A serialised WorkItem around a serialised ActivityRequest."""
    return frame(pb.WorkItem.ACTIVITYREQUEST_FIELD_NUMBER, request) + _token(token)


def entity_item(request: bytes, token: str) -> bytes:
    """A serialised WorkItem around a serialised EntityBatchRequest."""
    return frame(pb.WorkItem.ENTITYREQUEST_FIELD_NUMBER, request) + _token(token)


def health_ping() -> bytes:
    """A serialised WorkItem that only says the hub is alive."""
    return bytes(pb.WorkItem(healthPing=pb.HealthPing()).SerializeToString())


def _token(token: str) -> bytes:
    return frame(_TOKEN, token.encode())

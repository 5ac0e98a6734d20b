"""Telemetry over HTTP: good records are taken once, bad ones are named by index."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, JsonValue, ValidationError
from pydantic_core import to_json

from casework.alert import Frozen
from casework.telemetry import TELEMETRY, Telemetry
from casework.views import RejectedTelemetry, TelemetryReceipt
from server.dependencies import TheDesk
from server.openapi import problems

MOST_EVENTS = 5000
LATEST = timedelta(hours=24)
"""How far ahead of our clock an event may claim to be; windows are kept in event time."""

router = APIRouter(tags=["telemetry"])


class TelemetryEnvelope(Frozen):
    """A batch of records; each is judged by itself."""

    events: Annotated[tuple[JsonValue, ...], Field(min_length=1, max_length=MOST_EVENTS)]


@router.post("/telemetry", status_code=202, summary="Send telemetry", responses=problems(422))
async def take(envelope: TelemetryEnvelope, desk: TheDesk) -> TelemetryReceipt:
    """202 means on disk. A malformed envelope is refused whole; nothing is written then."""
    good, rejected = _sorted_out(envelope.events, desk.clock())
    unique = {event.event_id: event for event in good}
    known = await desk.backends.telemetry.publish(list(unique.values())) if unique else frozenset()
    accepted = len(unique) - len(known)
    return TelemetryReceipt(accepted=accepted, duplicates=len(good) - accepted, rejected=tuple(rejected))


def _sorted_out(
    records: tuple[JsonValue, ...], now: datetime
) -> tuple[list[Telemetry], list[RejectedTelemetry]]:
    good: list[Telemetry] = []
    rejected: list[RejectedTelemetry] = []
    for index, record in enumerate(records):
        try:
            event = TELEMETRY.validate_json(to_json(record), strict=True)
        except ValidationError as error:
            field, reason = _first_problem(error)
            rejected.append(_rejected(index, record, field, reason))
            continue
        if event.occurred_at > now + LATEST:
            rejected.append(_rejected(index, record, "occurred_at", "is more than 24 hours in the future"))
        else:
            good.append(event)
    return good, rejected


def _rejected(index: int, record: JsonValue, field: str, reason: str) -> RejectedTelemetry:
    event_id = record.get("event_id") if isinstance(record, dict) else None
    known = event_id[:120] if isinstance(event_id, str) else None
    return RejectedTelemetry(index=index, event_id=known, field=field, reason=reason)


def _first_problem(error: ValidationError) -> tuple[str, str]:
    detail: Any = error.errors(include_url=False, include_input=False)[0]
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return "event_type", detail["msg"]
    place = [str(part) for part in detail["loc"][1:]]
    return ".".join(place) or "record", detail["msg"]

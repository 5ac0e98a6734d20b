"""Telemetry over HTTP: good records are taken once, bad ones are named by index."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from casework.alert import Frozen
from casework.errors import InvalidInputError
from casework.permissions import Permission
from casework.telemetry import TELEMETRY, Telemetry
from casework.views import RejectedTelemetry, TelemetryReceipt
from server.bodies import StrictJsonRoute
from server.dependencies import TheDesk
from server.identity.declared import needs
from server.openapi import problems

MOST_EVENTS = 5000
LATEST = timedelta(minutes=5)
"""How far ahead of our clock an event may claim to be: windows are kept in event time, and one event
from the future would end everybody's."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

router = APIRouter(tags=["telemetry"], route_class=StrictJsonRoute)


class TelemetryEnvelope(Frozen):
    """A batch of records; each is judged by itself."""

    events: Annotated[tuple[Any, ...], Field(min_length=1, max_length=MOST_EVENTS)]


@router.post("/telemetry", status_code=202, summary="Send telemetry", responses=problems(422))
@needs(Permission.INGEST)
async def take(envelope: TelemetryEnvelope, desk: TheDesk) -> TelemetryReceipt:
    """202 means on disk. A malformed envelope is refused whole; nothing is written then."""
    good, rejected = _sorted_out(envelope.events, desk.clock())
    unique = {event.event_id: event for event in good}
    known = await desk.backends.telemetry.publish(list(unique.values())) if unique else frozenset()
    accepted = len(unique) - len(known)
    return TelemetryReceipt(accepted=accepted, duplicates=len(good) - accepted, rejected=tuple(rejected))


def _sorted_out(records: tuple[Any, ...], now: datetime) -> tuple[list[Telemetry], list[RejectedTelemetry]]:
    good: list[Telemetry] = []
    rejected: list[RejectedTelemetry] = []
    for index, record in enumerate(records):
        try:
            good.append(_read(record, now))
        except InvalidInputError as error:
            rejected.append(_rejected(index, record, error.field, error.reason))
    return good, rejected


def _read(record: Any, now: datetime) -> Telemetry:
    """One record. Raises InvalidInputError naming the field and the rule."""
    try:
        event = TELEMETRY.validate_json(to_json(record), strict=True)
    except ValidationError as error:
        raise InvalidInputError(*_first_problem(error)) from error
    except PydanticSerializationError as error:
        raise InvalidInputError(
            "record", "holds text that is not Unicode, or is nested too deeply"
        ) from error
    if event.occurred_at > now + LATEST:
        raise InvalidInputError("occurred_at", f"is more than {LATEST.seconds // 60} minutes in the future")
    if event.occurred_at < EARLIEST:
        raise InvalidInputError("occurred_at", f"is before {EARLIEST:%Y-%m-%d}")
    return event


def _rejected(index: int, record: Any, field: str, reason: str) -> RejectedTelemetry:
    event_id = record.get("event_id") if isinstance(record, dict) else None
    known = event_id[:120].encode(errors="replace").decode() if isinstance(event_id, str) else None
    return RejectedTelemetry(index=index, event_id=known, field=field, reason=reason)


def _first_problem(error: ValidationError) -> tuple[str, str]:
    detail: Any = error.errors(include_url=False, include_input=False)[0]
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return "event_type", detail["msg"]
    place = [str(part) for part in detail["loc"][1:]]
    return ".".join(place) or "record", detail["msg"]

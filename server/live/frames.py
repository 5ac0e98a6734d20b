"""Server-sent event frames, encoded once for everybody."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fastapi.sse import format_sse_event

from casework.places import Mark, Place, at
from casework.ports import CaseStore, StoredEvent, StoredTelemetry
from casework.views import CaseSummary, StreamNotice
from server.live.position import Position, Source
from server.rows import rows_at

HEARTBEAT = b": still here\n"
"""A comment line without the blank one, which some clients take for an empty event."""


class Topic(StrEnum):
    """What a client can ask for."""

    CASES = "cases"
    TELEMETRY = "telemetry"
    DEMO = "demo"
    """The demo's unnamed frames: telemetry and newly opened cases in its own shape."""


_AFTER_BODY = b"\nid: "
"""What follows the data, which is one line."""
_EVENT_NAMES = {Topic.CASES: "case", Topic.TELEMETRY: "telemetry"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: where the stream stands after it, and its bytes for a client that followed along."""

    topic: Topic
    source: Source
    mark: Mark
    position: Position
    encoded: bytes
    body_begins: int
    """Where the data after the cursor begins, so that it can be sent again under another one."""

    def seen_at(self, position: Position) -> bool:
        """Whether a client at a position already has this frame."""
        return position.of(self.source).has(self.mark)

    def after(self, position: Position) -> Position:
        """Where a client is once it has this frame too."""
        return position.past(self.source, self.mark, self.position.of(self.source))

    def at(self, position: Position) -> bytes:
        """The frame for a client whose position after it differs from the stream's."""
        if position == self.position:
            return self.encoded
        body = self.encoded[self.body_begins : self.encoded.rindex(_AFTER_BODY)]
        return _encode(self.topic, position, body.decode())


def make_frame(topic: Topic, source: Source, mark: Mark, position: Position, body: str) -> Frame:
    """Encode a frame that leaves the stream at a position."""
    encoded = _encode(topic, position, body)
    return Frame(topic, source, mark, position, encoded, encoded.rindex(_AFTER_BODY) - len(body.encode()))


async def case_bodies(cases: CaseStore, changes: Sequence[StoredEvent], now: datetime) -> list[str]:
    """Data of `case` frames, without their cursors; the customers' cases are counted once for all."""
    if not changes:
        return []
    row_at = await rows_at(cases, [change.case for change in changes])
    return [_case_body(change, row_at(change.case, now)) for change in changes]


def _case_body(stored: StoredEvent, summary: CaseSummary) -> str:
    return f'"event":{stored.event.model_dump_json()},"summary":{summary.model_dump_json()}}}'


def telemetry_body(stored: StoredTelemetry) -> str:
    """Data of a `telemetry` frame, without its cursor."""
    return f'"event":{stored.event.model_dump_json()}}}'


def entry_of(stored: StoredTelemetry) -> tuple[Mark, Place]:
    """Where an event is in the telemetry log, which has one lane."""
    return Mark(stored.offset), at(stored.offset)


def notice(kind: str, position: Position, detail: str) -> bytes:
    """A `hello` or `behind` frame."""
    data = StreamNotice.model_validate({"kind": kind, "cursor": str(position), "detail": detail})
    return format_sse_event(event=kind, data_str=data.model_dump_json(), id=str(position))


def expired() -> bytes:
    """The frame before the end of a stream whose token has expired. Without an id, so that cursors stay."""
    data = StreamNotice(kind="expired", cursor="", detail="the token has expired; sign in again")
    return format_sse_event(event="expired", data_str=data.model_dump_json())


def _encode(topic: Topic, position: Position, body: str) -> bytes:
    if topic is Topic.DEMO:
        return format_sse_event(data_str=body, id=str(position))
    data = f'{{"cursor":{json.dumps(str(position))},{body}'
    return format_sse_event(event=_EVENT_NAMES[topic], data_str=data, id=str(position))

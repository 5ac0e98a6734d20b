"""Telemetry as the body of an event: packed records on the way out, each judged by itself on the way in."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from casework.telemetry import TELEMETRY, Telemetry

CONTENT_TYPE = "application/x-ndjson"
TRACE = "traceparent"
"""The property of an event with the trace of the request that brought it."""
MOST_RECORDS = 100
MOST_BODY_BYTES = 48 * 1024
"""A pack this big is about as fast as a bigger one, and fits every tier."""
MOST_RECORD_BYTES = 16 * 1024
"""A telemetry record within its limits is far smaller; reading a larger one would only cost time."""
LATEST = timedelta(minutes=5)
"""How far ahead of its arrival an event may claim to be: one from the future would end all windows."""
EXCERPT = 500


class Poison(NamedTuple):
    """A record that cannot be read: why, and how it begins."""

    reason: str
    excerpt: str


class Record(NamedTuple):
    """A record that can be read, with its JSON."""

    event: Telemetry
    text: bytes


def pack(records: Sequence[Record]) -> Iterator[bytes]:
    """Bodies of one JSON record per line."""
    lines: list[bytes] = []
    size = 0
    for record in records:
        if lines and (len(lines) == MOST_RECORDS or size + len(record.text) >= MOST_BODY_BYTES):
            yield b"\n".join(lines)
            lines, size = [], 0
        lines.append(record.text)
        size += len(record.text) + 1
    if lines:
        yield b"\n".join(lines)


def unpack(body: bytes, arrived: datetime | None) -> Iterator[Record | Poison]:
    """What is in a body: JSON records one per line, or one JSON document with a record or a list of them."""
    lines = [line for line in body.splitlines() if line.strip()]
    if not lines:
        yield Poison("is empty", "")
        return
    if len(lines) > 1 and not _is_json(lines[0]):
        lines = [body]
    for line in lines:
        yield from _document(line, arrived)


def _document(text: bytes, arrived: datetime | None) -> Iterator[Record | Poison]:
    if text.lstrip()[:1] != b"[":
        yield _record(text, arrived)
        return
    try:
        items: Any = from_json(text)
    except ValueError as error:
        yield Poison(f"not JSON: {error}", _excerpt(text))
        return
    for item in items:
        yield _record(to_json(item), arrived)


def _record(text: bytes, arrived: datetime | None) -> Record | Poison:
    if len(text) > MOST_RECORD_BYTES:
        return Poison(f"too large: {len(text)} bytes, at most {MOST_RECORD_BYTES}", _excerpt(text))
    try:
        event = TELEMETRY.validate_json(text, strict=True)
    except ValidationError as error:
        return Poison(_first_problem(error), _excerpt(text))
    if arrived is not None and event.occurred_at > arrived + LATEST:
        return Poison(
            f"occurred_at: is more than {LATEST.seconds // 60} minutes after it arrived", _excerpt(text)
        )
    return Record(event, text)


def _is_json(text: bytes) -> bool:
    try:
        from_json(text)
    except ValueError:
        return False
    return True


def _first_problem(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    if detail["type"] == "json_invalid":
        return f"not JSON: {detail['msg']}"
    place = ".".join(str(part) for part in detail["loc"][1:]) or "event_type"
    return f"{place}: {detail['msg']}"


def _excerpt(text: bytes) -> str:
    return text[:EXCERPT].decode(errors="replace")

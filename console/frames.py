"""Frames of the server's stream, read from the wire; heartbeats are frames too, for the data's age."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError
from pydantic import ValidationError

from casework.views import CaseChange, StreamNotice, TelemetrySeen
from console.problems import ConsoleError


@dataclass(frozen=True, slots=True)
class CaseFrame:
    """A case changed."""

    change: CaseChange


@dataclass(frozen=True, slots=True)
class TelemetryFrame:
    """Telemetry arrived at the server."""

    seen: TelemetrySeen


@dataclass(frozen=True, slots=True)
class NoticeFrame:
    """The server says where the stream stands, or that we fell behind and must read snapshots.

    `heartbeat_seconds` is how long nothing comes at most, where the server said so.
    """

    notice: StreamNotice
    heartbeat_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Bytes came that carry no event: the line is alive."""


Frame = CaseFrame | TelemetryFrame | NoticeFrame | Heartbeat


async def read_frames(response: httpx.Response) -> AsyncIterator[Frame]:
    """The frames of an open stream. Raises ConsoleError when what comes is not our stream."""
    heartbeat = _seconds(response.headers.get("Heartbeat-Seconds", ""))
    try:
        async for sent in EventSource(response).aiter_sse():
            yield _frame(sent, heartbeat)
    except SSEError as error:
        raise ConsoleError(f"this is not an event stream: {error}") from error


def _seconds(written: str) -> float | None:
    """Some seconds as a server wrote them; None for what makes no sense."""
    return float(written) if re.fullmatch(r"\d{1,4}(\.\d{1,4})?", written, re.ASCII) else None


def _frame(sent: ServerSentEvent, heartbeat: float | None) -> Frame:
    """One frame; a comment surfaces as an event without data, and unknown kinds count as signs of life."""
    try:
        match sent.event if sent.data else "":
            case "case":
                return CaseFrame(CaseChange.model_validate_json(sent.data))
            case "telemetry":
                return TelemetryFrame(TelemetrySeen.model_validate_json(sent.data))
            case "hello" | "behind" | "expired":
                return NoticeFrame(StreamNotice.model_validate_json(sent.data), heartbeat)
            case _:
                return Heartbeat()
    except ValidationError as error:
        raise ConsoleError(
            f"the stream carries a {sent.event} frame we cannot read; "
            "are console and server of the same version?"
        ) from error

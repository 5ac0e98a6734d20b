"""Telemetry in, and everything that happens out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from casework import views
from casework.telemetry import TELEMETRY
from fakedesk.backroom import Backroom
from fakedesk.callers import TheDesk

router = APIRouter()


@router.post("/telemetry", status_code=202)
async def ingest(desk: TheDesk, request: Request) -> views.TelemetryReceipt:
    accepted, rejected = 0, []
    for index, raw in enumerate((await request.json())["events"]):
        try:
            await desk.record.telemetry(TELEMETRY.validate_python(raw))
            accepted += 1
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "record"
            rejected.append(
                views.RejectedTelemetry(index=index, event_id=None, field=field, reason=first["msg"])
            )
    return views.TelemetryReceipt(accepted=accepted, duplicates=0, rejected=tuple(rejected))


@router.get("/stream")
async def stream(
    desk: TheDesk,
    topics: str = "cases,telemetry",
    cursor: str = "c0.t0",
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    frames = _frames(desk, last_event_id or cursor, topics)
    return StreamingResponse(frames, media_type="text/event-stream")


async def _frames(desk: Backroom, cursor: str, topics: str) -> AsyncIterator[str]:
    record, cut = desk.record, desk.cut
    desk.streams += 1
    cases, telemetry = (int(part[1:]) for part in cursor.split("."))
    try:
        if cases > record.case_head or telemetry > record.telemetry_head:
            detail = "this record is younger than your cursor: read afresh"
            behind = views.StreamNotice(kind="behind", cursor=record.cursor, detail=detail)
            yield f"event: behind\nid: {record.cursor}\ndata: {behind.model_dump_json()}\n\n"
            return
        hello = views.StreamNotice(kind="hello", cursor=cursor, detail="joined")
        yield f"event: hello\nid: {cursor}\ndata: {hello.model_dump_json()}\n\n"
        sent = 0
        while desk.cut == cut:
            while sent < len(record.frames) and not desk.mute:
                kind, frame = record.frames[sent]
                sent += 1
                at = [int(part[1:]) for part in frame.cursor.split(".")]
                fresh = at[0] > cases if kind == "case" else at[1] > telemetry
                if fresh and ((kind == "case" and "cases" in topics) or kind in topics):
                    yield f"event: {kind}\nid: {frame.cursor}\ndata: {frame.model_dump_json()}\n\n"
            async with record.changed:
                if (sent < len(record.frames) and not desk.mute) or desk.cut != cut:
                    continue
                try:
                    await asyncio.wait_for(record.changed.wait(), 2)
                except TimeoutError:
                    yield ": beat\n\n"
    finally:
        desk.streams -= 1

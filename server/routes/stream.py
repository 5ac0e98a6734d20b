"""The live stream: cases and telemetry as server-sent events, resumable by cursor."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from casework.errors import InvalidInputError
from server.dependencies import TheDesk
from server.live.frames import Topic
from server.live.position import parse_position
from server.live.sse import StreamResponse
from server.openapi import problems

PATH = "/api/v1/stream"
ALLOWED = (Topic.CASES, Topic.TELEMETRY)

router = APIRouter(tags=["stream"])


@router.get(
    "/stream",
    summary="Follow cases and telemetry",
    response_class=Response,
    responses={
        200: {
            "description": "Frames `hello`, `case`, `telemetry`, `behind`; ids are cursors.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'event: hello\ndata: {"kind":"hello","cursor":"c12.t90","detail":"following"}'
                    "\nid: c12.t90\n\n",
                }
            },
        },
        **problems(422, 429),
    },
)
async def stream(
    desk: TheDesk,
    topics: Annotated[str, Query(max_length=100)] = "cases,telemetry",
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamResponse:
    """With `Last-Event-ID` (or `cursor`) nothing is missed and nothing comes twice.

    A `behind` frame says that too much happened since: read the lists afresh and go on from its cursor.
    """
    given = last_event_id or cursor
    return StreamResponse(desk.live, _topics(topics), parse_position(given) if given else None)


def _topics(text: str) -> frozenset[Topic]:
    wanted = {part.strip() for part in text.split(",") if part.strip()}
    unknown = wanted - set(ALLOWED)
    if unknown or not wanted:
        raise InvalidInputError("topics", f"must be one or more of {', '.join(ALLOWED)}, by comma")
    return frozenset(Topic(name) for name in wanted)

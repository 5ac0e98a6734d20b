"""The live stream: cases and telemetry as server-sent events, resumable by cursor.

A bare ASGI endpoint: thousands of these stay open, and a framework's request would stay with each.
"""

from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from casework.errors import InvalidInputError
from casework.permissions import Permission
from server.dependencies import desk_of
from server.identity.declared import needs
from server.identity.gate import owner_of, seconds_left
from server.live.frames import Topic
from server.live.position import Position, parse_position
from server.live.session import Subscription
from server.live.sse import StreamResponse
from server.openapi import problems
from server.replicas import caught_up

PATH = "/api/v1/stream"
ALLOWED = (Topic.CASES, Topic.TELEMETRY)
DESCRIPTION: dict[str, Any] = {
    "tags": ["stream"],
    "summary": "Follow cases and telemetry",
    "description": "With `Last-Event-ID` (or `cursor`) nothing is missed and nothing comes twice. A `behind` "
    "frame says that too much happened since: read the lists afresh and go on from its cursor.",
    "parameters": [
        {
            "name": "topics",
            "in": "query",
            "schema": {"type": "string", "default": "cases,telemetry"},
            "description": "One or both of cases, telemetry, by comma.",
        },
        {"name": "cursor", "in": "query", "schema": {"type": "string"}, "example": "c120.t4711"},
        {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}, "example": "c120.t4711"},
    ],
    "responses": {
        "200": {
            "description": "Frames `hello`, `case`, `telemetry`, `behind`; ids are cursors.",
            "headers": {
                "Heartbeat-Seconds": {
                    "schema": {"type": "number"},
                    "description": "How long nothing comes at most, not even a comment.",
                }
            },
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": "event: hello\n"
                    'data: {"kind":"hello","cursor":"c12.t90","detail":"following"}\n'
                    "id: c12.t90\n\n",
                }
            },
        },
        **{str(status): refusal for status, refusal in problems(422, 429).items()},
    },
}


@needs(Permission.LOOK)
class CaseStream:
    """Answers GET with frames until the client leaves or the server stops."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        desk, topics, since = desk_of(connection), _topics(connection.query_params), _since(connection)
        live = desk.live
        if since is not None:
            await caught_up(live.hub, live.cases, live.telemetry, since, topics)
        wanted = Subscription(topics, since, owner_of(connection), seconds_left(connection))
        await StreamResponse(live, wanted)(scope, receive, send)


def _since(connection: HTTPConnection) -> Position | None:
    given = connection.headers.get("last-event-id") or connection.query_params.get("cursor")
    return parse_position(given) if given else None


def _topics(params: QueryParams) -> frozenset[Topic]:
    wanted = {part.strip() for part in params.get("topics", ",".join(ALLOWED)).split(",") if part.strip()}
    if not wanted or wanted - set(ALLOWED):
        raise InvalidInputError("topics", f"must be one or more of {', '.join(ALLOWED)}, by comma")
    return frozenset(Topic(name) for name in wanted)


route = Route(PATH, CaseStream(), methods=["GET"])

"""The answer to a stream request: its head, and a session that writes the rest."""

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.live.handover import hand_over
from server.live.session import Live, Session, Subscription, write

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class StreamResponse(Response):
    """Admits a client and hands its session over, so that nothing of the framework stays with the stream."""

    media_type = "text/event-stream"

    def __init__(self, live: Live, wanted: Subscription) -> None:
        super().__init__(media_type=self.media_type)
        self._live = live
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises OverloadedError, before anything is sent, when every seat is taken."""
        session = Session(self._live, self._wanted)
        handed_over = False
        try:
            beat = (b"heartbeat-seconds", f"{self._live.heartbeat_seconds:g}".encode())
            headers = [*self._own_headers(), *HEADERS, beat]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if scope["method"] == "HEAD":
                await write(send, b"", more=False)
            else:
                handed_over = hand_over(scope, session)
                if not handed_over:
                    await session.follow(receive, send)
        finally:
            if not handed_over:
                session.end()

    def _own_headers(self) -> list[tuple[bytes, bytes]]:
        """Headers that the route's dependencies set; length and type are ours."""
        return [(k, v) for k, v in self.raw_headers if k not in (b"content-length", b"content-type")]

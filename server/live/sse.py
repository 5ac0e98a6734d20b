"""A stream client's session: where it starts, what it missed, and everything that follows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from casework.ports import CaseStore, EventBus
from server.live.audience import Audience, Listener
from server.live.frames import HEARTBEAT, Topic, case_body, make_frame, notice, telemetry_body
from server.live.hub import Hub, Topics, sources_of
from server.live.position import Position, Source

SEND_SECONDS = 30.0
"""How long a client may leave a write unread before it is dropped."""
PAGE = 200
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class Clock(Protocol):
    def __call__(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Live:
    """What every stream session shares."""

    hub: Hub
    audience: Audience
    cases: CaseStore
    telemetry: EventBus
    clock: Clock
    backlog: int
    """How many stored events a client is sent on joining before it is told to read afresh."""


class StreamResponse(Response):
    """A raw ASGI response: no queue and no task per frame, only a cursor into the ring."""

    media_type = "text/event-stream"

    def __init__(self, live: Live, topics: Topics, since: Position | None) -> None:
        super().__init__(media_type=self.media_type)
        self._live = live
        self._topics = topics
        self._since = since
        self._place = 0
        self._listener = live.audience.join()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hangup = asyncio.create_task(_until_gone(receive, self._listener))
        try:
            await send(
                {"type": "http.response.start", "status": 200, "headers": [*self._own_headers(), *HEADERS]}
            )
            async for data in self._session():
                await _write(send, data, more=True)
            await _write(send, b"", more=False)
        except TimeoutError:
            pass
        finally:
            hangup.cancel()
            self._live.audience.part(self._listener)

    def _own_headers(self) -> list[tuple[bytes, bytes]]:
        """Headers that the route's dependencies set; length and type are ours."""
        return [(k, v) for k, v in self.raw_headers if k not in (b"content-length", b"content-type")]

    async def _session(self) -> AsyncIterator[bytes]:
        """Everything to write. The place to read on is set before each yield, never after it."""
        async for data in self._join():
            yield data
        hub, listener = self._live.hub, self._listener
        while not listener.gone:
            chunk = hub.read(self._place, self._topics)
            if chunk is None:
                yield self._behind("you fell behind: read afresh and go on from here")
                continue
            self._place = chunk.next
            if chunk.data:
                yield chunk.data
            elif listener.beat:
                listener.beat = False
                yield HEARTBEAT
            elif self._place == hub.end:
                await listener.wait()

    async def _join(self) -> AsyncIterator[bytes]:
        """Greet, and send what was missed: from the stores what the ring lost, then from the ring."""
        hub, since = self._live.hub, self._since
        self._place = hub.end
        if Topic.DEMO in self._topics:
            yield hub.catch_up(since, self._topics)[0] if since else HEARTBEAT
            return
        position = since or hub.position
        if hub.ahead(position, self._topics):
            yield self._behind("this record is younger than your cursor: read afresh")
            return
        if self._too_far(position):
            yield self._behind("too much happened since: read afresh and go on from here")
            return
        yield notice("hello", position, "resumed" if since else "following")
        while not hub.covers(position, self._topics):
            data, reached = await self._stored(position)
            if reached == position and not hub.covers(position, self._topics):
                yield self._behind("what you missed is no longer kept: read afresh and go on from here")
                return
            position = reached
            yield data
        missed, _ = hub.catch_up(position, self._topics)
        self._place = hub.end
        if missed:
            yield missed

    def _behind(self, detail: str) -> bytes:
        self._place = self._live.hub.end
        return notice("behind", self._live.hub.position, detail)

    def _too_far(self, position: Position) -> bool:
        hub = self._live.hub
        missing = sum(hub.position.of(s) - position.of(s) for s in sources_of(self._topics))
        return missing > self._live.backlog and not hub.covers(position, self._topics)

    async def _stored(self, position: Position) -> tuple[bytes, Position]:
        """A page of what was published before the ring begins, and where the client stands after it."""
        hub, parts = self._live.hub, []
        if not hub.covers(position, self._topics & {Topic.CASES}):
            for change in await self._live.cases.changes(position.cases, PAGE):
                if change.cursor <= hub.position.cases:
                    position = position.moved(Source.CASES, change.cursor)
                    body = case_body(change, self._live.clock())
                    parts.append(make_frame(Topic.CASES, Source.CASES, position, body).encoded)
        if not hub.covers(position, self._topics & {Topic.TELEMETRY}):
            for seen in await self._live.telemetry.tail(position.telemetry, PAGE):
                if seen.offset <= hub.position.telemetry:
                    position = position.moved(Source.TELEMETRY, seen.offset)
                    frame = make_frame(Topic.TELEMETRY, Source.TELEMETRY, position, telemetry_body(seen))
                    parts.append(frame.encoded)
        return b"".join(parts), position


async def _write(send: Send, data: bytes, *, more: bool) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": data, "more_body": more})


async def _until_gone(receive: Receive, listener: Listener) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.leave()

"""A stream client's session: where it starts, what it missed, and everything that follows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.types import Receive, Send

from casework.ports import CaseStore, EventBus
from server.clock import Clock
from server.live.audience import SEND_SECONDS, Audience, Reader
from server.live.frames import (
    HEARTBEAT,
    Topic,
    case_bodies,
    entry_of,
    make_frame,
    notice,
    telemetry_body,
)
from server.live.hub import Hub, Topics
from server.live.position import Position, Source

PAGE = 200


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
    heartbeat_seconds: float
    """How long nothing at all is sent at most."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one client asked to follow, and on whose account."""

    topics: Topics
    since: Position | None
    """How far it had read before; None for a client that begins now."""
    owner: str = ""
    """Who signed in; empty where nobody does."""
    seconds: float | None = None
    """How long its token is still taken: then it is sent away."""


class Session:
    """One admitted client. Everything after its greeting is written by the audience's rounds."""

    __slots__ = ("_live", "_place", "_seated", "_wanted")

    def __init__(self, live: Live, wanted: Subscription) -> None:
        live.audience.take_seat(wanted.owner)
        self._seated = True
        self._live = live
        self._wanted = wanted
        self._place = 0

    async def follow(self, receive: Receive, send: Send) -> None:
        """Greet, send what was missed, and stay until the client leaves or the server stops."""
        own, reader, expiry = asyncio.current_task(), None, None
        assert own is not None
        try:
            async for data in self._join():
                await write(send, data)
            reader = Reader(self._wanted.topics, self._place, send, own.cancel)
            self._live.audience.follow(reader)
            if self._wanted.seconds is not None:
                loop = asyncio.get_running_loop()
                expiry = loop.call_later(self._wanted.seconds, self._live.audience.expire, reader)
            # Waited for right here: every call in between would be a frame kept for each client.
            while (await receive())["type"] != "http.disconnect":
                pass
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if reader is None or not reader.dropped:
                raise
            own.uncancel()
        finally:
            if expiry is not None:
                expiry.cancel()
            if reader is not None:
                self._live.audience.part(reader)
            self.end()

    def end(self) -> None:
        """Give the seat back, once."""
        if self._seated:
            self._seated = False
            self._live.audience.free_seat(self._wanted.owner)

    async def _join(self) -> AsyncIterator[bytes]:
        """Greet, and send what was missed: from the stores what the ring lost, then from the ring."""
        hub, since = self._live.hub, self._wanted.since
        self._place = hub.end
        if Topic.DEMO in self._wanted.topics:
            yield hub.catch_up(since, self._wanted.topics)[0] if since else HEARTBEAT
            return
        position = since or hub.position
        if hub.ahead(position, self._wanted.topics):
            yield self._behind("this record is younger than your cursor: read afresh")
            return
        if self._too_far(position):
            yield self._behind("too much happened since: read afresh and go on from here")
            return
        yield notice("hello", position, "resumed" if since else "following")
        while not hub.covers(position, self._wanted.topics):
            if self._live.audience.closed:
                return
            data, reached = await self._stored(position)
            if reached == position and not hub.covers(position, self._wanted.topics):
                yield self._behind("what you missed is no longer kept: read afresh and go on from here")
                return
            position = reached
            yield data
        missed, _ = hub.catch_up(position, self._wanted.topics)
        self._place = hub.end
        if missed:
            yield missed

    def _behind(self, detail: str) -> bytes:
        self._place = self._live.hub.end
        return notice("behind", self._live.hub.position, detail)

    def _too_far(self, position: Position) -> bool:
        hub = self._live.hub
        too_far = hub.behind(position, self._wanted.topics) > self._live.backlog
        return too_far and not hub.covers(position, self._wanted.topics)

    async def _stored(self, position: Position) -> tuple[bytes, Position]:
        """A page of what was published before the ring begins, and where the client stands after it."""
        hub, parts = self._live.hub, b""
        if not hub.covers(position, self._wanted.topics & {Topic.CASES}):
            parts, position = await self._stored_cases(position)
        if not hub.covers(position, self._wanted.topics & {Topic.TELEMETRY}):
            telemetry, position = await self._stored_telemetry(position)
            parts += telemetry
        return parts, position

    async def _stored_cases(self, position: Position) -> tuple[bytes, Position]:
        published, cases, parts = self._live.hub.position.cases, self._live.cases, []
        changes = await cases.changes(position.cases, PAGE)
        bodies = await case_bodies(cases, changes.events, self._live.clock())
        for change, body in zip(changes.events, bodies, strict=True):
            if published.has(change.mark):
                position = position.past(Source.CASES, change.mark, change.cursor)
                frame = make_frame(Topic.CASES, Source.CASES, change.mark, position, body)
                parts.append(frame.encoded)
        if len(parts) == len(bodies):
            position = position.moved(Source.CASES, changes.end)
        return b"".join(parts), position

    async def _stored_telemetry(self, position: Position) -> tuple[bytes, Position]:
        published, parts = self._live.hub.position.telemetry, []
        for seen in await self._live.telemetry.tail(position.telemetry.lanes[0].number, PAGE):
            mark, place = entry_of(seen)
            if published.has(mark):
                position = position.past(Source.TELEMETRY, mark, place)
                frame = make_frame(Topic.TELEMETRY, Source.TELEMETRY, mark, position, telemetry_body(seen))
                parts.append(frame.encoded)
        return b"".join(parts), position


async def write(send: Send, data: bytes, *, more: bool = True) -> None:
    """Write a part of the body. Raises TimeoutError when the client leaves it unread."""
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": data, "more_body": more})

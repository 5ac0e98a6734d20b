"""One connection: the handshake, then frames to the links they belong to."""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from tests.peers.eventhubs.access import RefusedError
from tests.peers.eventhubs.codec import MalformedError, Symbols, UByte, UInt, UShort
from tests.peers.eventhubs.frames import (
    AMQP,
    MOST_FRAME,
    SASL,
    Frame,
    amqp_error,
    empty_frame,
    frame_bytes,
    read_frame,
)
from tests.peers.eventhubs.links import Session

if TYPE_CHECKING:
    from tests.peers.eventhubs.access import Grant
    from tests.peers.eventhubs.broker import Broker

IDLE_MS = 240_000


class Connection:
    """Whoever is at the other end, what tokens they have shown, and their links."""

    def __init__(self, broker: "Broker", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.broker = broker
        self.ended = asyncio.Event()
        self.max_frame = MOST_FRAME
        self.grants: dict[str, Grant] = {}
        self._reader = reader
        self._writer = writer
        self._sessions: dict[int, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until either end closes or breaks off."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            try:
                await self._shake_hands()
                await self._frames()
            except MalformedError as error:
                self.send("close", error=amqp_error("amqp:decode-error", str(error)))
        await self._finish()

    def send(self, name: str, channel: int = 0, payload: bytes = b"", /, **fields: Any) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame_bytes(name, channel, payload, **fields))

    async def drain(self) -> None:
        """Waits while the other end reads too slowly."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def abort(self) -> None:
        """Breaks off without a word."""
        self._writer.transport.abort()

    def babble(self) -> None:
        """Sends a frame of a kind that the protocol does not have."""
        self._writer.write(b"\x00\x00\x00\x10\x02\x07\x00\x00nonsense")

    def spawn(self, work: Any) -> None:
        """Runs beside the reading of frames, as long as the connection lasts."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _shake_hands(self) -> None:
        header = await self._reader.readexactly(8)
        if header == SASL:
            self._writer.write(SASL)
            known = Symbols(("ANONYMOUS", "PLAIN", "MSSBCBS", "EXTERNAL"))
            self.send("mechanisms", sasl_server_mechanisms=known)
            chosen = await read_frame(self._reader)
            refused = chosen is None or chosen["mechanism"] not in known or not self._plain_ok(chosen)
            self.send("outcome", code=UByte(1 if refused else 0))
            if refused:
                raise ConnectionAbortedError
            header = await self._reader.readexactly(8)
        self._writer.write(AMQP)
        if header != AMQP:
            raise ConnectionAbortedError

    def _plain_ok(self, chosen: Frame) -> bool:
        """PLAIN carries a policy and its key; the other mechanisms leave it to $cbs."""
        if chosen["mechanism"] != "PLAIN":
            return True
        _, user, password = (chosen["initial_response"] or b"\0\0").split(b"\0", 2)
        return self.broker.access.keys.get(user.decode()) == password.decode()

    async def _frames(self) -> None:
        while (frame := await read_frame(self._reader)) is None or frame.name != "close":
            if frame is not None:
                self._take(frame)
        self.send("close")
        await self.drain()

    def _take(self, frame: Frame) -> None:
        match frame.name:
            case "open":
                self._opened(frame)
            case "begin":
                self._sessions[frame.channel] = Session(self, frame)
            case "end":
                if (session := self._sessions.pop(frame.channel, None)) is not None:
                    session.end()
                self.send("end", frame.channel)
            case _ if frame.channel in self._sessions:
                self._sessions[frame.channel].take(frame)

    def _opened(self, frame: Frame) -> None:
        self.max_frame = min(frame["max_frame_size"] or MOST_FRAME, MOST_FRAME)
        if frame["idle_time_out"]:
            self.spawn(self._keep_alive(frame["idle_time_out"] / 2000))
        self.send(
            "open",
            container_id="event-hubs-peer",
            max_frame_size=UInt(MOST_FRAME),
            channel_max=UShort(4999),
            idle_time_out=UInt(IDLE_MS),
        )

    async def _keep_alive(self, seconds: float) -> None:
        while not self._writer.is_closing():
            await asyncio.sleep(seconds)
            self._writer.write(empty_frame())

    def grant(self, grant: "Grant") -> None:
        """Whoever has a token keeps its links until it expires, or is replaced in time."""
        self.grants[grant.resource] = grant
        self.spawn(self._expire(grant))

    async def _expire(self, grant: "Grant") -> None:
        await asyncio.sleep(max(0.0, grant.until - time.time()))
        if self.grants.get(grant.resource) is grant:
            del self.grants[grant.resource]
            for session in self._sessions.values():
                session.refuse("amqp:unauthorized-access", "ExpiredToken: the token is expired")

    def granted(self, path: str, right: str) -> "Grant":
        """The grant that allows it. Raises RefusedError."""
        for resource, grant in self.grants.items():
            if right in grant.rights and path.lower().startswith(resource):
                return grant
        raise RefusedError(
            401, f"Unauthorized access. '{right}' claim(s) are required to perform this operation"
        )

    async def _finish(self) -> None:
        for session in self._sessions.values():
            session.end()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(Exception):
            await self._writer.wait_closed()
        self.ended.set()

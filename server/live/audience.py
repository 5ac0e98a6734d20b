"""Who is listening: everybody is written to in rounds, at a bounded rate, and sent away at the end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice

import structlog
from starlette.types import Message, Send

from casework.errors import OverloadedError
from server.live.frames import HEARTBEAT, expired, notice
from server.live.hub import Chunk, Hub, Topics
from server.live.writing import begin

SEND_SECONDS = 30.0
"""How long a client may leave a write unread before it is dropped."""
SECONDS_PER_CLIENT = 0.00003
"""How much each client lengthens the time between two rounds, so that a crowd gets fewer, larger writes."""
LONGEST_PAUSE = 0.1
MOST_SEATS_EACH = 100
"""Of one who signed in: one token must not keep everybody else from following."""
AT_ONCE = 50
"""How many clients are written to before whatever else waits gets its turn."""

log = structlog.get_logger("server.audience")


class Reader:
    """A client that has been greeted: where it reads on, and the way to it."""

    __slots__ = ("_hang_up", "dropped", "left", "place", "rest", "send", "topics")

    def __init__(self, topics: Topics, place: int, send: Send, hang_up: Callable[[], object]) -> None:
        self.topics = topics
        self.place = place
        self.send = send
        self.rest: asyncio.Task[None] | None = None
        """Finishes a write that found no room; until then the client is passed over."""
        self.left = False
        self.dropped = False
        self._hang_up = hang_up

    def drop(self) -> None:
        """Give the client up: it does not read, or cannot be written to."""
        if not self.left:
            self.left = self.dropped = True
            self._hang_up()


class Audience:
    """All stream clients of a process: seats for `most`, and the rounds that write to those who follow.

    A round writes what is new to one client after the other, without a task or a wake-up for each. A client
    that does not read is passed over, and reads on from its own place once it does.
    """

    def __init__(self, hub: Hub, most: int) -> None:
        self._hub = hub
        self._most = most
        self._taken = 0
        self._of_each: Counter[str] = Counter()
        self._readers: dict[Reader, None] = {}
        self.closed = False
        self._due = self._beat_due = self._beating = self._lagging = False
        self._busy = False
        """A round is scheduled or on its way."""
        self._round: Iterator[Reader] = iter(())
        self._began = 0.0
        self._last: tuple[Chunk, Message] | None = None

    def __len__(self) -> int:
        return self._taken

    @property
    def readers(self) -> tuple[Reader, ...]:
        """Those who are written to."""
        return tuple(self._readers)

    @property
    def pause(self) -> float:
        """Seconds from the beginning of one round to that of the next."""
        return min(LONGEST_PAUSE, SECONDS_PER_CLIENT * len(self._readers))

    def take_seat(self, owner: str = "") -> None:
        """Raises OverloadedError when there is none left, for anybody or for who signed in as `owner`.

        Each is given back by `free_seat`.
        """
        if self.closed or self._taken >= self._most:
            raise OverloadedError("the server has as many stream clients as it can serve; try again later")
        if owner and self._of_each[owner] >= MOST_SEATS_EACH:
            raise OverloadedError(f"you follow {MOST_SEATS_EACH} streams already; end one of them first")
        self._taken += 1
        self._of_each[owner] += 1

    def free_seat(self, owner: str = "") -> None:
        self._taken -= 1
        self._of_each[owner] -= 1
        if not self._of_each[owner]:
            del self._of_each[owner]

    def follow(self, reader: Reader) -> None:
        """Write to a client from now on, beginning with what came since its place."""
        self._readers[reader] = None
        if self.closed:
            self._dismiss(reader)
        else:
            self._serve(reader)
            self._plan()

    def expire(self, reader: Reader) -> None:
        """Tell a client that its token has expired, and send it away."""
        if reader.left:
            return
        if reader.rest is None:
            self._write(reader, _body(expired()))
        self._dismiss(reader)

    def part(self, reader: Reader) -> None:
        """Never write to a client again."""
        reader.left = True
        self._readers.pop(reader, None)
        if reader.rest is not None:
            reader.rest.cancel()

    def ring(self) -> None:
        """Begin a round: at once when there was none for a while, otherwise after the pause."""
        self._due = True
        self._plan()

    def beat(self) -> None:
        """Have every client that nothing is written to in the next round get a heartbeat."""
        self._beat_due = True
        self.ring()

    def close(self) -> None:
        """Send everybody away and take nobody any more."""
        self.closed = True
        for reader in tuple(self._readers):
            if not reader.left:
                self._dismiss(reader)

    def _plan(self) -> None:
        if self._busy or not (self._due or self._lagging):
            return
        if not self._readers:
            return
        self._busy = True
        loop = asyncio.get_running_loop()
        pause = 0.0 if self._lagging else self.pause
        loop.call_at(max(loop.time(), self._began + pause), self._begin_round)

    def _begin_round(self) -> None:
        self._due = self._lagging = False
        self._beating, self._beat_due = self._beat_due, False
        self._began = asyncio.get_running_loop().time()
        self._round = iter(tuple(self._readers))
        self._go_round()

    def _go_round(self) -> None:
        """Write to the next few, and go on with the others after whatever else waits."""
        served = 0
        for reader in islice(self._round, AT_ONCE):
            served += 1
            if reader.rest is None and not reader.left:
                self._serve(reader)
        if served:
            asyncio.get_running_loop().call_soon(self._go_round)
        else:
            self._busy = self._beating = False
            self._plan()

    def _serve(self, reader: Reader) -> None:
        """Write the next chunk, a heartbeat or nothing. The place is moved before each write, never after."""
        chunk = self._hub.read(reader.place, reader.topics)
        if chunk is None:
            reader.place = self._hub.end
            told = notice("behind", self._hub.position, "you fell behind: read afresh and go on from here")
            self._write(reader, _body(told))
            return
        reader.place = chunk.next
        if chunk.data:
            self._write(reader, self._message(chunk))
        elif self._beating:
            self._write(reader, _body(HEARTBEAT))
        if chunk.next < self._hub.end:
            self._lagging = True

    def _message(self, chunk: Chunk) -> Message:
        """The same message for everybody who gets the same chunk."""
        if self._last is None or self._last[0] is not chunk:
            self._last = (chunk, _body(chunk.data))
        return self._last[1]

    def _write(self, reader: Reader, message: Message) -> None:
        try:
            rest = begin(reader.send(message))
        except Exception:
            log.exception("stream_client_failed")
            reader.drop()
            return
        if rest is not None:
            reader.rest = asyncio.create_task(self._finish(reader, rest))

    async def _finish(self, reader: Reader, rest: Awaitable[None]) -> None:
        """Wait until a client has read, then write to it what came meanwhile."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await rest
        except TimeoutError:
            log.info("stream_client_dropped", reason=f"it read nothing for {SEND_SECONDS:.0f} s")
            reader.drop()
            return
        except Exception:
            log.exception("stream_client_failed")
            reader.drop()
            return
        reader.rest = None
        if not reader.left:
            self._serve(reader)
            self._plan()

    def _dismiss(self, reader: Reader) -> None:
        """End the response; one that has no room for its end is cut off, and can be resumed."""
        if reader.rest is None:
            self._write(reader, _body(b"", more=False))
        if reader.rest is not None:
            reader.drop()
        reader.left = True


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}

"""Who is listening: wakes every stream client when there is something, at a bounded rate, and at the end."""

import asyncio

from casework.errors import OverloadedError

SECONDS_PER_CLIENT = 0.00005
"""How much each client lengthens the pause between two wakings, so that a crowd gets fewer, larger writes."""
LONGEST_PAUSE = 0.1


class Listener:
    """One client's place to wait."""

    __slots__ = ("_future", "beat", "gone")

    def __init__(self) -> None:
        self._future: asyncio.Future[None] | None = None
        self.gone = False
        """The client hung up, or the server is stopping."""
        self.beat = False
        """A heartbeat is due."""

    async def wait(self) -> None:
        """Return at the next waking."""
        if not self.gone:
            self._future = asyncio.get_running_loop().create_future()
            await self._future

    def wake(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    def leave(self) -> None:
        self.gone = True
        self.wake()


class Audience:
    """All listeners of a process. A new one above `most` is refused with OverloadedError."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._listeners: set[Listener] = set()
        self._closed = False
        self._scheduled: asyncio.TimerHandle | None = None
        self._woken_at = 0.0

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self) -> Listener:
        if self._closed or len(self._listeners) >= self._most:
            raise OverloadedError("the server has as many stream clients as it can serve; try again later")
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def part(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def ring(self) -> None:
        """Wake everybody: at once when that was not done for a while, otherwise after the pause."""
        if self._scheduled is not None or not self._listeners:
            return
        loop = asyncio.get_running_loop()
        pause = min(LONGEST_PAUSE, SECONDS_PER_CLIENT * len(self._listeners))
        due = max(loop.time(), self._woken_at + pause)
        self._scheduled = loop.call_at(due, self._wake_all)

    def beat(self) -> None:
        """Have every listener send a heartbeat."""
        for listener in self._listeners:
            listener.beat = True
            listener.wake()

    def close(self) -> None:
        """Send everybody away and take nobody any more."""
        self._closed = True
        for listener in self._listeners:
            listener.leave()

    def _wake_all(self) -> None:
        self._scheduled = None
        self._woken_at = asyncio.get_running_loop().time()
        for listener in self._listeners:
            listener.wake()

"""A slow and breakable line between console and desk: a proxy that delays, shapes, cuts and mends."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 512
IN_FLIGHT = 64
"""Chunks under way in one direction of a connection; more have to wait, as on a real line."""


class Line:
    """Connections to a port of this machine, each byte late and no faster than the line is."""

    def __init__(self, target: int, delay_seconds: float, bits_per_second: float) -> None:
        self._target = target
        self._delay = delay_seconds
        self._rate = bits_per_second / 8
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        self._call(self._listen())

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._broken = True
        self._call(self._hang_up())

    def mend(self) -> None:
        """Let connections through again."""
        self._broken = False

    def stop(self) -> None:
        self.cut()
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, doing) -> None:  # type: ignore[no-untyped-def]
        asyncio.run_coroutine_threadsafe(doing, self._loop).result(30)

    async def _listen(self) -> None:
        self._up, self._down = asyncio.Lock(), asyncio.Lock()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _hang_up(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._broken:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, back}
        for source, sink, lock in ((reader, back, self._up), (there, writer, self._down)):
            task = asyncio.get_running_loop().create_task(self._carry(source, sink, lock))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, lock: asyncio.Lock
    ) -> None:
        """One direction: what is read is handed over when the line has had the time to carry it."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_FLIGHT)
        reading = asyncio.get_running_loop().create_task(self._read(source, under_way))
        try:
            with suppress(ConnectionError, OSError):
                while (arrival := await under_way.get())[1]:
                    async with lock:
                        await asyncio.sleep(len(arrival[1]) / self._rate)
                    await asyncio.sleep(max(0.0, arrival[0] - self._loop.time()))
                    sink.write(arrival[1])
                    await sink.drain()
        finally:
            reading.cancel()
            sink.transport.abort()
            self._open.discard(sink)

    async def _read(
        self, source: asyncio.StreamReader, under_way: "asyncio.Queue[tuple[float, bytes]]"
    ) -> None:
        got = b"-"
        while got:
            try:
                got = await source.read(CHUNK)
            except (ConnectionError, OSError):
                got = b""
            await under_way.put((self._loop.time() + self._delay, got))


@contextmanager
def line_to(port: int, *, delay_seconds: float = 0.0, bits_per_second: float = 1e9) -> Iterator[Line]:
    """A line to a port, until the end of the block."""
    line = Line(port, delay_seconds, bits_per_second)
    line.start()
    try:
        yield line
    finally:
        line.stop()

"""Lines from standard input, one at a time and only when asked for, while the event loop goes on."""

import asyncio
import queue
import threading
from typing import TextIO

LONGEST_LINE = 4000
"""What is longer is not a command; it comes in pieces."""


class LineReader:
    """A thread that reads a line for each one asked for; a daemon, so that it holds up no ending."""

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._wanted: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Future[str | None]]]
        self._wanted = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read_for_ever, name="lines-in", daemon=True)

    async def line(self) -> str | None:
        """The next line without its end; None when there are no more."""
        if not self._thread.is_alive():
            self._thread.start()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()
        self._wanted.put((loop, answer))
        return await answer

    def _read_for_ever(self) -> None:
        while True:
            loop, answer = self._wanted.get()
            try:
                text = self._source.readline(LONGEST_LINE)
            except (OSError, ValueError):
                text = ""
            try:
                loop.call_soon_threadsafe(_give, answer, text.rstrip("\r\n") if text else None)
            except RuntimeError:  # the loop has ended meanwhile
                return


def _give(answer: "asyncio.Future[str | None]", text: str | None) -> None:
    if not answer.done():
        answer.set_result(text)

"""An HTTP server that is told to stop, for every process that has one."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppableServer(uvicorn.Server):
    """Being told to stop is not death by signal: what was opened around `serve` is closed after it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

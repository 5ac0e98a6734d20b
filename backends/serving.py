"""An HTTP server on a port of its own, until it is told to stop: for every process that has one."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address. Raises OSError, whose words the caller puts with the setting to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError:
        found.close()
        raise
    return found


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

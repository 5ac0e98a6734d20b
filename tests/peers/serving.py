"""Runs a peer's ASGI app on a free loopback port, in a thread of its own."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from tests.peers.certificates import Certificates


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Announcing(uvicorn.Server):
    """Says when it listens, and where."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()
        self.port = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.port = self.servers[0].sockets[0].getsockname()[1]
        self.listening.set()


@contextlib.contextmanager
def serve(
    app: ASGIApp, certificates: Certificates | None = None, port: int = 0, *, keep_alive: bool = True
) -> Iterator[int]:
    """Serve until the block ends and yield the port; https when there are certificates.

    Stopping waits for clients that keep a connection open; without `keep_alive` there are none.
    """
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="off",
        headers=[] if keep_alive else [("Connection", "close")],
        ssl_certfile=certificates and certificates.chain,
        ssl_keyfile=certificates and certificates.key,
    )
    server = _Announcing(config)
    thread = threading.Thread(target=server.run, name="peer", daemon=True)
    thread.start()
    if not server.listening.wait(15):
        raise RuntimeError("the peer did not start")
    try:
        yield server.port
    finally:
        server.should_exit = True
        thread.join(10)

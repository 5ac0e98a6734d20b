"""A fake desk on a free loopback port, in the test's own event loop, and consoles that talk to it."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

sys.path.insert(0, str(Path(__file__).parent))

from fakedesk.app import Desk

from console.api import HttpApi
from console.settings import ConsoleSettings

PATIENCE_SECONDS = 30.0


class Running:
    """A desk that is being served."""

    def __init__(self, desk: Desk, port: int, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.desk = desk
        self.record = desk.record
        self.port = port

    def settings(self, operator: str = "ana", **changes: object) -> ConsoleSettings:
        server = f"http://127.0.0.1:{self.port}"
        return ConsoleSettings(server=server, operator=operator, state_dir=self.state_dir, **changes)

    def api(self, operator: str = "ana") -> HttpApi:
        return HttpApi(self.settings(operator))


class QuietServer(uvicorn.Server):
    """A server that leaves the test process's signals alone."""

    def install_signal_handlers(self) -> None:
        return None


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    desk = Desk()
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    config = uvicorn.Config(desk.app, log_level="critical", timeout_graceful_shutdown=1, lifespan="off")
    server = QuietServer(config)
    serving = asyncio.create_task(server._serve(sockets=[bound]))
    await until(lambda: server.started)
    yield Running(desk, bound.getsockname()[1], tmp_path / "state")
    for task in list(desk.flow):
        task.cancel()
    await desk.hang_up()
    server.should_exit = True
    await serving
    bound.close()


async def until(condition, patience_seconds: float = PATIENCE_SECONDS) -> None:  # type: ignore[no-untyped-def]
    """Wait until a condition holds; fail when it does not in time."""
    async with asyncio.timeout(patience_seconds):
        while not condition():  # noqa: ASYNC110 (conditions of many kinds, watched by one loop)
            await asyncio.sleep(0.02)

"""An optional probe: whether the worker can reach what it needs."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from casework.errors import UnavailableError

LOOK_SECONDS = 3.0

Look = Callable[[], Awaitable[bool]]


async def serve_health(
    host: str, port: int, analysts: Callable[[], Mapping[str, str]], hub: Look, mcp: Look
) -> None:
    """Answer GET /health and /alive until cancelled.

    `/health` is 200 while the task hub answers; the body says the rest. `/alive` asks nobody: a hub that is
    away is no reason to start this process anew.
    """

    async def health(_request: Request) -> JSONResponse:
        hub_ok, mcp_ok = await asyncio.gather(_looked(hub), _looked(mcp))
        ladder = analysts()
        well = hub_ok and mcp_ok and not any(ladder.values())
        body = {
            "status": "healthy" if well else "degraded",
            "hub": {"connected": hub_ok},
            "mcp": {"reachable": mcp_ok},
            "analyst": next(iter(ladder)),
            "analysts": {name: reason or "ready" for name, reason in ladder.items()},
        }
        return JSONResponse(body, status_code=200 if hub_ok else 503)

    async def alive(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    app = Starlette(routes=[Route("/health", health), Route("/alive", alive)])
    config = uvicorn.Config(app, loop="none", log_config=None, access_log=False, lifespan="off")
    await uvicorn.Server(config).serve(sockets=[_listen(host, port)])


def check_port(host: str, port: int) -> None:
    """Raise UnavailableError, in words, when the port is not to be had."""
    _listen(host, port).close()


async def _looked(look: Look) -> bool:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await look()
    except TimeoutError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UnavailableError(
            f"cannot listen on {host}:{port}: {error.strerror}; set WORKER_HEALTH_PORT to a free port or to 0"
        ) from error

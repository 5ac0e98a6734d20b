"""Serves the pages and the metrics on a loopback port of their own; read-only."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import sqlite3
from collections.abc import Iterator

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskhub import portrait
from taskhub.observing import figures, metrics, pages, stored
from taskhub.observing.snapshot import Observer, TooSlow
from taskhub.portrait import Portrait
from taskhub.timeline import Line

log = structlog.get_logger(__name__)

_MOST_LINES = 500
_STOP_SECONDS = 2.0
_MOST_CONNECTIONS = 32
_OUR_NAMES = ("localhost", "127.0.0.1", "::1", "[::1]")
"""No other Host is answered, so that no page elsewhere can read this one through a browser."""
_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
     b"base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


class Headers:
    """Adds headers that forbid what the pages do not need."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self._app(scope, receive, guarded)


class Pages:
    """The routes."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def routes(self) -> list[Route]:
        """All of them; GET only."""
        return [
            Route("/", self.overview),
            Route("/metrics", self.metrics),
            Route("/snapshot.json", self.figures),
            Route("/instances", self.instances),
            Route("/instances/{hub}/{instance_id:path}", self.instance),
        ]

    async def overview(self, _: Request) -> Response:
        """Everything at a glance."""
        return HTMLResponse(pages.overview(await self._observer.snapshot()))

    async def metrics(self, _: Request) -> Response:
        """Prometheus metrics."""
        return Response(metrics.exposition(await self._observer.snapshot()), media_type=metrics.CONTENT_TYPE)

    async def figures(self, _: Request) -> Response:
        """The overview for programs."""
        return Response(figures.as_json(await self._observer.snapshot()), media_type="application/json")

    async def instances(self, request: Request) -> Response:
        """The latest instances."""
        hub, status, prefix = (request.query_params.get(name, "").strip() for name in ("hub", "status", "q"))
        try:
            rows = await self._observer.read(stored.latest, hub, status, prefix)
        except ValueError:
            return _said(400, f"there is no status '{status}'")
        return HTMLResponse(pages.instances(rows, hub, status, prefix))

    async def instance(self, request: Request) -> Response:
        """One instance and its history."""
        hub, instance_id = request.path_params["hub"], request.path_params["instance_id"]
        found = await self._observer.read(_look_up, hub, instance_id)
        if found is None:
            return _said(404, f"there is no instance '{instance_id}' in hub '{hub}'")
        one, lines = found
        return HTMLResponse(pages.instance(one, lines[:_MOST_LINES], len(lines) > _MOST_LINES))


def _look_up(
    connection: sqlite3.Connection, hub: str, instance_id: str
) -> tuple[Portrait, list[Line]] | None:
    found = portrait.find(connection, instance_id, hub)
    if not found:
        return None
    lines = portrait.history(connection, found[0].key)
    return found[0], list(itertools.islice(lines, _MOST_LINES + 1))


def _said(code: int, text: str) -> Response:
    return HTMLResponse(pages.sentence("Task hub", text), code)


async def _unavailable(_: Request, error: Exception) -> Response:
    return _said(503, str(error))


def application(observer: Observer, host: str) -> Starlette:
    """The dashboard as an ASGI application."""
    return Starlette(
        routes=Pages(observer).routes(),
        middleware=[
            Middleware(Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=[*_OUR_NAMES, host], www_redirect=False),
        ],
        exception_handlers={TooSlow: _unavailable, sqlite3.Error: _unavailable},
    )


class _Server(uvicorn.Server):
    """Uvicorn inside a process that handles signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Dashboard:
    """The dashboard beside a running hub. What goes wrong here is logged and does the hub no harm."""

    def __init__(self, observer: Observer, host: str, port: int) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._observer = observer
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=_MOST_CONNECTIONS)
        config = uvicorn.Config(
            application(observer, host),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Serve until stopped."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._socket]))
        self._task.add_done_callback(_report)

    async def stop(self) -> None:
        """Close the port and the connection to the file."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_STOP_SECONDS)
            self._task.cancel()
        self._socket.close()
        self._observer.close()


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("dashboard_failed", error=str(error))

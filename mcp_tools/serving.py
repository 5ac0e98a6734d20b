"""Runs the tool server on a socket until it is told to stop."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
import uvicorn

from backends.customer_wiring import CheckedCustomerStore, open_customers
from backends.serving import StoppableServer, bound
from casework.customers import CustomerStoreError, StoreState
from casework.errors import UnavailableError
from mcp_tools.app import MCP_PATH, create_app, create_tool_server
from mcp_tools.settings import McpSettings

_MAX_CONNECTIONS = 256
"""Callers beyond this many at once are told 503, so that no queue behind them grows without end."""

_log = structlog.get_logger("mcp_tools")


class CannotListenError(UnavailableError):
    """The address cannot be listened on; the message says what to do."""


async def serve(settings: McpSettings) -> None:
    """Serve until SIGTERM or SIGINT, then let running calls finish within the shutdown limit.

    Raises CustomerStoreError when the database cannot be used, CannotListenError when the port cannot.
    """
    async with open_customers(
        settings.customers, writable=settings.write_tools, deadline_seconds=settings.query_deadline_seconds
    ) as customers:
        state = await _verified(customers, may_be_away=settings.cosmos_endpoint is not None)
        listening = _listen(settings.host, settings.port)
        server = create_tool_server(
            customers, now=lambda: datetime.now(UTC).replace(tzinfo=None), write_tools=settings.write_tools
        )
        config = uvicorn.Config(
            create_app(server, any_host=settings.beyond_loopback),
            loop="none",
            http="httptools",
            ws="none",
            access_log=False,
            limit_concurrency=_MAX_CONNECTIONS,
            log_config=None,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
        await _Server(config, lambda: _say_ready(listening, state)).serve(sockets=[listening])
        _log.info("stopped")


async def _verified(customers: CheckedCustomerStore, *, may_be_away: bool) -> StoreState | None:
    """What the store holds. One that is elsewhere may be away for a while: None, and health says why."""
    try:
        return await customers.verify()
    except CustomerStoreError as error:
        if not may_be_away:
            raise
        _log.warning("customer_store_unavailable", error=str(error))
        return None


class _Server(StoppableServer):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, say_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_ready = say_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._say_ready()


def _say_ready(listening: socket.socket, state: StoreState | None) -> None:
    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}{MCP_PATH}"
    if state is None:
        _log.warning("ready", url=url, database=None)
        return
    _log.info(
        "ready",
        url=url,
        database=state.source,
        customers=state.row_counts["Customers"],
        data_as_of=str(state.data_as_of),
        read_only=not state.writable,
        knowledge_search=state.knowledge_ranking,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        return bound(host, port)
    except OSError as error:
        raise CannotListenError(
            f"cannot listen on {host}:{port} ({error.strerror}):"
            " stop what uses it, or set MCP_PORT to another port"
        ) from error

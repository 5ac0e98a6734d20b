"""The running hub: a gRPC server around a Hub, started and stopped in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from taskhub.database import open_reader
from taskhub.errors import StartupRefused
from taskhub.health import HealthReport
from taskhub.hub import Hub
from taskhub.observing.snapshot import Observer
from taskhub.protocol import HubProtocol
from taskhub.service import handlers
from taskhub.settings import TaskHubSettings
from taskhub.storage_watch import StorageWatch
from taskhub.transport.server import GrpcServer

if TYPE_CHECKING:
    from taskhub.observing.dashboard import Dashboard

log = structlog.get_logger(__name__)

_MESSAGE_BYTES = 64 * 1024 * 1024


class TaskHubServer:
    """One hub listening on one loopback port."""

    def __init__(self, settings: TaskHubSettings) -> None:
        """Open the database; call on a running event loop. Raises StartupRefused with a sentence."""
        self._settings = settings
        self._hub = Hub(settings)
        self._protocol = HubProtocol(self._hub, settings.ping_seconds)
        self._server = GrpcServer(_MESSAGE_BYTES)
        self._server.add_generic_rpc_handlers(handlers(self._protocol))
        self._health = HealthReport(self._server)
        self._dashboard: Dashboard | None = None
        self._watch = StorageWatch(self._hub.writer, self._storage_changed)

    async def start(self) -> int:
        """Listen; the port. Raises StartupRefused when the port is taken."""
        try:
            port = await self._server.start(self._settings.host, self._settings.port)
        except OSError as error:
            await self._hub.close()
            raise StartupRefused(
                f"port {self._settings.port} on {self._settings.host} is in use. "
                "Stop what uses it, or choose another with TASKHUB_PORT or --port."
            ) from error
        self._hub.start(self._watch.run())
        await self._health.serving(True)
        self._open_dashboard()
        log.info("listening", host=self._settings.host, port=port, db=str(self._settings.db))
        return port

    def _open_dashboard(self) -> None:
        """A hub that works is worth more than its dashboard: a busy port is a warning."""
        port = self._settings.dashboard_port
        if port == 0:
            return
        # Imported late: a hub without a dashboard does without a web server.
        from taskhub.observing import dashboard  # noqa: PLC0415

        observer = Observer(self._hub, open_reader(self._settings.db))
        try:
            self._dashboard = dashboard.Dashboard(observer, self._settings.host, port)
        except OSError as error:
            observer.close()
            log.warning("no_dashboard", port=port, error=str(error), setting="TASKHUB_DASHBOARD_PORT")
        else:
            self._dashboard.start()
            log.info("dashboard", host=self._settings.host, port=port)

    @property
    def broken(self) -> asyncio.Event:
        """Set when the hub can no longer do its work and must be restarted."""
        return self._hub.broken

    async def _storage_changed(self, healthy: bool) -> None:
        await self._health.serving(healthy)
        if healthy:
            self._hub.dispatcher.resume()

    async def stop(self) -> None:
        """Hand out nothing more, let calls in flight commit, close."""
        log.info("stopping")
        await self._health.leaving()
        self._hub.drain()
        self._protocol.end_streams()
        await self._server.stop(self._settings.drain_seconds)
        if self._dashboard is not None:
            await self._dashboard.stop()
        await self._hub.close()
        log.info("stopped")

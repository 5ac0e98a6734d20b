"""Starts the server: settings from the environment, one process, a bounded stop."""

import argparse
import asyncio
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from backends.audit_settings import AuditSettings
from backends.hub_access import check_access
from backends.observability.export import exporting
from backends.observability.logs import set_up_logs
from backends.observability.requests import trace_requests
from backends.observability.settings import ObservabilitySettings
from backends.policy_settings import PolicySettings
from backends.serving import StoppableServer, bound
from backends.settings import BackendSettings
from backends.wiring import open_backends
from casework.errors import CaseworkError, UnavailableError
from casework.policy import Policy
from casework.rules import load_rules
from server.app import create_app
from server.bootstrap import bootstrap, describe
from server.connections import BoundedConnection
from server.settings import ServerSettings, settings_problems

BACKLOG = 2048
LARGEST_SOCKET_MESSAGE = 64 * 1024
_EPILOG = "Configured by environment variables; .env.example lists every one with its default."

log = structlog.get_logger("server")


class DrainingServer(StoppableServer):
    """Sends stream and socket clients away when told to stop, so that only real requests are waited for."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        desk = getattr(app.state, "desk", None) if isinstance(app, FastAPI) else None
        if desk is not None:
            desk.close_streams()
        await super().shutdown(sockets)


def main() -> None:
    """The `fraud-server` command. Exit code 2 is a wrong setting, 1 a port or a store that cannot be had."""
    arguments = command_line().parse_args()
    try:
        settings = ServerSettings()
        backend_settings, policy = BackendSettings(), PolicySettings().policy()
        audit_settings = AuditSettings()
        observability = ObservabilitySettings()
        if settings.rules_file:
            load_rules(settings.rules_file)
    except ValidationError as error:
        _stop("\n".join(settings_problems(error, ServerSettings, PolicySettings, ObservabilitySettings)), 2)
    except CaseworkError as error:
        _stop(f"RULES_FILE: {error}", 2)
    if arguments.command == "bootstrap":
        raise SystemExit(bootstrap(backend_settings, arguments))
    set_up_logs()
    listening = _listen(settings)
    host, port = listening.getsockname()[:2]
    log.info("listening", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    try:
        with (
            exporting(observability, "fraud-server"),
            asyncio.Runner(loop_factory=_new_loop()) as runner,
        ):
            serving = _serve(
                settings,
                backend_settings,
                audit_settings,
                observability,
                policy=policy,
                listening=listening,
            )
            runner.run(serving)
    except UnavailableError as error:
        _stop(str(error), 1)


def command_line() -> argparse.ArgumentParser:
    """What `fraud-server` takes."""
    parser = argparse.ArgumentParser(
        "fraud-server", description="Serves the API, the live streams and the page.", epilog=_EPILOG
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands (none: serve)")
    about = "create the containers for cases and actions in Cosmos DB, or check them"
    describe(
        commands.add_parser("bootstrap", help=about, description=f"{about.capitalize()}.", epilog=_EPILOG)
    )
    return parser


async def _serve(
    settings: ServerSettings,
    backend_settings: BackendSettings,
    audit_settings: AuditSettings,
    observability: ObservabilitySettings,
    *,
    policy: Policy,
    listening: socket.socket,
) -> None:
    """Serve until told to stop. Raises UnavailableError when task hub, store or key refuse us for good."""
    await check_access(backend_settings)
    async with open_backends(backend_settings, audit_settings) as backends:
        app = create_app(
            settings,
            backends,
            backend_settings=backend_settings,
            policy=policy,
            measure_seconds=observability.metrics_seconds if observability.exports else None,
        )
        if observability.exports:
            trace_requests(app)
        await DrainingServer(_config(app, settings)).serve(sockets=[listening])


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not to be had there

    return uvloop.new_event_loop


def _config(app: FastAPI, settings: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http=BoundedConnection,
        ws="websockets-sansio",
        ws_max_size=LARGEST_SOCKET_MESSAGE,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )


def _listen(settings: ServerSettings) -> socket.socket:
    """The listening socket, or a sentence why there is none."""
    host, port = settings.server_host.strip("[]"), settings.server_port
    try:
        listening = bound(host, port)
    except OSError as error:
        _stop(f"cannot listen on {host}:{port}: {error.strerror}; set SERVER_PORT to a free port", 1)
    listening.listen(BACKLOG)
    return listening


def _stop(sentence: str, code: int) -> NoReturn:
    sys.stderr.write(f"fraud-server: {sentence}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()

"""Starts the task hub: ``python -m taskhub`` or ``fraud-taskhub``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import structlog
import typer
from pydantic import ValidationError

from taskhub.app import TaskHubServer
from taskhub.errors import StartupRefused
from taskhub.operating.cli import add_commands
from taskhub.settings import TaskHubSettings, explain

_EXIT_REFUSED = 2
_EXIT_BROKEN = 3
_SWITCH_SECONDS = 0.0005

cli = typer.Typer(add_completion=False)
add_commands(cli)


@cli.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    db: Annotated[Path | None, typer.Option(help="Database file (TASKHUB_DB).")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port on loopback, 0 for a free one (TASKHUB_PORT).")
    ] = None,
) -> None:
    """Run the embedded task hub until it is asked to stop; the commands work on its file."""
    if context.invoked_subcommand is not None:
        return
    try:
        settings = TaskHubSettings(**_given(db=db, port=port))
    except ValidationError as error:
        _refuse(explain(error))
    configure_logging(settings.log_level)
    try:
        if not _run(_serve(settings)):
            raise SystemExit(_EXIT_BROKEN)
    except StartupRefused as error:
        _refuse(str(error))


def _given(**options: object) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _refuse(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(_EXIT_REFUSED)


def configure_logging(level: str) -> None:
    """One JSON object per line on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Forgiving(sys.stderr))),
        cache_logger_on_first_use=True,
    )


class _Forgiving:
    """A stream whose writes may fail: a full disk under the log must not take the hub with it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or lose the line."""
        with contextlib.suppress(OSError, ValueError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or lose what could not be written."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def _run(server: Coroutine[Any, Any, bool]) -> bool:
    """Run on uvloop where it exists: about a tenth less CPU per call."""
    # SQLite lets go of the interpreter at every statement; by default the writing thread would then wait
    # up to 5 ms, statement by statement, while the event loop is busy.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return asyncio.run(server)
    return bool(uvloop.run(server))


async def _serve(settings: TaskHubSettings) -> bool:
    """Serve until asked to stop, or until the hub breaks; whether it was asked."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = TaskHubServer(settings)
    await server.start()
    reasons = [asyncio.ensure_future(event.wait()) for event in (stopping, server.broken)]
    await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
    for reason in reasons:
        reason.cancel()
    await server.stop()
    return not server.broken.is_set()


def main() -> None:
    """Entry point of ``fraud-taskhub``."""
    cli()


if __name__ == "__main__":
    main()

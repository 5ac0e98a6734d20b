"""`python -m mcp_tools`: serve the customer tools over MCP, or migrate their data to Cosmos DB."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from backends.observability.settings import ObservabilitySettings
from backends.wrong_settings import given
from casework.errors import CaseworkError
from mcp_tools.settings import McpSettings, allowed_values, cosmos_address

_INTERRUPTED = 130
_WRONG_SETTING = 2
_CANNOT_START = 1
_EPILOG = "Configured by environment variables; .env.example lists every one with its default."
_MIGRATE = (
    "Copies a contoso.db to the Cosmos DB containers and compares the two. May be stopped at any time: run it"
    " again and it goes on. Exit codes: 0 all there and the same, 1 could not finish, 2 wrong setting,"
    " 3 the target differs from the source, 130 interrupted."
)


def main() -> None:
    """Entry point. Exits with 2 for a wrong setting and 1 when something else is in the way."""
    arguments = command_line().parse_args()
    try:
        settings, observability = McpSettings(), ObservabilitySettings()
    except ValidationError as error:
        sys.exit(_complaint(_WRONG_SETTING, *(_wrong_setting(detail) for detail in error.errors())))
    sys.exit(
        _migrate(settings, arguments) if arguments.command == "migrate" else _serve(settings, observability)
    )


def command_line() -> argparse.ArgumentParser:
    """What `fraud-mcp-tools` takes."""
    parser = argparse.ArgumentParser(
        "fraud-mcp-tools", description="Serves the customer tools over MCP.", epilog=_EPILOG
    )
    commands = parser.add_subparsers(dest="command")
    migrate = commands.add_parser("migrate", help="copy a contoso.db to Cosmos DB", description=_MIGRATE)
    migrate.add_argument("--from", dest="source", type=Path, help="the contoso.db (default: DB_PATH)")
    migrate.add_argument("--to", dest="target", help="the account's address (default: COSMOS_ENDPOINT)")
    migrate.add_argument("--json", action="store_true", help="progress and outcome as lines of JSON")
    return parser


def _serve(settings: McpSettings, observability: ObservabilitySettings) -> int:
    # Imported late: a wrong setting is reported without loading the servers' libraries.
    from backends.observability.export import exporting  # noqa: PLC0415
    from backends.observability.logs import set_up_logs  # noqa: PLC0415
    from mcp_tools.serving import serve  # noqa: PLC0415

    set_up_logs(settings.log_level, quiet=("uvicorn",))
    with exporting(observability, "fraud-mcp-tools"):
        return _run(_finished(serve(settings)))


def _migrate(settings: McpSettings, arguments: argparse.Namespace) -> int:
    from backends.observability.logs import set_up_logs  # noqa: PLC0415
    from mcp_tools.migration import run_migration  # noqa: PLC0415 - serving does without it

    set_up_logs("warning", quiet=("uvicorn",))
    endpoint = arguments.target or settings.cosmos_endpoint
    if not endpoint:
        return _complaint(_WRONG_SETTING, "say where to: --to https://NAME.documents.azure.com")
    try:
        target = settings.place_at(cosmos_address(endpoint))
    except ValueError as error:
        return _complaint(_WRONG_SETTING, f"--to {endpoint}: {error}")
    try:
        return _run(run_migration(arguments.source or settings.db_path, target, as_json=arguments.json))
    except KeyboardInterrupt:
        return _complaint(_INTERRUPTED, "interrupted: run the same command again and it goes on")


async def _finished(work: Coroutine[None, None, None]) -> int:
    await work
    return 0


def _run(work: Coroutine[None, None, int]) -> int:
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(work)
    except CaseworkError as error:
        return _complaint(_CANNOT_START, str(error))


def _wrong_setting(detail: ErrorDetails) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    return f"{name}{given(detail['loc'], detail['input'])} is not allowed; it may be {allowed_values(name)}"


def _complaint(exit_code: int, *sentences: str) -> int:
    for sentence in sentences:
        sys.stderr.write(f"fraud-mcp-tools: {sentence}\n")
    return exit_code


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415  there is none on Windows

    return uvloop.new_event_loop


if __name__ == "__main__":
    main()

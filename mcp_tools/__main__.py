"""`python -m mcp_tools`: serve the customer tools over MCP."""

import argparse
import asyncio
import sys
from collections.abc import Callable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from backends.observability.settings import ObservabilitySettings
from casework.errors import CaseworkError
from mcp_tools.settings import McpSettings, allowed_values

_WRONG_SETTING = 2
_CANNOT_START = 1
_EPILOG = "Configured by environment variables; .env.example lists every one with its default."


def main() -> None:
    """Entry point. Exits with 2 for a wrong setting and 1 when something else is in the way."""
    argparse.ArgumentParser(
        "fraud-mcp-tools", description="Serves the customer tools over MCP.", epilog=_EPILOG
    ).parse_args()
    try:
        settings, observability = McpSettings(), ObservabilitySettings()
    except ValidationError as error:
        sys.exit(_complaint(_WRONG_SETTING, *(_wrong_setting(detail) for detail in error.errors())))
    # Imported late: a wrong setting is reported without loading the servers' libraries.
    from backends.observability.export import exporting  # noqa: PLC0415
    from backends.observability.logs import set_up_logs  # noqa: PLC0415
    from mcp_tools.serving import serve  # noqa: PLC0415

    set_up_logs(settings.log_level, quiet=("uvicorn",))
    try:
        with (
            exporting(observability, "fraud-mcp-tools"),
            asyncio.Runner(loop_factory=_loop_factory()) as runner,
        ):
            runner.run(serve(settings))
    except CaseworkError as error:
        sys.exit(_complaint(_CANNOT_START, str(error)))


def _wrong_setting(detail: ErrorDetails) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    return f"{name}={detail['input']} is not allowed; it may be {allowed_values(name)}"


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

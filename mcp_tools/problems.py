"""Turns what goes wrong in a tool into the text a client reads, and accepts wrapped arguments."""

import logging
from collections.abc import Mapping
from typing import Any

import mcp_types
from fastmcp.exceptions import ToolError, ValidationError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from pydantic import ValidationError as ArgumentErrors
from pydantic_core import ErrorDetails

from casework.errors import CaseworkError

_WRAPPERS = ("params", "update")


class ToolProblem(ToolError):
    """A tool has no answer to give; the message is the whole reason, fit for a client to read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, log_level=logging.INFO)


class ToolContract(Middleware):
    """Every failed call reads `Error calling tool '<name>': <reason>`, and a reason names the argument.

    Arguments wrapped as `{"params": {...}}` or `{"update": {...}}`, as older clients send them,
    are taken as if they were flat.
    """

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        name = context.message.name
        flat = unwrapped(context.message.arguments)
        message = context.message.model_copy(update={"arguments": flat})
        try:
            return await call_next(context.copy(message=message))
        except ToolProblem as problem:
            raise _failed(name, str(problem)) from problem
        except ValidationError as error:
            raise _failed(name, _argument_reasons(error)) from error
        except CaseworkError as error:
            raise _failed(name, str(error)) from error


def unwrapped(arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """The arguments without the one wrapper older clients put around them."""
    given = dict(arguments or {})
    if len(given) == 1:
        ((key, inner),) = given.items()
        if key in _WRAPPERS and isinstance(inner, dict):
            return dict(inner)
    return given


def _failed(name: str, reason: str) -> ToolError:
    return ToolError(f"Error calling tool {name!r}: {reason}", log_level=logging.INFO)


def _argument_reasons(error: ValidationError) -> str:
    cause = error.__cause__
    if not isinstance(cause, ArgumentErrors):
        return str(error)
    return "; ".join(_argument_reason(detail) for detail in cause.errors(include_url=False))


def _argument_reason(detail: ErrorDetails) -> str:
    argument = ".".join(str(part) for part in detail["loc"]) or "arguments"
    if detail["type"] == "missing_argument":
        return f"{argument} is required"
    if detail["type"] == "unexpected_keyword_argument":
        return f"{argument} is not an argument of this tool"
    got = repr(detail["input"])
    return f"{argument}: {detail['msg'][:1].lower()}{detail['msg'][1:]}, got {got[:80]}"

"""The MCP tools as the specialists see them: one kept session, an allow-list each, every call bounded."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog
from fastmcp import Client
from mcp.types import CallToolResult
from pydantic import JsonValue
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from backends.observability import names
from backends.observability.redaction import KNOWN
from backends.observability.tracing import span
from casework.errors import UnavailableError
from casework.finding import Specialist, ToolCall
from casework.playbooks.allowed_tools import ALLOWED_TOOLS
from worker.journal import call_id

log = structlog.get_logger()

CALL_SECONDS = 10.0
CONNECT_SECONDS = 5.0
PATIENCE_SECONDS = 10.0
"""How long to keep trying to reach the server: a restart takes less than that."""
PAUSE_SECONDS = 15.0
"""After that, how long calls fail at once instead of each waiting for the same refusal."""
MAX_RESULT_CHARACTERS = 200_000


class ToolUnavailableError(UnavailableError):
    """The tool server gave no answer."""


class BrokenSessionError(ToolUnavailableError):
    """The session could not be opened, or broke: another one may do."""


class McpTools:
    """A tool server behind one kept session, reopened when it breaks. Use from one event loop only."""

    def __init__(
        self,
        target: Any,
        *,
        call_seconds: float = CALL_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._target = target
        self._call_seconds = call_seconds
        self._patience_seconds = patience_seconds
        self._pause_seconds = pause_seconds
        self._client: Client[Any] | None = None
        self._exit = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._paused_until = 0.0
        self._reason = ""

    def for_specialist(self, specialist: Specialist) -> "SpecialistTools":
        """The tools a specialist may call."""
        return SpecialistTools(self, ALLOWED_TOOLS[specialist])

    async def call(self, tool: str, arguments: Mapping[str, JsonValue]) -> CallToolResult:
        """Call a tool, with a fresh session if the kept one broke. Raises ToolUnavailableError."""
        if time.monotonic() < self._paused_until:
            raise ToolUnavailableError(self._reason)
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(BrokenSessionError),
            stop=stop_after_delay(self._patience_seconds),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            reraise=True,
        )
        try:
            return await attempts(self._call_once, tool, arguments)
        except BrokenSessionError as error:
            self._paused_until = time.monotonic() + self._pause_seconds
            self._reason = str(error)
            log.warning("mcp_unreachable", reason=self._reason, pause_seconds=self._pause_seconds)
            raise

    async def ping(self) -> bool:
        """Whether the server answers now."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                client = await self._session()
                await client.list_tools()
        except Exception as error:
            log.info("mcp_unreachable", reason=_words(error))
            return False
        return True

    async def close(self) -> None:
        """End the session."""
        await self._drop()

    async def _call_once(self, tool: str, arguments: Mapping[str, JsonValue]) -> CallToolResult:
        client = await self._session()
        try:
            async with asyncio.timeout(self._call_seconds):
                return await client.call_tool_mcp(tool, dict(arguments))
        except TimeoutError as error:
            raise ToolUnavailableError(f"no answer within {self._call_seconds:.0f} s") from error
        except Exception as error:  # the transport raises many kinds; all mean that the session is of no use
            await self._drop(client)
            raise BrokenSessionError(f"the tool server: {_words(error)}") from error

    async def _session(self) -> "Client[Any]":
        async with self._opening:
            if self._client is not None and self._client.is_connected():
                return self._client
            client: Client[Any] = Client(self._target, init_timeout=CONNECT_SECONDS)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._exit.enter_async_context(client)
            except Exception as error:  # see _call_once
                raise BrokenSessionError(f"cannot reach the tool server: {_words(error)}") from error
            self._client = client
            self._paused_until = 0.0
            return client

    async def _drop(self, broken: "Client[Any] | None" = None) -> None:
        """Let the session go, unless another call already opened a new one."""
        if broken is not None and broken is not self._client:
            return
        self._client = None
        leaving, self._exit = self._exit, AsyncExitStack()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await leaving.aclose()
        except Exception as error:  # a broken session may fail to say goodbye; it is gone all the same
            log.debug("mcp_session_close_failed", reason=_words(error))


class SpecialistTools:
    """`casework.ports.ToolBox` over a tool server, limited to an allow-list."""

    def __init__(self, server: McpTools, names: Sequence[str]) -> None:
        self._server = server
        self._names = tuple(names)

    @property
    def names(self) -> Sequence[str]:
        return self._names

    async def call(self, tool: str, arguments: Mapping[str, JsonValue]) -> ToolCall:
        """Call a tool; whatever goes wrong is in the ToolCall's error."""
        asked = ToolCall(call_id=call_id(tool, arguments, 1), tool=tool, arguments=dict(arguments))
        if tool not in self._names:
            return asked.model_copy(update={"error": f"{tool} is not among the tools of this specialist"})
        started = time.monotonic()
        with span(f"execute_tool {tool}", {names.OPERATION: "execute_tool", names.TOOL_NAME: tool}) as about:
            try:
                outcome = _outcome(await self._server.call(tool, arguments))
            except ToolUnavailableError as error:
                outcome = {"error": f"unavailable: {error}"}
            if "error" in outcome:
                about.set_attribute(names.ERROR_TYPE, "tool_error")
        KNOWN.learn(outcome.get("result"))
        return asked.model_copy(update={**outcome, "duration_ms": round((time.monotonic() - started) * 1000)})


def _outcome(result: CallToolResult) -> dict[str, Any]:
    if result.is_error:
        return {"error": _text(result) or "the tool failed without saying why"}
    value = result.structured_content
    if value is None:
        value = _parsed(_text(result))
    elif isinstance(value, dict) and set(value) == {"result"}:
        value = value["result"]
    try:
        length = len(json.dumps(value, allow_nan=False))
    except ValueError as error:
        return {"error": f"the result is not JSON: {error}"}
    if length > MAX_RESULT_CHARACTERS:
        return {"error": f"the result is longer than {MAX_RESULT_CHARACTERS} characters"}
    return {"result": value}


def _text(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if block.type == "text")


def _parsed(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text) if text else None
    except ValueError:
        return text
    return value


def _words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".removesuffix(": ")

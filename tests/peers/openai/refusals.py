"""What the service refuses before any model is asked, in the service's own words and shapes."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
ARGUMENTS = frozenset(
    [
        "messages",
        "model",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "data_sources",
    ]
)
REASONING = re.compile(r"^(?:gpt-5|o[1-9])")
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


class RefusedError(Exception):
    """A request that the service does not take."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.headers = status, code, param, headers

    @property
    def body(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        error = {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        return {"error": error}


def unknown_deployment(name: str, *, azure: bool) -> RefusedError:
    """Azure and OpenAI have their own words for a model that is not there."""
    if azure:
        return RefusedError(
            "The API deployment for this resource does not exist.", status=404, code="DeploymentNotFound"
        )
    return RefusedError(
        f"The model `{name}` does not exist or you do not have access to it.",
        status=404,
        code="model_not_found",
    )


def check(body: Mapping[str, Any], base_model: str) -> None:
    """Raise RefusedError for a request that breaks the API's rules."""
    for name in body:
        if name not in ARGUMENTS:
            raise RefusedError(f"Unrecognized request argument supplied: {name}", param=name)
    _check_limits(body, base_model)
    _check_messages(body.get("messages"))
    names = [_checked_tool(tool, f"tools[{n}]") for n, tool in enumerate(body.get("tools") or [])]
    _check_choice(body, names)
    _check_format(body.get("response_format"))
    if body.get("stream_options") is not None and not body.get("stream"):
        raise RefusedError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )


def _check_limits(body: Mapping[str, Any], base_model: str) -> None:
    if REASONING.match(base_model):
        if "max_tokens" in body:
            raise RefusedError(
                "Unsupported parameter: 'max_tokens' is not supported with this model."
                " Use 'max_completion_tokens' instead.",
                code="unsupported_parameter",
                param="max_tokens",
            )
        if body.get("temperature", 1) != 1:
            raise RefusedError(
                "Unsupported value: 'temperature' does not support this value with this model.",
                code="unsupported_value",
                param="temperature",
            )
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise RefusedError(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        )
    for name, least, most in (("temperature", 0, 2), ("top_p", 0, 1), ("n", 1, 128)):
        if name in body and not least <= body[name] <= most:
            raise RefusedError(f"Invalid '{name}': must be between {least} and {most}.", param=name)
    for name in ("max_tokens", "max_completion_tokens"):
        if name in body and (not isinstance(body[name], int) or body[name] < 1):
            raise RefusedError(f"Invalid '{name}': integer below minimum value.", param=name)


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise RefusedError("Invalid 'messages': empty array.", code="empty_array", param="messages")
    waiting: list[str] = []
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        role = message.get("role")
        if role not in ROLES:
            raise RefusedError(f"Invalid value: '{role}'.", code="invalid_value", param=f"{where}.role")
        if role == "tool":
            if message.get("tool_call_id") not in waiting:
                raise RefusedError(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message"
                    " with 'tool_calls'.",
                    param=f"{where}.role",
                )
            waiting.remove(message["tool_call_id"])
        elif waiting:
            raise _unanswered(waiting, where)
        if role == "assistant":
            waiting = [call["id"] for call in message.get("tool_calls") or []]
        _check_content(message, where)
    if waiting:
        raise _unanswered(waiting, "messages")


def _unanswered(waiting: list[str], where: str) -> RefusedError:
    return RefusedError(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
        f" 'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}",
        param=where,
    )


def _check_content(message: Mapping[str, Any], where: str) -> None:
    content = message.get("content")
    if content is None and message["role"] == "assistant" and message.get("tool_calls"):
        return
    if not isinstance(content, str | list):
        raise RefusedError(
            f"Invalid value for 'content': expected a string, got {json.dumps(content)}.",
            param=f"{where}.content",
        )


def _checked_tool(tool: Mapping[str, Any], where: str) -> str:
    function = tool.get("function") or {}
    name = str(function.get("name", ""))
    if tool.get("type") != "function" or not NAME.match(name):
        raise RefusedError(
            f"Invalid '{where}.function.name': string does not match pattern.",
            code="invalid_value",
            param=f"{where}.function.name",
        )
    if function.get("strict"):
        _check_strict(function.get("parameters"), f"function '{name}'", f"{where}.function.parameters")
    return name


def _check_choice(body: Mapping[str, Any], names: list[str]) -> None:
    if len(set(names)) != len(names):
        raise RefusedError("Tool names must be unique.", param="tools")
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not names:
        raise RefusedError("'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")
    wanted = choice["function"]["name"] if isinstance(choice, dict) else None
    if (wanted is None and choice not in ("none", "auto", "required")) or (wanted and wanted not in names):
        raise RefusedError(f"Invalid value: {choice!r}.", code="invalid_value", param="tool_choice")


def _check_format(wanted: Any) -> None:
    if wanted is None or wanted.get("type") != "json_schema":
        return
    schema = wanted.get("json_schema") or {}
    if not NAME.match(str(schema.get("name", ""))):
        raise RefusedError(
            "Missing required parameter: 'response_format.json_schema.name'.",
            param="response_format.json_schema.name",
        )
    if schema.get("strict"):
        _check_strict(schema.get("schema"), f"response_format '{schema['name']}'", "response_format")


def _check_strict(schema: Any, whose: str, param: str) -> None:
    for problem in _not_strict(schema, ()):
        raise RefusedError(
            f"Invalid schema for {whose}: {problem}", code="invalid_function_parameters", param=param
        )


def _not_strict(schema: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Why a schema is outside the subset that strict mode takes."""
    if not isinstance(schema, dict):
        yield f"In context={path}, a schema must be an object."
        return
    kinds = schema.get("type")
    if kinds == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            yield f"In context={path}, 'additionalProperties' is required to be supplied and to be false."
        properties = schema.get("properties") or {}
        if missing := sorted(set(properties) - set(schema.get("required") or [])):
            yield f"In context={path}, 'required' must include every key in properties: '{missing[0]}'."
        for name, inner in properties.items():
            yield from _not_strict(inner, (*path, "properties", name))
    elif kinds == "array":
        yield from _not_strict(schema.get("items"), (*path, "items"))
    elif kinds is None and not {"anyOf", "$ref", "enum", "const"} & set(schema):
        yield f"In context={path}, schema must have a 'type' key."
    for number, inner in enumerate(schema.get("anyOf") or []):
        yield from _not_strict(inner, (*path, "anyOf", str(number)))

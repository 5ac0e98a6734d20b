"""A model's message as the API sends it: whole, or as a stream of chunks.

Protocol: https://platform.openai.com/docs/api-reference/chat
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.peers.openai.scripts import Message

CHUNK = 24
"""Characters of text in a chunk."""
_SAFE = {
    kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")
}


def prompt_results() -> list[dict[str, Any]]:
    return [{"prompt_index": 0, "content_filter_results": _SAFE}]


def whole(
    head: Mapping[str, Any], message: Message, usage: Mapping[str, Any], *, azure: bool
) -> dict[str, Any]:
    """The body of an answer."""
    said: dict[str, Any] = {"role": "assistant", "content": message.content, "refusal": message.refusal}
    if message.calls:
        said["tool_calls"] = tool_calls(head["id"], message)
    choice = {"index": 0, "finish_reason": message.finish, "logprobs": None, "message": said}
    body = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    if azure:
        choice["content_filter_results"] = _SAFE
        body["prompt_filter_results"] = prompt_results()
    return body


def tool_calls(answer_id: str, message: Message) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{answer_id.removeprefix('chatcmpl-')}_{number}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for number, call in enumerate(message.calls)
    ]


def chunks(
    head: Mapping[str, Any], message: Message, usage: Mapping[str, Any] | None, *, azure: bool
) -> Iterator[str]:
    """Server-sent events: on Azure one without choices first, and the usage last where it is asked for."""
    base = {**head, "object": "chat.completion.chunk"}
    if azure:
        yield _event({**base, "choices": [], "prompt_filter_results": prompt_results()})
    yield _event(_delta(base, {"role": "assistant", "content": None if message.calls else ""}))
    text = message.content or ""
    for start in range(0, len(text), CHUNK):
        yield _event(_delta(base, {"content": text[start : start + CHUNK]}))
    if message.refusal:
        yield _event(_delta(base, {"refusal": message.refusal}))
    for number, call in enumerate(tool_calls(head["id"], message)):
        arguments = call["function"]["arguments"]
        opened = {**call, "index": number, "function": {**call["function"], "arguments": ""}}
        yield _event(_delta(base, {"tool_calls": [opened]}))
        for start in range(0, len(arguments), CHUNK):
            piece = {"index": number, "function": {"arguments": arguments[start : start + CHUNK]}}
            yield _event(_delta(base, {"tool_calls": [piece]}))
    yield _event(_delta(base, {}, message.finish))
    if usage is not None:
        yield _event({**base, "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _delta(base: Mapping[str, Any], delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]}


def _event(body: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"

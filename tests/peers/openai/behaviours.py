"""What goes wrong on purpose: on the wire, and in what the model says."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.peers.openai.scripts import Asked, Call, Message


@dataclass(frozen=True, slots=True)
class Fault:
    """Something on the wire instead of an answer, or before one."""

    kind: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    code: str | None = None
    seconds: float = 0.0


def status(number: int, code: str | None = None, **headers: str) -> Fault:
    """An error status; header names with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault("status", status=number, headers=named, code=code)


def raw(text: str) -> Fault:
    """A body that is not what the API promises."""
    return Fault("raw", text=text)


def malformed() -> Fault:
    """A body that ends in the middle of its JSON."""
    return raw('{"id": "chatcmpl-1", "choices": [{"index": 0, "message": {"role": "assis')


def cut() -> Fault:
    """The connection ends in the middle of the answer."""
    return Fault("cut")


def slow(seconds: float) -> Fault:
    """The answer comes late."""
    return Fault("slow", seconds=seconds)


def hangs() -> Fault:
    """No answer until the peer is stopped."""
    return Fault("hang")


def broken(name: str) -> Callable[[Asked, Message], Message]:
    """A way in which models fail, by name: see `MISTAKES`."""
    return MISTAKES[name]


def _truncated(_asked: Asked, message: Message) -> Message:
    text = message.content or '{"status": "evaluated", "risk": 0.5, "summary": "the customer'
    return Message(text[: max(1, len(text) // 2)], finish="length")


def _hallucinated(_asked: Asked, _message: Message) -> Message:
    return Message(calls=(Call("close_every_account", "{}"),), finish="tool_calls")


def _bad_arguments(asked: Asked, message: Message) -> Message:
    made = message.calls or (Call(next(iter(asked.tool_names), "nothing"), "{}"),)
    return Message(
        calls=tuple(replace(call, arguments='{"customer_id": ') for call in made), finish="tool_calls"
    )


MISTAKES: Mapping[str, Callable[[Asked, Message], Message]] = {
    "truncated": _truncated,
    "empty": lambda _asked, _message: Message(""),
    "refusal": lambda _asked, _message: Message(refusal="I cannot help with that."),
    "filtered": lambda _asked, _message: Message("", finish="content_filter"),
    "wrong schema": lambda _asked, _message: Message(json.dumps({"verdict": "fine"})),
    "prose": lambda _asked, _message: Message("RISK: low. Nothing to see here."),
    "hallucinated tool": _hallucinated,
    "bad arguments": _bad_arguments,
}
"""What models do wrong, applied to what the script would have said."""

"""What the model says: turns, with values filled in from what it was told and from what tools returned.

`{{tool.get_case.owner.mail}}` is the field of the newest answer of that tool; `{{prompt.alert.customer_id}}`
that of the JSON in a user's message. A text that is nothing but one of these keeps the value's type,
unless it ends in `|text`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

_HOLE = re.compile(r"\{\{(tool|prompt)\.([^{}]+)\}\}")


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model wants called: its arguments are text, as the API has it."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """What the model answers; `usage` overrides what would be counted."""

    content: str | None = None
    calls: tuple[Call, ...] = ()
    refusal: str | None = None
    finish: str = "stop"
    usage: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the model sees it."""

    number: int
    """How many came before it."""
    body: Mapping[str, Any]

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        return self.body["messages"]

    @property
    def step(self) -> int:
        """How often the model has spoken in this conversation."""
        return sum(message["role"] == "assistant" for message in self.messages)

    @property
    def tool_names(self) -> tuple[str, ...]:
        return tuple(tool["function"]["name"] for tool in self.body.get("tools") or [])

    @property
    def text(self) -> str:
        """Everything the model reads."""
        return "\n".join(str(message.get("content") or "") for message in self.messages)


Model = Callable[[Asked], Any]
"""A `Message`, or a `Fault`, for a request."""


def says(
    content: object, *, finish: str = "stop", usage: tuple[int, int] | None = None
) -> Callable[[Asked], Message]:
    """The model answers with text, or with an object as JSON."""

    def turn(asked: Asked) -> Message:
        said = filled(content, asked)
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        return Message(text, finish=finish, usage=usage)

    return turn


def calls(*wanted: tuple[str, object], usage: tuple[int, int] | None = None) -> Callable[[Asked], Message]:
    """The model wants tools called: arguments as an object, or as raw text for what no JSON is."""

    def turn(asked: Asked) -> Message:
        made = []
        for name, arguments in wanted:
            said = arguments if isinstance(arguments, str) else json.dumps(filled(arguments, asked))
            made.append(Call(name, said))
        return Message(calls=tuple(made), finish="tool_calls", usage=usage)

    return turn


def refuses(words: str = "I cannot help with that.") -> Callable[[Asked], Message]:
    return lambda _asked: Message(refusal=words)


def in_turn(turns: Sequence[Model]) -> Model:
    """Each request gets the next turn; the last one is repeated."""
    return lambda asked: turns[min(asked.number, len(turns) - 1)](asked)


def stepwise(turns: Sequence[Model]) -> Model:
    """Each conversation gets the turns from the first on, however many there are at the same time.

    Where tools are not to be called the last turn is said, as a model that is told so would.
    """

    def model(asked: Asked) -> Any:
        last = asked.body.get("tool_choice") == "none"
        return turns[-1 if last else min(asked.step, len(turns) - 1)](asked)

    return model


def read_script(turns: Sequence[Mapping[str, Any]]) -> Model:
    """A script from a file: a list of {"says": …} and {"calls": [{"name": …, "arguments": …}]}."""
    return stepwise([_turn(turn) for turn in turns])


def _turn(turn: Mapping[str, Any]) -> Model:
    if "says" in turn:
        return says(turn["says"])
    return calls(*((call["name"], call["arguments"]) for call in turn["calls"]))


def filled(value: Any, asked: Asked) -> Any:
    """The value with its holes filled."""
    match value:
        case str():
            whole = _HOLE.fullmatch(value)
            if whole:
                return _found(asked, *whole.groups())
            return _HOLE.sub(lambda hole: str(_found(asked, *hole.groups())), value)
        case list() | tuple():
            return [filled(item, asked) for item in value]
        case dict():
            return {name: filled(item, asked) for name, item in value.items()}
        case _:
            return value


def _found(asked: Asked, source: str, path: str) -> Any:
    if path.endswith("|text"):
        return str(_found(asked, source, path.removesuffix("|text")))
    if source == "prompt":
        users = (json_in(m.get("content")) for m in asked.messages if m["role"] == "user")
        return _at(next((value for value in users if value is not None), None), path.split("."))
    tool, *rest = path.split(".")
    answer = answers_of(asked).get(tool)
    if isinstance(answer, dict) and set(answer) == {"result"}:
        answer = answer["result"]
    return _at(answer, rest)


def answers_of(asked: Asked) -> dict[str, Any]:
    """The newest answer of every tool, as JSON."""
    names = {
        call["id"]: call["function"]["name"]
        for message in asked.messages
        for call in message.get("tool_calls") or []
    }
    return {
        names[message["tool_call_id"]]: json_in(message.get("content"))
        for message in asked.messages
        if message["role"] == "tool"
    }


def json_in(text: Any) -> Any:
    """The JSON value that a text is, or holds between other words; None when there is none."""
    for opening, closing in (("{", "}"), ("[", "]")):
        start, end = str(text).find(opening), str(text).rfind(closing)
        if 0 <= start < end:
            try:
                return json.loads(str(text)[start : end + 1])
            except ValueError:
                continue
    return None


def _at(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        if isinstance(value, list) and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def shortened(message: Message, content: str) -> Message:
    """The message as it is when the limit on tokens cut it."""
    return replace(message, content=content, finish="length")

"""Cuts query text into tokens."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tests.peers.cosmos.refusals import bad_query

Kind = Literal["name", "parameter", "number", "string", "sign", "end"]
_PATTERN = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<parameter>@[A-Za-z_]\w*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign>\?\?|<>|!=|<=|>=|\|\||[-+*/%=<>(){}\[\],.:?&|^~])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as written; `value` what a literal stands for."""

    kind: Kind
    text: str
    value: Any = None

    @property
    def keyword(self) -> str:
        return self.text.upper() if self.kind == "name" else ""


def tokens_of(text: str) -> Iterator[Token]:
    """The tokens in order, then an end token. Raises 400 for a character that begins none."""
    at = 0
    while at < len(text):
        match = _PATTERN.match(text, at)
        if match is None:
            raise bad_query(f"Syntax error, invalid token near '{text[at : at + 20]}'")
        at = match.end()
        if match.lastgroup != "space":
            yield _token(match)
    yield Token("end", "")


def _token(match: re.Match[str]) -> Token:
    text = match.group()
    match match.lastgroup:
        case "number":
            return Token("number", text, json.loads(text))
        case "string":
            return Token("string", text, _unquote(text))
        case "parameter":
            return Token("parameter", text)
        case "name":
            return Token("name", text)
        case _:
            return Token("sign", text)


def _unquote(text: str) -> str:
    inner = text[1:-1]
    if text[0] == "'":
        inner = inner.replace("\\'", "'")
        inner = re.sub(r'(?<!\\)"', r"\"", inner)
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:
        raise bad_query(f"Syntax error, invalid string literal {text[:40]}") from None

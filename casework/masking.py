"""Stable placeholders for what identifies a person: a model reads about a customer without learning whom.

`mask` then `unmask` gives the text back; an original never occurs in what was masked. Values come from
the fields of tools' answers and from the shapes of e-mail addresses, telephone numbers and the like;
the name of a third person that stands in prose only is not recognised.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from casework.identifying import (
    EMAIL,
    FIELDS,
    KINDS,
    SHAPES,
    SHARED,
    Span,
    same_person,
)
from casework.known_values import KnownValues

_BODY = rf"(?:{'|'.join(sorted(KINDS, key=len, reverse=True))})-[0-9]{{1,6}}[a-z]{{0,3}}"
PLACEHOLDER = re.compile(
    rf"\[({_BODY})\]|(?<![A-Za-z0-9-])({_BODY})(?![A-Za-z0-9-])", re.IGNORECASE | re.ASCII
)
"""A placeholder, with its brackets or, as models like to write it, without."""


class Mask:
    """The placeholders of one case: each value has one, and each spelling of it a letter of its own."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}
        self._spellings: dict[tuple[str, str], list[str]] = {}
        self._originals: dict[str, str] = {}
        self._known = KnownValues()

    def learn(self, value: JsonValue) -> None:
        """Remember what identifies somebody in a tool's answer, so that texts about it are masked, too."""
        for fields in _records(value):
            for kind, text in _identifying(fields):
                self._learn(kind, text)

    def mask(self, text: str) -> str:
        """The text with a placeholder for everything in it that identifies somebody."""
        return "".join(
            piece if kind is None else self._placeholder(kind, piece) for piece, kind in self._pieces(text)
        )

    def unmask(self, text: str) -> str:
        """The text with the originals in place of their placeholders; unknown ones stay as they are."""
        return PLACEHOLDER.sub(lambda found: self._originals.get(_name(found), found.group()), text)

    def masked(self, value: JsonValue) -> JsonValue:
        """A whole answer masked: identifying fields entirely, every other text where it must be."""
        match value:
            case str():
                return self.mask(value)
            case list():
                return [self.masked(item) for item in value]
            case dict():
                return {name: self._masked_field(name, item, value) for name, item in value.items()}
            case _:
                return value

    def unmasked(self, value: JsonValue) -> JsonValue:
        """A whole value with the originals back in every text."""
        match value:
            case str():
                return self.unmask(value)
            case list():
                return [self.unmasked(item) for item in value]
            case dict():
                return {name: self.unmasked(item) for name, item in value.items()}
            case _:
                return value

    def named_in(self, texts: Iterable[str]) -> dict[str, str]:
        """The placeholders that occur in these texts, with what each stands for."""
        names = (_name(found) for text in texts for found in PLACEHOLDER.finditer(text))
        return {name: self._originals[name] for name in sorted(set(names)) if name in self._originals}

    def _masked_field(self, name: str, value: JsonValue, record: Mapping[str, JsonValue]) -> JsonValue:
        kind = _kind_of(name, record)
        if kind is None or value is None or isinstance(value, bool | list | dict) or value == "":
            return self.masked(value)
        return self._placeholder(kind, str(value))

    def _learn(self, kind: str, value: str) -> None:
        if self._known.add(kind, value):
            self._placeholder(kind, value)

    def _placeholder(self, kind: str, original: str) -> str:
        key = (kind, same_person(kind, original))
        if key not in self._numbers:
            self._numbers[key] = self._last[kind] = self._last.get(kind, 0) + 1
        spelled = self._spellings.setdefault(key, [])
        if original not in spelled:
            spelled.append(original)
        name = f"{kind}-{self._numbers[key]}{_letter(spelled.index(original))}"
        self._originals[name] = original
        return f"[{name}]"

    def _pieces(self, text: str) -> Iterator[tuple[str, str | None]]:
        """The text cut into what identifies somebody, each with its kind, and the rest.

        What is left beside a find is searched again: without its neighbour it may be a word of its own.
        """
        rest: list[tuple[str, str | None]] = [(text, None)]
        while rest:
            piece, kind = rest.pop()
            spans = [] if kind else next(filter(None, map(list, self._searches(piece))), [])
            if not spans:
                yield piece, kind
                continue
            parts, end = [], 0
            for start, stop, found in spans:
                parts += [(piece[end:start], None), (piece[start:stop], found)]
                end = stop
            rest += [part for part in reversed([*parts, (piece[end:], None)]) if part[0]]

    def _searches(self, text: str) -> Iterator[Iterator[Span]]:
        """Every way to find something, the surest first; what only looks like a placeholder before all."""
        yield ((*found.span(), "quoted") for found in PLACEHOLDER.finditer(text))
        yield EMAIL.spans(text)
        yield self._known.identifiers_in(text)
        yield self._known.names_in(text)
        yield self._known.anywhere_in(text)
        for shape in SHAPES:
            yield shape.spans(text)


def _records(value: JsonValue) -> Iterator[Mapping[str, JsonValue]]:
    if isinstance(value, list):
        for item in value:
            yield from _records(item)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _records(item)


def _identifying(record: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """What a record says of a person: its fields, and what people make of them in prose."""
    for name, value in record.items():
        kind = _kind_of(name, record)
        if kind is not None and isinstance(value, str) and value.strip():
            yield kind, value.strip()
            if kind == "email" and "@" in value:
                yield "account-name", value.partition("@")[0]
            if kind == "address":
                yield from (("address", line) for line in _street_lines(value))
    first, last = record.get("first_name"), record.get("last_name")
    if isinstance(first, str) and isinstance(last, str) and first.strip() and last.strip():
        for whole in (f"{first} {last}", f"{last}, {first}", f"{last} {first}", f"{last}{first}"):
            yield "customer-name", whole


def _street_lines(address: str) -> list[str]:
    """The lines of an address that lead to a door; a town or a country alone is evidence, not identity."""
    lines = [line.strip() for line in re.split(r"[,\n;]", address)]
    return [line for line in lines if any(c.isdigit() for c in line) and any(c.isalpha() for c in line)]


def _kind_of(name: str, record: Mapping[str, Any]) -> str | None:
    if name == "value" and isinstance(record.get("shared"), str):
        return SHARED.get(record["shared"])
    return FIELDS.get(name)


def _name(found: "re.Match[str]") -> str:
    return (found.group(1) or found.group(2)).lower()


def _letter(number: int) -> str:
    """Nothing for the first spelling, then b, c … z, ba, bb …"""
    text = ""
    while number:
        number, rest = divmod(number, 26)
        text = chr(ord("a") + rest) + text
    return text

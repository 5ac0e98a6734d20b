"""Finds what is known to identify somebody, in time that grows with the text and not with the list."""

import re
import unicodedata
from collections.abc import Iterator

from casework.identifying import LEAST_LETTERS, LEAST_OTHERWISE, LONGEST, Span, value_pattern

IDENTIFIERS = frozenset({"device", "card", "ip"})
"""Kinds that have no spaces in them and occur by the hundred: looked up whole."""
_RUN = re.compile(r"[^\s,;()\[\]{}\"'=|/<>]+")
_WORD = re.compile(r"[^\W_]+")
"""An underscore joins words, as in the names of devices; it does not make one of them."""


class KnownValues:
    """The values of one case. Short ones and very long ones are not kept: see `identifying`."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()
        self._identifiers: dict[str, str] = {}
        self._by_first_word: dict[str, list[tuple[str, str]]] = {}
        self._anywhere: list[tuple[str, str]] = []
        self._finders: dict[str, re.Pattern[str]] = {}

    def add(self, kind: str, value: str) -> bool:
        """Keep a value; False for one that is known, too short or too long."""
        letters = sum(character.isalnum() for character in value)
        least = LEAST_LETTERS.get(kind, LEAST_OTHERWISE)
        if (kind, value) in self._known or letters < least or len(value) > LONGEST:
            return False
        self._known.add((kind, value))
        if kind in IDENTIFIERS:
            self._identifiers[value.casefold()] = kind
            return True
        first = _WORD.match(value)
        if first is None or kind == "phone" or not first.group()[0] < "\u0e00":
            self._place(self._anywhere, kind, value, "")
        else:
            word = plain(first.group())
            self._place(self._by_first_word.setdefault(word, []), kind, value, word)
        return True

    def identifiers_in(self, text: str) -> Iterator[Span]:
        """Every identifier that stands by itself, with or without a full stop behind it."""
        if not self._identifiers:
            return
        for run in _RUN.finditer(text):
            said = run.group().rstrip(".:!?")
            kind = self._identifiers.get(said.casefold())
            if kind is not None:
                yield run.start(), run.start() + len(said), kind

    def names_in(self, text: str) -> Iterator[Span]:
        """Names, addresses and the like that begin with a word; at each place the longest."""
        end = 0
        for word in _WORD.finditer(text) if self._by_first_word else ():
            key = plain(word.group())
            if word.start() >= end and key in self._by_first_word:
                found = self._finder(key, self._by_first_word[key]).match(text, word.start())
                if found:
                    end = found.end()
                    yield *found.span(), self._by_first_word[key][(found.lastindex or 1) - 1][0]

    def anywhere_in(self, text: str) -> Iterator[Span]:
        """Telephone numbers, and names in scripts that have no spaces."""
        if self._anywhere:
            for found in self._finder("", self._anywhere).finditer(text):
                yield *found.span(), self._anywhere[(found.lastindex or 1) - 1][0]

    def _place(self, values: list[tuple[str, str]], kind: str, value: str, key: str) -> None:
        values.append((kind, value))
        values.sort(key=lambda known: -len(known[1]))
        self._finders.pop(key, None)

    def _finder(self, key: str, values: list[tuple[str, str]]) -> re.Pattern[str]:
        if key not in self._finders:
            patterns = (f"({value_pattern(kind, value)})" for kind, value in values)
            self._finders[key] = re.compile("|".join(patterns), re.IGNORECASE)
        return self._finders[key]


def plain(word: str) -> str:
    """A word without accents and case: what all its spellings have in common."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()

"""Takes customer data out of text and fields that are about to leave in a log line or a trace. Pure.

Three nets: fields that hold such data by their name; patterns (e-mail, telephone, cards, accounts,
addresses on networks, values that validators quote); and names and addresses seen in tool results
and telemetry, which no pattern could know. Ids stay: they are what one looks things up by.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "[masked]"
MOST_KNOWN = 5000
LEAST_LETTERS = 3
MOST_WORDS = 4
"""A longer name is no name; its single words are not learned, or it could blank the log."""
DEEPEST = 6

PERSONAL = frozenset(
    {"address", "birth_date", "card_number", "city", "contact", "customer_name", "date_of_birth", "device_id"}
    | {"email", "first_name", "full_name", "iban", "ip", "ip_address", "last_name", "mobile", "name", "phone"}
    | {"phone_number", "postal_code", "street", "zip_code"}
)
"""Fields whose value says who a customer is."""
LEARNED = PERSONAL - {"city", "contact", "name"}
"""Those whose values are recognised elsewhere too: products and cities have names as well."""
HIDDEN = (
    PERSONAL
    | {"arguments", "body", "customer", "description", "details", "feedback", "finding", "headers", "input"}
    | {"message", "note", "notes", "payload", "prompt", "record", "request", "response", "result", "results"}
    | {"row", "rows", "summary", "telemetry", "text", "trigger", "triggers"}
    | {"api_key", "authorization", "connection_string", "password", "secret", "token"}
)
"""Fields that are never written, whatever they hold."""

_LOOPBACK = r"(?!127\.|0\.0\.0\.0)"
# Every repetition is bounded, or what it leads to is found at once: a path or a header may be very long.
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"[a-z0-9._%+'-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+",
        r"\b[a-z]{2}\d{2}(?:[ ]?[a-z0-9]{4}){3,7}(?:[ ]?[a-z0-9]{1,3})?\b(?<=\d)",
        r"(?<![\w.:-])(?:\d[ -]?){13,19}(?![\w-])",
        r"(?<![\w.:-])\+\d[\d ()/.-]{6,18}\d",
        r"(?<![\w.:/-])\(?0?\d{2,4}\)?[ /-]\d{3,4}[ -]\d{3,6}(?![\w-])",
        rf"(?<![\w.]){_LOOPBACK}(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?![\w.])",
        r"\bbearer +[a-z0-9._~+/-]+=*",
        r"(?<=instrumentationkey=)[0-9a-f-]+",
        r"\b(?:accountkey|sharedaccesskey|sig|api[-_]key)=[^;&\s]+",
    )
)
_QUOTED = re.compile(
    r"(input_value=|\bgot )"
    r"('(?:[^'\\]|\\.)*+(?:'|\\?$)|\"(?:[^\"\\]|\\.)*+(?:\"|\\?$)|\{[^}]*+\}?|\[[^\]]*+\]?)"
)
_WORD = re.compile(r"\w+(?:-\w+)*")
"""An id such as fraud-A-1 is one word: a customer called Fraud must not take it out of the log."""


class Known:
    """Names and the like that were seen lately, so that they can be recognised in free text."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._values: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._by_first: dict[str, set[tuple[str, ...]]] = {}
        self._lock = threading.Lock()

    def learn(self, value: object) -> None:
        """Remember every personal value inside a tool's result, an alert or an event."""
        for text in _personal(value, 0):
            self._add(text)

    def _add(self, text: str) -> None:
        words = tuple(word.casefold() for word in _WORD.findall(text))
        if sum(map(len, words)) < LEAST_LETTERS or text.isdigit():
            return
        with self._lock:
            self._values[words] = None
            self._values.move_to_end(words)
            self._by_first.setdefault(words[0], set()).add(words)
            while len(self._values) > self._most:
                self._forget(self._values.popitem(last=False)[0])

    def _forget(self, words: tuple[str, ...]) -> None:
        rest = self._by_first[words[0]]
        rest.discard(words)
        if not rest:
            del self._by_first[words[0]]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._by_first.clear()

    def mask(self, text: str) -> str:
        """The text with every value that is known replaced."""
        if not self._by_first:
            return text
        with self._lock:
            return self._masked(text)

    def _masked(self, text: str) -> str:
        found = [(match.group().casefold(), match.span()) for match in _WORD.finditer(text)]
        done, at, number = [], 0, 0
        while number < len(found):
            length = self._match(found, number)
            if length:
                done += [text[at : found[number][1][0]], MASK]
                at = found[number + length - 1][1][1]
            number += length or 1
        return "".join([*done, text[at:]])

    def _match(self, found: list[tuple[str, tuple[int, int]]], number: int) -> int:
        """How many words from here on are a known value; the longest wins."""
        candidates = self._by_first.get(found[number][0], ())
        fitting = [
            len(words)
            for words in candidates
            if tuple(word for word, _ in found[number : number + len(words)]) == words
        ]
        return max(fitting, default=0)


def _personal(value: object, depth: int) -> Iterable[str]:
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, str) and key in LEARNED:
                yield inner
                words = inner.split() if "name" in key else []
                yield from words if len(words) <= MOST_WORDS else ()
            else:
                yield from _personal(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _personal(inner, depth + 1)


def redacted_text(text: str, known: Known) -> str:
    """Text without what the patterns and the known values recognise."""
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    return known.mask(_QUOTED.sub(rf"\1{MASK}", text))


def redacted(key: str, value: Any, known: Known, depth: int = 0) -> Any:
    """A field's value as it may be written: hidden by its name, or searched."""
    if key.lower() in HIDDEN and value not in (None, "", 0, False):
        return MASK
    if isinstance(value, str):
        return redacted_text(value, known)
    if value is None or isinstance(value, bool | int | float) or depth > DEEPEST:
        return value if not isinstance(value, Mapping | list | tuple) else MASK
    if isinstance(value, Mapping):
        return {str(name): redacted(str(name), inner, known, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(key, inner, known, depth + 1) for inner in value]
    return redacted_text(str(value), known)


KNOWN = Known()
"""What this process has seen."""

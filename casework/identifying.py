"""What identifies a person: which fields of a tool's answer, and which shapes in any text."""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

FIELDS = {
    "first_name": "customer-first-name",
    "last_name": "customer-last-name",
    "email": "email",
    "phone": "phone",
    "address": "address",
    "ip": "ip",
    "device_id": "device",
    "card_id": "card",
    "cs_agent": "staff-name",
}
"""Fields whose whole value identifies somebody, and what a placeholder for it is called."""

SHARED = {"phone": "phone", "address": "address", "ip": "ip", "device": "device", "card": "card"}
"""What two customers may share, as `get_linked_entities` calls it."""

KINDS = tuple(dict.fromkeys([*FIELDS.values(), "customer-name", "account-name", "iban", "quoted"]))

LEAST_LETTERS = {"customer-name": 2, "customer-first-name": 2, "customer-last-name": 2, "staff-name": 2}
LEAST_OTHERWISE = 4
"""Shorter values hide in their own field only: as words of a text they would hide half of it."""
LONGEST = 120
"""And so do longer ones, in characters: whatever they are, no text repeats them."""

_ADDRESS_CANDIDATE = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})(?![\w:])"
)


Span = tuple[int, int, str]
"""Where something was found, and what kind of thing it is."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A pattern whose last group, or whole, identifies somebody when `check` agrees."""

    kind: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] = bool

    def spans(self, text: str) -> Iterator[Span]:
        group = self.pattern.groups
        for match in self.pattern.finditer(text):
            if self.check(match.group(group)):
                yield *match.span(group), self.kind


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_card_number(text: str) -> bool:
    """Whether the digits pass the Luhn check that payment cards carry."""
    digits = [int(character) for character in text if character.isascii() and character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


_LABELLED = r"(?<!\w){}(?:[ _]id)?[ :=#]{{1,3}}([A-Za-z0-9][\w.:-]{{0,80}}\w)(?!\w)"

EMAIL = Shape("email", re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?![\w-])"))
SHAPES = (
    Shape("iban", re.compile(r"(?<!\w)[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")),
    Shape("card", re.compile(r"(?<![\w-])[0-9](?:[ -]?[0-9]){12,18}(?![\w-])"), _is_card_number),
    Shape("ip", _ADDRESS_CANDIDATE, _is_ip),
    Shape("phone", re.compile(r"(?<!\w)\+[0-9](?:[ ().-]{0,2}[0-9]){7,14}(?!\w)")),
    Shape("phone", re.compile(r"(?<![\w-])\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}(?![\w-])")),
    Shape("device", re.compile(_LABELLED.format("device"), re.IGNORECASE), _has_digit),
    Shape("card", re.compile(_LABELLED.format("card"), re.IGNORECASE), _has_digit),
)
"""Looked for in this order in every text, whoever wrote it."""


def same_person(kind: str, value: str) -> str:
    """What all spellings of one value have in common."""
    if kind == "phone":
        return "".join(character for character in value if character.isdigit()) or value
    folded = unicodedata.normalize("NFKC", value).casefold()
    return " ".join(folded.split()) or value


@lru_cache(maxsize=4096)
def value_pattern(kind: str, value: str) -> str:
    """A pattern that finds a known value in a text, however it is spaced, cased or accented."""
    if kind == "phone":
        return _phone_pattern(value)
    return "|".join(_words_pattern(spelling) for spelling in spellings(value))


def spellings(value: str) -> tuple[str, ...]:
    """A value as different systems write it: composed, decomposed, in other cases, without accents."""
    composed = unicodedata.normalize("NFC", value)
    decomposed = unicodedata.normalize("NFD", value)
    plain = "".join(part for part in decomposed if not unicodedata.combining(part))
    forms = (value, composed, decomposed, plain, value.casefold(), value.upper())
    return tuple(dict.fromkeys(form for form in forms if form.strip()))


def _phone_pattern(value: str) -> str:
    digits = [character for character in value if character.isdigit()]
    shortest = digits[-10:] if len(digits) > 10 else digits
    forms = dict.fromkeys(["".join(digits), "".join(shortest)])
    joined = (r"[ ().\-/]{0,3}".join(re.escape(digit) for digit in form) for form in forms)
    return r"(?<!\w)\+?\(?(?:" + "|".join(joined) + r")(?!\w)"


def _words_pattern(value: str) -> str:
    words = r"\s+".join(re.escape(word) for word in value.split())
    first, last = value.split(maxsplit=1)[0][0], value.rsplit(maxsplit=1)[-1][-1]
    return f"{_edge(first, '(?<!')}{words}{_edge(last, '(?!')}"


def _edge(character: str, opening: str) -> str:
    """A word's edge, where the script has any: Chinese, Japanese, Korean and Thai join words."""
    joined = "\u0e00" <= character <= "\u0eff" or "\u2e80" <= character <= "\ud7ff" or character >= "\uf900"
    return "" if joined else f"{opening}[^\\W_])"

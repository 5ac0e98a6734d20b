"""Turns the numbers behind a detection into the one sentence an analyst reads first."""

from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Any

from casework.rules.durations import in_words

_LONGEST_DESCRIPTION = 2000
_LONGEST_VALUE = 60
_MOST_VALUES = 5


class Quantity(int):
    """A count that formats with its noun: f"{n:address|addresses}" gives "1 address" or "3 addresses"."""

    def __format__(self, spec: str) -> str:
        if "|" not in spec:
            return format(int(self), spec)
        singular, plural = spec.split("|", 1)
        return f"{int(self):,} {singular if self == 1 else plural}"


class Duration(float):
    """A number of seconds that formats as words."""

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else in_words(float(self))


class Listing(tuple[str, ...]):
    """Values from outside, listed: control characters replaced, long ones cut, at most five shown."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if len(self) <= 1:
            return "".join(self)
        if len(self) <= _MOST_VALUES:
            return f"{', '.join(self[:-1])} and {self[-1]}"
        return f"{', '.join(self[:_MOST_VALUES])} and {len(self) - _MOST_VALUES} more"


def listing(values: Iterable[object]) -> Listing:
    """Distinct values in first-seen order, made safe to show."""
    return Listing(_shown(value) for value in dict.fromkeys(values))


def _shown(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= _LONGEST_VALUE else printable[: _LONGEST_VALUE - 1] + "…"


def describe(template: str, numbers: Mapping[str, Any]) -> str:
    """The template filled in, cut to what an alert may carry."""
    return template.format_map(numbers)[:_LONGEST_DESCRIPTION]


def check_template(template: str, sample: Mapping[str, Any]) -> None:
    """Raises ValueError naming the first placeholder that this kind of rule cannot fill."""
    allowed = ", ".join(f"{{{name}}}" for name in sample)
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ValueError(f"the description is not a valid template: {error}") from error
    for name in names:
        if name not in sample:
            raise ValueError(f"the description uses {{{name}}}; allowed here: {allowed}")
    try:
        template.format_map(sample)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"the description cannot be filled in: {error}; allowed here: {allowed}") from error

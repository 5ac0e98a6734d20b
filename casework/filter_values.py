"""What a filter compares with: numbers and durations as screens write them. Pure."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from casework.views import CaseSummary

NOTHING = frozenset({"-", "--", "none"})
"""How a column shows that there is nothing, and what to write for it."""

SHOWN_DECIMALS = 2
"""Screens round to so many: a number that is asked for equals what is shown as that number."""

LONGEST_QUOTE = 16
MOST_GUESSES = 4
CLOSE_ENOUGH = 0.5
"""Complaints stand in the bottom line beside the position: they quote and guess no more than that."""

_UNIT_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_NEXT_UNIT = {"d": "h", "h": "m", "m": "s"}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[dhms])*(?:\d+(?:\.\d+)?[dhms]|(?<=[dhm])\d+)")
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms]?)")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d\d)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?|-?\.\d+")


class FilterError(ValueError):
    """A filter that cannot be understood; the message says which term, and what is possible."""


@dataclass(frozen=True, slots=True)
class View:
    """What a filter is matched against besides the row: who asks, and when."""

    actor_id: str | None
    now: datetime


Test = Callable[[CaseSummary, View], bool]
Maker = Callable[[str, str, str], Test]
"""Makes the test of a term from its field, operator and value. Raises FilterError."""
Read = Callable[[CaseSummary, View], float | None]


def number(read: Read) -> Maker:
    """A field that is a number; a row without one meets no comparison."""

    def make(name: str, op: str, value: str) -> Test:
        if _equality(op) and value in NOTHING:
            return lambda row, view: read(row, view) is None
        if not _NUMBER.fullmatch(value):
            raise FilterError(f"{name}{op}{quoted(value)}: that is not a number")
        wanted = float(value)
        decimals = max(SHOWN_DECIMALS, len(value.partition(".")[2]))
        shown = f"{wanted:.{decimals}f}"
        if _equality(op):
            return lambda row, view: (
                (found := read(row, view)) is not None and f"{found:.{decimals}f}" == shown
            )
        return lambda row, view: (found := read(row, view)) is not None and _compare(found, op, wanted)

    return make


def duration(read: Read) -> Maker:
    """A field that is a time in seconds; below zero it is over, which screens write as `over 3m`."""

    def make(name: str, op: str, value: str) -> Test:
        if _equality(op) and value in NOTHING:
            return lambda row, view: read(row, view) is None
        if _equality(op) and value.startswith("over"):
            return _over(name, value.removeprefix("over").strip(), read)
        wanted, unit = _seconds(name, op, value)
        if _equality(op):
            return lambda row, view: (
                (found := read(row, view)) is not None and found // unit == wanted // unit
            )
        return lambda row, view: (found := read(row, view)) is not None and _compare(found, op, wanted)

    return make


def _over(name: str, value: str, read: Read) -> Test:
    if not value:
        return lambda row, view: (found := read(row, view)) is not None and found < 0
    wanted, unit = _seconds(name, ":over ", value)
    return lambda row, view: (
        (found := read(row, view)) is not None and found < 0 and -found // unit == wanted // unit
    )


def _seconds(name: str, op: str, value: str) -> tuple[float, int]:
    """A duration, and the smallest unit in which it is written: 90, 15m, 1h15m, 3h05, 2d4h, 5:04."""
    if _NUMBER.fullmatch(value):
        return float(value), 1
    if clock := _CLOCK.fullmatch(value):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return hours * 3600.0 + minutes * 60 + seconds, 1
    if not _DURATION.fullmatch(value):
        raise FilterError(f"{name}{op}{quoted(value)}: that is no time like 15m, 1h30m or 2d3h")
    total, unit = 0.0, "d"
    for count, written in _PART.findall(value):
        unit = written or _NEXT_UNIT[unit]
        total += float(count) * _UNIT_SECONDS[unit]
    return total, _UNIT_SECONDS[unit]


def _equality(op: str) -> bool:
    return op in (":", "=")


def only_equality(name: str, op: str) -> None:
    """Raise FilterError when something is compared that has no more and less."""
    if not _equality(op):
        raise FilterError(f"{name}{op} cannot be compared; write {name}:value")


def _compare(found: float, op: str, wanted: float) -> bool:
    """Whether a figure is more or less than asked for."""
    match op:
        case ">":
            return found > wanted
        case "<":
            return found < wanted
        case ">=":
            return found >= wanted
        case _:
            return found <= wanted


def alternatives(name: str, op: str, value: str) -> list[str]:
    """The parts of a value between commas. Raises FilterError when there is none."""
    only_equality(name, op)
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not parts:
        raise FilterError(f"{name}{op}{quoted(value)} names nothing")
    return parts


def no_such(kind: str, written: str, known: Collection[str], usual: Collection[str]) -> FilterError:
    """The complaint about a word that is none of those known: the nearest of them, or the usual ones."""
    near = get_close_matches(written, known, n=MOST_GUESSES, cutoff=CLOSE_ENOUGH)
    guess = f"nearest: {', '.join(near)}" if near else f"such as {', '.join(usual)}"
    return FilterError(f"{quoted(written)}: no such {kind}; {guess}")


def quoted(written: str) -> str:
    """What was written, as much as a complaint has room for."""
    return written if len(written) <= LONGEST_QUOTE else f"{written[: LONGEST_QUOTE - 2]}.."

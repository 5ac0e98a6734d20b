"""Where a reader stands in a record that is kept in lanes, each with an order of its own.

One lane is the usual case: its place is a number. A store that is spread over several partitions has
a lane for each, with no order between them, and a lane may be split in two at any time. So a place
says for every interval of keys how far it was read, and two places are compared interval by interval.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from casework.errors import InvalidInputError

WHOLE = 10**9
"""The part that says: everything that was written under this number."""
MOST_LANES = 100
LONGEST_TEXT = 4000
_LAST = "~"
"""Behind every key: where the last lane ends."""
_NO_KEY = "FF"
"""No key begins like this: bounds of lanes are before it, but for that of the last lane."""
_FULL_KEY = 32
_RUNS = {"F": "g", "0": "z"}
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_RECORD = re.compile(r"[0-9a-z]{6}", re.ASCII)
_LANE = re.compile(r"([0-9A-F]{0,64}[gz]?|~)-([0-9]{1,18})(?:-([0-9]{1,9}))?", re.ASCII)


class Mark(NamedTuple):
    """Where one entry of a record is: its key decides on the lane, number and part on the place in it."""

    number: int
    part: int = WHOLE
    key: str = ""


class Lane(NamedTuple):
    """The keys below a bound, down to that of the lane before, and how far they were read."""

    number: int = 0
    part: int = WHOLE
    until: str = _LAST


@dataclass(frozen=True, slots=True)
class Place:
    """How far a record was read. Its text is safe in URLs and headers, and means nothing to clients."""

    lanes: tuple[Lane, ...] = (Lane(),)
    record: str = ""
    """Which record this is a place in; of the one record a store keeps in a file, none is named."""

    def __str__(self) -> str:
        if not self.record and len(self.lanes) == 1:
            return str(self.lanes[0].number)
        return "_".join((self.record, *map(_text_of, self.lanes)))

    @property
    def is_start(self) -> bool:
        """Whether nothing was read: the same place in every record."""
        return not any(lane.number for lane in self.lanes)

    def has(self, mark: Mark) -> bool:
        """Whether an entry of this record was read."""
        lane = self.lanes[self._index(mark.key)]
        return (lane.number, lane.part) >= (mark.number, mark.part)

    def covers(self, other: "Place") -> bool:
        """Whether everything that was read there was read here."""
        if other.is_start:
            return True
        if self.record != other.record:
            return False
        return all(mine[:2] >= theirs[:2] for mine, theirs in self._side_by_side(other))

    def moved(self, mark: Mark) -> "Place":
        """The place after one more entry, which is the next one of its lane."""
        at = self._index(mark.key)
        lane = Lane(mark.number, mark.part, self.lanes[at].until)
        return Place((*self.lanes[:at], lane, *self.lanes[at + 1 :]), self.record)

    def cut_like(self, other: "Place") -> "Place":
        """The same place, with the lanes of another one where those are finer."""
        if len(other.lanes) == 1 and self.record == other.record:
            return self
        return Place(tuple(mine for mine, _ in self._side_by_side(other)), other.record or self.record)

    def furthest(self, other: "Place") -> "Place":
        """Everything that was read here or there."""
        if len(self.lanes) == len(other.lanes) == 1:
            return max(self, other, key=lambda place: place.lanes[0])
        lanes = tuple(max(mine, theirs) for mine, theirs in self._side_by_side(other))
        return Place(lanes, other.record or self.record)

    def behind(self, other: "Place") -> int:
        """About how many entries are there and not here: numbers may have gaps."""
        return sum(max(0, theirs.number - mine.number) for mine, theirs in self._side_by_side(other))

    def _index(self, key: str) -> int:
        if len(self.lanes) == 1:
            return 0
        return bisect_right(self.lanes, key, key=lambda lane: lane.until)

    def _side_by_side(self, other: "Place") -> Iterator[tuple[Lane, Lane]]:
        """Both places in the finest lanes of either."""
        bounds = sorted({lane.until for place in (self, other) for lane in place.lanes})
        below = ""
        for until in bounds:
            mine, theirs = self.lanes[self._index(below)], other.lanes[other._index(below)]
            yield mine._replace(until=until), theirs._replace(until=until)
            below = until


START = Place()


def at(number: int) -> Place:
    """A place in a record with one lane."""
    return Place((Lane(number),))


def parse_place(text: str) -> Place:
    """Read the text of a place. Raises InvalidInputError when it is none."""
    if _NUMBER.fullmatch(text):
        return at(int(text))
    record, *parts = text[: LONGEST_TEXT + 1].split("_")
    found = [_LANE.fullmatch(part) for part in parts[: MOST_LANES + 1]]
    lanes = tuple(Lane(int(lane[2]), int(lane[3] or WHOLE), _long(lane[1])) for lane in found if lane)
    bounds = [lane.until for lane in lanes]
    fine = _RECORD.fullmatch(record) and len(text) <= LONGEST_TEXT and len(lanes) == len(parts) <= MOST_LANES
    possible = (
        all(lane.number or lane.part == WHOLE for lane in lanes) and max(bounds[:-1], default="") < _NO_KEY
    )
    if not fine or not possible or bounds[-1:] != [_LAST] or any(a >= b for a, b in pairwise(["", *bounds])):
        raise InvalidInputError("cursor", "is not a place in a record; leave it out to start over")
    return Place(lanes, record)


def _text_of(lane: Lane) -> str:
    part = "" if lane.part == WHOLE else f"-{lane.part}"
    return f"{_short(lane.until)}-{lane.number}{part}"


def _short(until: str) -> str:
    """A bound without the run of one digit that ends most of them."""
    for digit, sign in _RUNS.items():
        if len(until) == _FULL_KEY and until.endswith(digit * 2):
            return until.rstrip(digit) + sign
    return until


def _long(until: str) -> str:
    for digit, sign in _RUNS.items():
        if until.endswith(sign):
            return until[:-1].ljust(_FULL_KEY, digit)
    return until

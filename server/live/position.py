"""Where a client stands in the live streams: one place in the case record, one in the telemetry log."""

import re
from dataclasses import dataclass
from enum import StrEnum

from casework.errors import InvalidInputError
from casework.places import START, Mark, Place, at, parse_place

_PATTERN = re.compile(r"c([0-9A-Za-z_~-]+)\.t([0-9]{1,18})", re.ASCII)


class Source(StrEnum):
    """Which of the two records a frame moves the position in."""

    CASES = "cases"
    TELEMETRY = "telemetry"


@dataclass(frozen=True, slots=True)
class Position:
    """Everything up to and including these places has been seen."""

    cases: Place = START
    telemetry: Place = START

    def __str__(self) -> str:
        return f"c{self.cases}.t{self.telemetry}"

    def of(self, source: Source) -> Place:
        return self.cases if source is Source.CASES else self.telemetry

    def moved(self, source: Source, place: Place) -> "Position":
        """The position at another place of a source."""
        if source is Source.CASES:
            return Position(place, self.telemetry)
        return Position(self.cases, place)

    def past(self, source: Source, mark: Mark, lanes: Place) -> "Position":
        """The position after one more entry of a source, which is in one of these lanes."""
        return self.moved(source, self.of(source).cut_like(lanes).moved(mark))

    def furthest(self, other: "Position") -> "Position":
        return Position(self.cases.furthest(other.cases), self.telemetry.furthest(other.telemetry))


def position(cases: int = 0, telemetry: int = 0) -> Position:
    """The position in two records of one lane each."""
    return Position(at(cases), at(telemetry))


def parse_position(text: str) -> Position:
    """Read a cursor. Raises InvalidInputError saying what one looks like."""
    found = _PATTERN.fullmatch(text.strip())
    try:
        if found is not None:
            return Position(parse_place(found[1]), at(int(found[2])))
    except InvalidInputError:
        pass
    raise InvalidInputError("cursor", "is not a stream cursor; one looks like c120.t4711")

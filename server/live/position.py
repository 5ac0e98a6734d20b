"""Where a client stands in the live streams: one place in the case record, one in the telemetry log."""

import re
from dataclasses import dataclass
from enum import StrEnum

from casework.errors import InvalidInputError

_PATTERN = re.compile(r"c([0-9]{1,18})\.t([0-9]{1,18})")


class Source(StrEnum):
    """Which of the two records a frame moves the position in."""

    CASES = "cases"
    TELEMETRY = "telemetry"


@dataclass(frozen=True, slots=True)
class Position:
    """Everything up to and including these places has been seen."""

    cases: int = 0
    telemetry: int = 0

    def __str__(self) -> str:
        return f"c{self.cases}.t{self.telemetry}"

    def of(self, source: Source) -> int:
        return self.cases if source is Source.CASES else self.telemetry

    def moved(self, source: Source, place: int) -> "Position":
        """The position after one more record of a source."""
        if source is Source.CASES:
            return Position(place, self.telemetry)
        return Position(self.cases, place)

    def furthest(self, other: "Position") -> "Position":
        return Position(max(self.cases, other.cases), max(self.telemetry, other.telemetry))


def parse_position(text: str) -> Position:
    """Read a cursor. Raises InvalidInputError saying what one looks like."""
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        raise InvalidInputError("cursor", "is not a stream cursor; one looks like c120.t4711")
    return Position(int(found[1]), int(found[2]))

"""Where the cursor was in each list, so that changing the view does not lose one's place. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from casework.filters import Rank, rank
from casework.transitions import Status
from casework.views import CaseSummary
from console.ordering import QueueOrder

DONE = frozenset({Status.DECIDED, Status.HELD, Status.EXECUTING, Status.CLOSED})
"""What nobody needs to go on to."""


class Listed(NamedTuple):
    """Which list is shown: a saved view, and what was typed on top of it."""

    view: int = 0
    typed: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A case the cursor was on, and where that stood in the queue's order."""

    case_id: str
    rank: Rank

    def moved_to(self, row: CaseSummary | None) -> "Place | None":
        """The place once this row is under the cursor.

        A case keeps the place it had while it wanted something: that it is done, by whomever, sends it to
        the end of the queue for a while, and once it leaves, what came after it there is not what is next.
        """
        if row is not None and row.case_id == self.case_id and row.status in DONE:
            return self
        return place_of(row)

    def row_in(self, cases: QueueOrder) -> int:
        """The row of the case in a list one comes back to; if it is gone or done, of what took its place."""
        found = cases.index_of(self.case_id)
        if found is not None and (cases[found].status not in DONE or rank(cases[found]) == self.rank):
            return found
        return cases.place_of(self.rank)


def place_of(row: CaseSummary | None) -> Place | None:
    """The place of a row."""
    return Place(row.case_id, rank(row)) if row is not None else None


class Places:
    """The place in every view, and in those that were shown with the filter that is typed now."""

    def __init__(self) -> None:
        self.shown = Listed()
        self._known: dict[Listed, Place] = {}

    def turn_to(self, which: Listed, here: Place | None, cases: QueueOrder) -> int:
        """Leave the list that is shown, at this place, for another; returns the row to begin at there.

        A list never shown before begins at its top, but a filter stays on the case if it keeps that.
        """
        before, self.shown = self.shown, which
        if here is not None:
            self._known[before] = here
        self._known = {one: place for one, place in self._known.items() if one.typed in ("", which.typed)}
        if (known := self._known.get(which)) is not None:
            return known.row_in(cases)
        stays = cases.index_of(here.case_id) if here is not None and before.view == which.view else None
        return stays or 0

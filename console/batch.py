"""The marked cases that one decision is about: what was looked at, and what became of it since. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from casework.views import CaseSummary
from console.lines import Line
from console.marks import still_asking
from console.pages.marked import Sight, beside_the_cursor, in_sight
from console.pages.meanwhile import happened_to, said_unmarked, unmarked
from console.pages.sheet import Sheet
from console.rows import with_claim

Cases = Mapping[str, CaseSummary]


class Batch:
    """Those whose cases ask what they asked when they were marked; the others are told of, and left alone."""

    def __init__(self, marked: Iterable[CaseSummary], sight: Sight) -> None:
        self.rows = list(marked)
        self.sight = sight
        self.gone: dict[str, str] = {}
        """Of each case that went on what became of it."""

    def overtaken(self, cases: Cases) -> dict[str, str]:
        """Those that went on by now, which are still among the rows."""
        return happened_to(still_asking(self.rows, cases)[1], cases)

    def drop_overtaken(self, cases: Cases) -> None:
        """Leave alone what went on."""
        self.gone |= self.overtaken(cases)
        self.rows = [row for row in self.rows if row.case_id not in self.gone]

    def with_claims_of(self, cases: Cases) -> list[CaseSummary]:
        """The rows as they were looked at, but for who holds the cases now."""
        return [
            with_claim(row, cases[row.case_id].claim) if row.case_id in cases else row for row in self.rows
        ]

    def head(self, about: Sequence[CaseSummary], sheet: Sheet) -> list[Line]:
        """What has to be known of the marks before anything else, for those of them it is about."""
        return [*beside_the_cursor(about, self.sight, sheet), *unmarked(self.gone, sheet)]

    def said(self, about: Sequence[CaseSummary]) -> str:
        """The same in a message."""
        hidden = in_sight(about, self.sight)
        return " ".join(filter(None, (f"{hidden}." if hidden else "", said_unmarked(self.gone))))

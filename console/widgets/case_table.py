"""The queue on the screen: only visible rows are made into text, and the cursor keeps to its case."""

from collections.abc import Container, Iterable, Sequence, Set

from textual.geometry import Region

from casework.filters import rank
from casework.views import CaseSummary
from console.lines import Line
from console.ordering import QueueOrder
from console.pages.rows import heading, row
from console.pages.sheet import Sheet
from console.places import DONE, Listed, Place, Places, place_of
from console.widgets.line_pane import LinePane


class CaseTable(LinePane):
    """A list of cases under a heading. It holds no data of its own but where the cursor is."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._cases = QueueOrder()
        self._selected: CaseSummary | None = None
        self._place: Place | None = None
        self._places = Places()
        self._index = 0
        self._top = 0
        self._moved = False
        self._leaving: frozenset[str] = frozenset()
        self._awaited: str | None = None
        self._slipped: str | None = None

    @property
    def selected(self) -> CaseSummary | None:
        """The case under the cursor, as it is on the screen."""
        return self._selected

    @property
    def position(self) -> tuple[int, int]:
        """The cursor's row, counted from one, and how many rows there are."""
        return (self._index + 1 if self._cases else 0), len(self._cases)

    @property
    def cursor_row(self) -> Region:
        """Where on the screen the case under the cursor is, and how wide."""
        x, y, width, _ = self.content_region
        return Region(x, y + 1 + self._index - self._top, width, 1) if self._cases else Region()

    def show(
        self,
        cases: QueueOrder,
        sheet: Sheet,
        notice: Sequence[Line] = (),
        marks: Container[str] = (),
        *,
        which: Listed,
        loading: bool = False,
    ) -> None:
        """Show cases in this order; the cursor stays on the case it was on, wherever that moved.

        In another list (`which`) it goes back to where it was when that was left.

        `loading` says that more urgent ones may come yet: until it is moved, the cursor stays on top.
        """
        self._cases = cases
        if which != self._places.shown:
            self._put(self._places.turn_to(which, self._place, cases))
        if self._awaited is not None:
            self.select(self._awaited, when_it_comes=True)
        self._keep_cursor(on_top=loading and not self._moved)
        closed = bool(cases) and cases[0].closed_at is not None  # closed ones come last: then all of them are
        lines = [heading(sheet, closed=closed), *notice]
        visible = self._cases[self._top : self._top + self._rows]
        for at, case in enumerate(visible, self._top):
            marked = case.case_id in marks
            lines.append(row(case, sheet, at_cursor=at == self._index, marked=marked, closed=closed))
        self.paint(lines, marked=self._index - self._top + 1 if visible else None)

    def move(self, rows: int) -> None:
        """Move the cursor by some rows, as far as there are any."""
        self.move_to(self._index + rows)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row."""
        self._moved, self._awaited = True, None
        self._put(index)

    def select(self, case_id: str, *, when_it_comes: bool = False) -> None:
        """Put the cursor on a case, if it is listed; if asked also later, unless it was moved by then."""
        index = self._cases.index_of(case_id)
        if index is not None:
            self.move_to(index)
        elif when_it_comes:
            self._awaited = case_id

    def slipped_off(self) -> str | None:
        """The case that left the list under the cursor, by nobody's doing here; told once."""
        slipped, self._slipped = self._slipped, None
        return slipped

    def leave(self, case_ids: Iterable[str]) -> None:
        """These cases are being dealt with; when the one under the cursor moves, it moves on its own."""
        self._leaving |= frozenset(case_ids)

    def go_on(self, case_ids: Set[str], done: Set[str]) -> None:
        """They have been, those that are done: from one of them the cursor goes on to the next case."""
        if self._selected is not None and self._selected.case_id in done:
            self.move_to(self._next_to(self._selected, done))
        self._leaving -= case_ids

    def _next_to(self, case: CaseSummary, left: Container[str]) -> int:
        """The row below a case, else the one above, that is not left behind and wants something."""
        here = self._cases.place_of(rank(case))

        def to_go_on_to(at: int) -> bool:
            row = self._cases[at]
            return row.case_id not in left and row.status not in DONE

        around = (*range(here, len(self._cases)), *range(here - 1, -1, -1))
        return next(filter(to_go_on_to, around), here)

    def _put(self, index: int) -> None:
        self._index = max(0, min(index, len(self._cases) - 1))
        self._selected = self._cases[self._index] if self._cases else None
        self._place = self._place.moved_to(self._selected) if self._place else place_of(self._selected)
        self._scroll()

    @property
    def whole_page(self) -> int:
        """How far a page is."""
        return self._rows

    @property
    def half_page(self) -> int:
        """How far half a page is."""
        return max(1, self._rows // 2)

    @property
    def _rows(self) -> int:
        return max(1, self.size.height - 1)

    def _keep_cursor(self, *, on_top: bool) -> None:
        """Follow the case under the cursor; one that left the list leaves its place to the next one.

        One that is being dealt with is not followed: the cursor goes on to the next case.
        """
        before, place = self._selected, self._place
        if before is None or place is None or on_top:
            self._put(0)
            return
        found = self._cases.index_of(before.case_id)
        moved = found is None or rank(self._cases[found]) != rank(before)
        if moved and before.case_id in self._leaving:
            found = self._next_to(before, self._leaving)
        elif found is None and before.status not in DONE:
            self._slipped = before.case_id
        self._put(self._cases.place_of(place.rank) if found is None else found)

    def _scroll(self) -> None:
        """Keep the cursor in view with as little movement as possible."""
        last_top = max(0, len(self._cases) - self._rows)
        self._top = max(self._index - self._rows + 1, min(self._top, self._index, last_top), 0)

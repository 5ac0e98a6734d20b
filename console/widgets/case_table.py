"""The queue on the screen: only visible rows are made into text, and the cursor keeps to its case."""

from collections.abc import Container, Sequence

from textual.geometry import Region

from casework.views import CaseSummary
from console.lines import Line
from console.ordering import QueueOrder
from console.pages.rows import heading, row
from console.pages.sheet import Sheet
from console.widgets.line_pane import LinePane


class CaseTable(LinePane):
    """A list of cases under a heading. It holds no data of its own but where the cursor is."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._cases = QueueOrder()
        self._selected: CaseSummary | None = None
        self._index = 0
        self._top = 0
        self._moved_by_hand = False

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
        self, cases: QueueOrder, sheet: Sheet, notice: Sequence[Line] = (), marks: Container[str] = ()
    ) -> None:
        """Show cases in this order; the cursor stays on the case it was on, wherever that moved."""
        self._keep_cursor(cases)
        lines = [heading(sheet), *notice]
        visible = self._cases[self._top : self._top + self._rows]
        lines += [
            row(case, sheet, at_cursor=self._top + offset == self._index, marked=case.case_id in marks)
            for offset, case in enumerate(visible)
        ]
        self.paint(lines, marked=self._index - self._top + 1 if visible else None)

    def move(self, rows: int) -> None:
        """Move the cursor by some rows, as far as there are any."""
        self.move_to(self._index + rows)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row."""
        self._moved_by_hand = True
        self._put(index)

    def select(self, case_id: str) -> None:
        """Put the cursor on a case, if it is listed."""
        index = self._cases.index_of(case_id)
        if index is not None:
            self.move_to(index)

    def _put(self, index: int) -> None:
        self._index = max(0, min(index, len(self._cases) - 1))
        self._selected = self._cases[self._index] if self._cases else None
        self._scroll()

    @property
    def half_page(self) -> int:
        """How far half a page is."""
        return max(1, self._rows // 2)

    @property
    def _rows(self) -> int:
        return max(1, self.size.height - 1)

    def _keep_cursor(self, cases: QueueOrder) -> None:
        """Follow the case under the cursor; one that left the list leaves its place to the next one.

        Until the analyst first moves, the cursor stays on top, where the most urgent case is.
        """
        before = self._selected
        self._cases = cases
        if before is None or not self._moved_by_hand:
            self._put(0 if not self._moved_by_hand else self._index)
        else:
            found = cases.index_of(before.case_id)
            self._put(self._index if found is None else found)

    def _scroll(self) -> None:
        """Keep the cursor in view with as little movement as possible."""
        last_top = max(0, len(self._cases) - self._rows)
        self._top = max(self._index - self._rows + 1, min(self._top, self._index, last_top), 0)

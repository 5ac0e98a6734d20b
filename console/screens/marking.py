"""Marking cases in a list: one by one, a range that follows the cursor, all of them."""

from collections.abc import Iterable, Sequence

from casework.views import CaseSummary
from console.actions import BY_NAME, key_of
from console.format import plural
from console.marks import Marks
from console.ordering import QueueOrder
from console.pages.marked import Sight
from console.screens.work import WorkScreen
from console.widgets.case_table import CaseTable


class MarkingScreen(WorkScreen):
    """A screen with a list in which cases are marked; keys that act on a case act on the marked ones."""

    def __init__(self) -> None:
        super().__init__()
        self._marks = Marks()

    @property
    def table(self) -> CaseTable:
        """The list of cases."""
        return self.query_one(CaseTable)

    @property
    def listed(self) -> QueueOrder:
        """What the list has now."""
        raise NotImplementedError

    @property
    def cases_marked(self) -> Sequence[CaseSummary]:
        """The marked cases, each as it was when it was marked: that is what was looked at."""
        return tuple(self._marks.rows.values())

    @property
    def sight(self) -> Sight:
        """Which of the marked cases the list does not show, and where the cursor is."""
        hidden = frozenset(case_id for case_id in self._marks if self.listed.index_of(case_id) is None)
        return Sight(hidden, self.case_in_hand)

    def mark(self, rows: Iterable[CaseSummary]) -> None:
        """Put marks on, for what these rows show."""
        self._marks.add(rows)

    def unmark(self, case_ids: Iterable[str]) -> None:
        """Take marks off."""
        self._marks.remove(case_ids)

    def action_mark(self) -> None:
        """Mark the case under the cursor, or take its mark off, and go on; an open range is kept instead."""
        row = self.case_shown
        if self._marks.ranging:
            self._marks.keep_range()
        elif row is not None:
            self._marks.toggle(row)
        self._move(1)

    def action_mark_range(self) -> None:
        """Open a range at the cursor, which then takes in every row it is moved over; or end it."""
        if self._marks.ranging:
            self._marks.keep_range()
        elif (row := self.case_shown) is not None:
            self._marks.begin_range(row)
        self.console_app.repaint()

    def action_mark_all(self) -> None:
        """Mark everything that is listed, or nothing if all of it was; and say so, for many are not seen."""
        self._marks.keep_range()
        before = len(self._marks)
        self._marks.toggle_all(self.listed[:])
        off, back = (key_of(name, self.console_app.actions) for name in ("mark_all", "back"))
        if self._marks:
            self.console_app.say(f"{len(self._marks):,} marked; {back} takes all marks off, so does {off}.")
        elif before:
            self.console_app.say(f"{plural(before, 'mark')} taken off.")
        self.console_app.repaint()

    def drop_marks(self) -> None:
        """Take an open range off, or else every mark."""
        if self._marks.ranging:
            self._marks.drop_range()
        else:
            self._marks.clear()

    def on_screen_suspend(self) -> None:
        """Something is in front now; in a case the cursor follows what is read, so no range does."""
        if isinstance(self.console_app.top, WorkScreen):
            self._marks.keep_range()

    def with_case(self, what: str, words: str = "") -> None:
        if BY_NAME[what].changes and self._marks.ranging:
            self._marks.keep_range()
            self.console_app.repaint()
        super().with_case(what, words)

    def action_down(self) -> None:
        self._move(1)

    def action_up(self) -> None:
        self._move(-1)

    def action_top(self) -> None:
        self._move_to(0)

    def action_bottom(self) -> None:
        self._move_to(self.table.position[1] - 1)

    def action_half_down(self) -> None:
        self._move(self.table.half_page)

    def action_half_up(self) -> None:
        self._move(-self.table.half_page)

    def action_page_down(self) -> None:
        self._move(self.table.whole_page)

    def action_page_up(self) -> None:
        self._move(-self.table.whole_page)

    def _move(self, rows: int) -> None:
        self._move_to(self.table.position[0] - 1 + rows)

    def _move_to(self, at: int) -> None:
        """Put the cursor on a row, and let an open range reach to it."""
        self.table.move_to(at)
        if self.listed:
            self._marks.extend_range(self.listed, self.table.position[0] - 1)
        self.console_app.repaint()

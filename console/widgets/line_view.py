"""A page of lines that scrolls by key and says where it is."""

from collections.abc import Sequence

from console.finding import Words, has, with_marks
from console.lines import Line, Span, at_most
from console.widgets.line_pane import LinePane


class LineView(LinePane):
    """A window on a page; it remembers how far down it is while the page grows."""

    def __init__(self, *, id: str | None = None, classes: str | None = None, margin: bool = False) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[Line] = ()
        self._top = 0
        self._margin = margin
        """Whether there is a column at the left that points at the line that was found."""
        self._words: Words = ()
        self._found: int | None = None

    @property
    def room(self) -> int:
        return self.size.width - self._margin

    @property
    def lines(self) -> Sequence[Line]:
        """The page."""
        return self._lines

    def show(self, lines: Sequence[Line]) -> None:
        """Show a page; an end that was in view stays in view when lines are added."""
        at_end = self._top > 0 and self._top >= self._last_top
        self._lines = lines
        self._top = self._last_top if at_end else min(self._top, self._last_top)
        self._repaint()

    def tell(self, line: Line | None, rows: int) -> int:
        """Be a bar across the screen with one line, as high as it takes within so many rows.

        Without a line it is not there. Returns how high it is.
        """
        lines = at_most(rows, line, max(10, self.screen.size.width)) if line else []
        self.display = bool(lines)
        if lines:
            self.styles.height = len(lines)
        self.show(lines)
        return len(lines)

    def scroll_lines(self, count: int) -> None:
        """Scroll by lines, as far as there are any."""
        self._top = max(0, min(self._top + count, self._last_top))
        self._repaint()

    def on_resize(self) -> None:
        """More or fewer lines are in view now."""
        self.scroll_lines(0)

    @property
    def top(self) -> int:
        """The first line in view, counted from zero."""
        return self._top

    def to_line(self, line: int) -> None:
        """Scroll so that a line is the first in view, as far as the page allows."""
        self.scroll_lines(line - self._top)

    def point_at(self, words: Words, line: int | None) -> None:
        """Mark words wherever they are, and the line that was found with them; bring it into view."""
        self._words, self._found = words, line
        if line is not None and not self.in_view(line):
            self.to_line(line - self.size.height // 3)
        self._repaint()

    def in_view(self, line: int) -> bool:
        """Whether a line can be seen."""
        return self._top <= line < self._top + self.size.height

    def to_top(self) -> None:
        """Scroll to the first line."""
        self.scroll_lines(-len(self._lines))

    def to_bottom(self) -> None:
        """Scroll to the last line."""
        self.scroll_lines(len(self._lines))

    @property
    def whole_page(self) -> int:
        """How far a page is, less a line to find one's place."""
        return max(1, self.size.height - 1)

    @property
    def half_page(self) -> int:
        """How far half a page is."""
        return max(1, self.size.height // 2)

    @property
    def position(self) -> str:
        """Where the window is: all, or which lines of how many."""
        total = len(self._lines)
        if total <= self.size.height:
            return "all"
        return f"{self._top + 1}-{min(total, self._top + self.size.height)} of {total}"

    @property
    def _last_top(self) -> int:
        return max(0, len(self._lines) - self.size.height)

    def _repaint(self) -> None:
        shown = self._lines[self._top : self._top + self.size.height]
        row = self._row_found(shown)
        if self._words:
            shown = [with_marks(line, self._words) for line in shown]
        if self._margin:
            shown = [(Span(self.glyphs.cursor if at == row else " "), *line) for at, line in enumerate(shown)]
        self.paint(shown, marked=row)

    def _row_found(self, shown: Sequence[Line]) -> int | None:
        """The row of the line that was found, if it is in view and has the words still."""
        row = -1 if self._found is None else self._found - self._top
        return row if 0 <= row < len(shown) and has(shown[row], self._words) else None

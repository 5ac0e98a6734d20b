"""Panels with a page to be read: it scrolls by key, and `/` finds words in it."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from console.finding import Sought, found_in
from console.lines import Line, said
from console.screens.panels import Answer, Keys, Panel
from console.widgets.find_input import FindInput
from console.widgets.line_view import LineView

TURNING: Sequence[BindingType] = (
    Binding("ctrl+d", "half_page(1)", show=False, priority=True),
    Binding("ctrl+u", "half_page(-1)", show=False, priority=True),
    Binding("pagedown", "turn_page(1)", show=False, priority=True),
    Binding("pageup", "turn_page(-1)", show=False, priority=True),
    Binding("g,home", "to_line(False)", show=False, priority=True),
    Binding("G,end", "to_line(True)", show=False, priority=True),
    Binding("slash", "find", show=False, priority=True),
    Binding("n", "find_again(False)", show=False, priority=True),
    Binding("N", "find_again(True)", show=False, priority=True),
)
SCROLLING: Sequence[BindingType] = (
    Binding("j,down", "scroll_page(1)", show=False, priority=True),
    Binding("k,up", "scroll_page(-1)", show=False, priority=True),
    Binding("space", "turn_page(1)", show=False, priority=True),
    *TURNING,
)


class ReadingPanel(Panel[Answer]):
    """A page, and keys to go through it. While words are typed, no key answers anything."""

    AUTO_FOCUS = ""

    _sought = Sought()
    _told: Line | None = None

    def question(self) -> ComposeResult:
        yield FindInput(self.find, self.stop_finding, ("escape",))

    def question_rows(self, spare: int) -> int:
        return int(self.finding)

    @property
    def finding(self) -> bool:
        """Whether words are being typed."""
        return any(field.display for field in self.query(FindInput))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys belong to the field while it is there."""
        return not self.finding

    def keys_now(self) -> Keys:
        return (("enter", "find"), ("esc", "back to the page")) if self.finding else super().keys_now()

    def told(self) -> Sequence[Line]:
        return super().told() or ([self._told] if self._told else [])

    def hush(self) -> None:
        self._told = None
        super().hush()

    def action_find(self) -> None:
        self.query_one(FindInput).begin(" ".join(self._sought.words))
        self.hush()

    def action_find_again(self, back: bool) -> None:
        """After a find, to the next line with the words or back to the one before."""
        if self._sought.at is not None:
            self.find("", back=back)

    def find(self, text: str, *, back: bool = False) -> None:
        """Go to the next line of the page that has the words, or back to the one before."""
        page = self.query_one("#page", LineView)
        self._sought = self._sought.typed(text)
        places, at = found_in([page.lines], self._sought.words), self._sought.at
        here = at if at is not None and page.in_view(at[1]) else (0, page.top - 1)
        self._sought = self._sought.next(places, here, back=back)
        self._fill()
        self._point()
        if self._sought.words:
            told = f" {self._sought.told(places)}" + (", n and N go on" if self._sought.at else "")
            self._told = said(told, "" if self._sought.at else "warn")
        self._fill()

    def stop_finding(self) -> None:
        """Mark nothing any more. The words can still be gone on with."""
        self._sought = Sought(self._sought.words)
        self._point()
        self.hush()

    def _point(self) -> None:
        at = self._sought.at
        words = self._sought.words if at else ()
        self.query_one("#page", LineView).point_at(words, at[1] if at else None)

    def action_to_line(self, last: bool) -> None:
        """To the last line, or to the first."""
        page = self.query_one("#page", LineView)
        self.action_scroll_page(len(page.lines) if last else -len(page.lines))

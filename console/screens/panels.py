"""Panels in front of a screen: what those that ask and those that take words have in common."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region
from textual.message import Message
from textual.screen import ModalScreen

from console.codes import Codes
from console.format import UNICODE, Glyphs
from console.lines import Line, Span, Tone
from console.widgets.line_view import LineView

Page = Callable[[int], Sequence[Line]]
"""A page for a width in cells."""


def keys_line(*pairs: tuple[str, str]) -> Line:
    """A line of keys and what they do."""
    spans: list[Span] = []
    for key, what in pairs:
        spans += [Span(f" {key} ", "key"), Span(f"{what}  ", "dim")]
    return tuple(spans)


Answer = TypeVar("Answer")


class Again:
    """The answer that nothing was decided: the case went on, and one wants to be asked anew."""


AGAIN = Again()

Check = Callable[[], Page | None]
"""Says, with a page, that what the panel asks has been overtaken."""


Accept = Callable[[str], str]
"""Says why words cannot be taken as they are; nothing when they can."""


class Panel(ModalScreen[Answer], Generic[Answer]):
    """A box with a title, a page and its keys; subclasses add what they ask."""

    CSS_PATH = "../styles/panels.tcss"
    TAKES_AHEAD: ClassVar[frozenset[str] | None] = frozenset({"escape"})
    """Keys that are taken though typed before the panel was shown; None takes them all."""

    def __init__(
        self,
        title: str,
        page: Page,
        glyphs: Glyphs = UNICODE,
        tone: Tone = "heading",
        *,
        check: Check | None = None,
        codes: Codes | None = None,
    ) -> None:
        super().__init__()
        self.codes = codes
        self._title = title
        self._page = page
        self.glyphs = glyphs
        self._tone: Tone = tone
        self._check = check
        self._overtaken: Page | None = None
        self._ready = False

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="ascii" if self.glyphs.ascii_only else ""):
            yield LineView(id="title")
            yield LineView(id="page")
            yield from self.question()
            if self.codes is not None:
                yield LineView(id="code")
            yield LineView(id="keys")

    @property
    def place(self) -> Region:
        """Where on the screen the box is; everywhere until it has been drawn."""
        return self.query_one("#box").region if self._ready else self.app.screen.region

    def question(self) -> ComposeResult:
        """Widgets between the page and the keys."""
        return ()

    def on_mount(self) -> None:
        for view in self.query(LineView):
            view.glyphs = self.glyphs
        self.call_after_refresh(self._first_fill)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def step_code(self, by: int) -> None:
        """Pick the next reason code, where the panel has some."""
        if self.codes is not None:
            self.codes.step(by)
            self._fill()

    def _first_fill(self) -> None:
        """Fill the panel and tell that it can take keys now."""
        self._fill()
        self._ready = True
        self.post_message(self.Ready())

    class Ready(Message):
        """The panel is on the screen, and takes keys."""

    def recheck(self) -> bool:
        """Look whether the question has been overtaken; what changed is then shown instead of it."""
        page = self._check() if self._check else None
        if page is not None:
            self._overtaken = page
            if self._ready:
                self._fill()
        return self._overtaken is not None

    def complain(self, text: str) -> None:
        """Say something in the line of the keys."""
        self.query_one("#keys", LineView).show([(Span(f" {text}", "bad"),)])

    def _fill(self) -> None:
        title = (Span("The case went on", "bad"),) if self._overtaken else (Span(self._title, self._tone),)
        self.query_one("#title", LineView).show([title])
        page = self.query_one("#page", LineView)
        lines = list((self._overtaken or self._page)(max(10, page.size.width)))
        taken = self.taken_rows + (2 if self.codes else 0)
        page.styles.height = max(1, min(len(lines), self.app.size.height - taken))
        page.show(lines)
        if self.codes is not None:
            self.query_one("#code", LineView).show([self.codes.line()])
        self.query_one("#keys", LineView).show([self.keys_overtaken() if self._overtaken else self.keys()])

    def keys_overtaken(self) -> Line:
        """The keys once the question has been overtaken."""
        return keys_line(("a", "look again, on what stands now"), ("esc", "back, nothing happens"))

    @property
    def taken_rows(self) -> int:
        """Rows of the box that are not the page."""
        return 8

    def keys(self) -> Line:
        """The line of keys at the bottom."""
        raise NotImplementedError

    def action_scroll_page(self, rows: int) -> None:
        """Scroll the page."""
        self.query_one("#page", LineView).scroll_lines(rows)

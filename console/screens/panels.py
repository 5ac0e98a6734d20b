"""Panels in front of a screen: what those that ask and those that take words have in common."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.containers import Vertical
from textual.geometry import Region
from textual.message import Message
from textual.screen import ModalScreen

from console.codes import Codes
from console.format import UNICODE, Glyphs, clean
from console.lines import Line, Span, Tone, folded, said, width_of
from console.widgets.line_view import LineView

Page = Callable[[int], Sequence[Line]]
"""A page for a width in cells."""

Keys = Sequence[tuple[str, str]]
"""Keys, and what each does."""

HIGHEST = 0.96
"""How much of the screen's height a panel may take, as the style sheet has it."""
WENT_ON = "The case went on"
"""The title of a question that was overtaken."""
EDGES = 2
"""Rows of the frame."""


def key_lines(keys: Keys, width: int) -> list[Line]:
    """Keys and what they do, in as many lines as it takes to have each of them whole."""
    lines: list[Line] = []
    for key, what in keys:
        pair: Line = (Span(f" {key} ", "key"), Span(f"{what}  ", "dim"))
        if lines and width_of(lines[-1]) + width_of(pair) - 2 <= width:
            lines[-1] = (*lines[-1], *pair)
        else:
            lines.append(pair)
    return folded(((*line[:-1], Span(line[-1].text.rstrip(), line[-1].tone)) for line in lines), width)


Answer = TypeVar("Answer")


class Again:
    """The answer that nothing was decided: the case went on, and one wants to be asked anew."""


AGAIN = Again()

Check = Callable[[], Page | None]
"""Says, with a page, that what the panel asks has been overtaken."""


Accept = Callable[[str], str]
"""Says why words cannot be taken as they are; nothing when they can."""


class Panel(ModalScreen[Answer], Generic[Answer]):
    """A box with a title, a page and its keys; subclasses add what they ask.

    The page scrolls when it is longer than the room there is, and the panel says so above its keys.
    """

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
        went_on: str = WENT_ON,
    ) -> None:
        super().__init__()
        self._went_on = went_on
        self.codes = codes
        self.on_answer: Callable[[], None] | None = None
        """Told before the panel goes away, so that keys typed after the answer wait for what comes of it."""
        self._title = title
        self._page = page
        self.glyphs = glyphs
        self._tone: Tone = tone
        self._check = check
        self._overtaken: Page | None = None
        self._ready = False
        self._complaint = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="ascii" if self.glyphs.ascii_only else ""):
            yield LineView(id="title")
            yield LineView(id="page", margin=True)
            yield from self.question()
            if self.codes is not None:
                yield LineView(id="code")
            yield LineView(id="said")
            yield LineView(id="keys")

    @property
    def place(self) -> Region:
        """Where on the screen the box is; everywhere until it has been drawn."""
        return self.query_one("#box").region if self._ready else self.app.screen.region

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Go away with an answer."""
        if self.on_answer is not None:
            self.on_answer()
        return super().dismiss(result)

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
            self.hush()

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
        if self._ready and self._check:
            self._fill()  # the page may tell who holds the case by now
        return self._overtaken is not None

    def complain(self, text: str) -> None:
        """Say what is wrong, above the keys, until something else is typed."""
        self._complaint = clean(text)
        self._fill()

    def complain_after_keys(self, text: str) -> None:
        """Complain once the keys that are on their way to the question have arrived there."""
        (self.focused or self).call_later(self.complain, text)

    def hush(self) -> None:
        """What was complained about may be no more."""
        self._complaint = ""
        self._fill()

    def _fill(self) -> None:
        width = max(10, self.query_one("#title", LineView).size.width)
        title = Span(self._went_on, "bad") if self._overtaken else Span(clean(self._title), self._tone)
        keys = self.keys_now()
        taken = self._show("#title", folded([(title,)], width)) + 1
        taken += self._show("#keys", key_lines(keys, width))
        if self.codes is not None:
            taken += self._show("#code", self.codes.lines(width)) + 1
        lines = folded((self._overtaken or self._page)(width), width)
        self._fill_page(lines, int(self.app.size.height * HIGHEST) - EDGES - taken, width)

    def _fill_page(self, lines: Sequence[Line], rows: int, width: int) -> None:
        """Share the rows that are left among what is said, the question, and the page."""
        told = folded(self.told(), width)
        rows -= self.question_rows(rows - max(1, len(told)) - len(lines))
        cut = len(lines) > rows - max(1, len(told))
        height = max(1, min(len(lines), rows - max(1, len(told) + cut)))
        page = self.query_one("#page", LineView)
        page.styles.height = height
        page.show(lines)
        if cut:
            at = min(page.top, len(lines) - height)
            told = [*told, self._position(at, height, len(lines))]
        self._show("#said", told or [()])

    def _position(self, top: int, height: int, total: int) -> Line:
        """What part of the page is in view, and which keys show the rest."""
        keys: Line = (Span("  pgdn pgup ", "key"), Span("show the rest", "dim"))
        return (Span(f" lines {top + 1} to {top + height} of {total}", "warn"), *keys)

    def _show(self, name: str, lines: Sequence[Line]) -> int:
        """Give a view as many rows as it has lines; returns how many."""
        view = self.query_one(name, LineView)
        view.styles.height = len(lines)
        view.show(lines)
        return len(lines)

    def told(self) -> Sequence[Line]:
        """What stands above the keys: what is wrong, as long as it may be."""
        return [said(f" {self._complaint}", "bad")] if self._complaint else []

    def keys_now(self) -> Keys:
        """The keys that do something as things are."""
        return self.keys_overtaken() if self._overtaken else self.keys()

    def keys_overtaken(self) -> Keys:
        """The keys once the question has been overtaken."""
        return (("a", "look again, on what stands now"), ("esc", "back, nothing happens"))

    def question_rows(self, spare: int) -> int:
        """Rows that the question takes, where so many are left when the page has all it wants."""
        return 0

    def keys(self) -> Keys:
        """The keys, and what each does."""
        raise NotImplementedError

    def action_scroll_page(self, rows: int) -> None:
        """Scroll the page."""
        self.query_one("#page", LineView).scroll_lines(rows)
        self.hush()

    def action_turn_page(self, by: int) -> None:
        """Scroll by what is in view, less a line to find one's place."""
        self.action_scroll_page(by * self.query_one("#page", LineView).whole_page)

    def action_half_page(self, by: int) -> None:
        """Scroll by half of what is in view."""
        self.action_scroll_page(by * self.query_one("#page", LineView).half_page)

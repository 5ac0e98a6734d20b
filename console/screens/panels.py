"""Panels in front of a screen: confirm, choose, write, and read what was refused."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import TextArea

from casework.reasons import CODES, ReasonCode, Verdict
from console.format import UNICODE, Glyphs, words
from console.lines import Line, Span, Tone
from console.widgets.line_view import LineView

LONGEST_WORDS = 4000
"""Characters of feedback or a note; what the server takes."""

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


class Codes:
    """The reason codes of a verdict, of which none or one is picked by stepping through them."""

    def __init__(self, verdict: Verdict, picked: ReasonCode | None = None) -> None:
        self._codes: Sequence[ReasonCode | None] = (None, *CODES[verdict])
        self._at = self._codes.index(picked) if picked in self._codes else 0

    @property
    def picked(self) -> ReasonCode | None:
        """The code that is shown, if it is one."""
        return self._codes[self._at]

    def step(self, by: int) -> None:
        """Go on to the next code, or back."""
        self._at = (self._at + by) % len(self._codes)

    def line(self) -> Line:
        """What is picked, and how to pick another."""
        shown = Span(words(self.picked), "strong") if self.picked else Span("no reason code", "dim")
        return (
            Span(" tab ", "key"),
            Span("reason  ", "dim"),
            shown,
            Span(f"  of {len(self._codes) - 1}", "dim"),
        )


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


_SCROLL: list[BindingType] = [
    Binding("j,down", "scroll_page(1)", show=False),
    Binding("k,up", "scroll_page(-1)", show=False),
    Binding("ctrl+d,pagedown,space", "scroll_page(10)", show=False),
    Binding("ctrl+u,pageup", "scroll_page(-10)", show=False),
]


class ConfirmPanel(Panel[bool | Again]):
    """A question answered with enter or esc; nothing else answers it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "answer(True)", show=False),
        Binding("escape,q", "answer(False)", show=False),
        Binding("a", "again", show=False),
        Binding("tab", "code(1)", show=False),
        Binding("shift+tab", "code(-1)", show=False),
        *_SCROLL,
    ]

    def keys(self) -> Line:
        return keys_line(("enter", "do it"), ("esc", "back, nothing happens"))

    def action_code(self, by: int) -> None:
        self.step_code(by)

    def action_answer(self, yes: bool) -> None:
        if not (yes and self.recheck()):
            self.dismiss(yes)

    def action_again(self) -> None:
        if self._overtaken:
            self.dismiss(AGAIN)


class NoticePanel(Panel[bool]):
    """Something to be read; where it makes sense, `a` asks again on what is shown now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,escape,q", "answer(False)", show=False),
        Binding("a", "again", show=False),
        *_SCROLL,
    ]

    def __init__(
        self, title: str, page: Page, glyphs: Glyphs = UNICODE, *, again: bool = False, tone: Tone = "heading"
    ) -> None:
        super().__init__(title, page, glyphs, tone)
        self._again = again

    def keys(self) -> Line:
        again = (("a", "decide again, on this"),) if self._again else ()
        return keys_line(*again, ("esc", "back"))

    def action_answer(self, again: bool) -> None:
        self.dismiss(again)

    def action_again(self) -> None:
        if self._again:
            self.dismiss(True)


class ChoicePanel(Panel[int | Again | None]):
    """One of a few numbered choices; the page shows what the one under the cursor would do."""

    TAKES_AHEAD = frozenset({"escape", "j", "k", "up", "down", *"123456789"})

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("enter", "take", show=False),
        Binding("escape,q", "leave", show=False),
        Binding("a", "again", show=False),
        *(Binding(str(digit), f"pick({digit - 1})", show=False) for digit in range(1, 10)),
    ]

    def __init__(
        self,
        title: str,
        choices: Sequence[str],
        page: Callable[[int, int], Sequence[Line]],
        glyphs: Glyphs,
        check: Check | None = None,
    ) -> None:
        super().__init__(title, self._lines, glyphs, check=check)
        self._choices = choices
        self._about = page
        self._index = 0

    def _lines(self, width: int) -> Sequence[Line]:
        lines: list[Line] = []
        for index, choice in enumerate(self._choices):
            mark = self.glyphs.cursor if index == self._index else " "
            tone: Tone = "strong" if index == self._index else ""
            lines.append((Span(f"{mark} ", "accent"), Span(f"{index + 1} ", "key"), Span(choice, tone)))
        return [*lines, (), *self._about(self._index, width)]

    def keys(self) -> Line:
        return keys_line(("1-9 j k", "choose"), ("enter", "go on"), ("esc", "back"))

    def action_move(self, rows: int) -> None:
        self._index = (self._index + rows) % len(self._choices)
        self._fill()

    def action_pick(self, index: int) -> None:
        if index < len(self._choices):
            self._index = index
            self._fill()

    def action_take(self) -> None:
        if not self.recheck():
            self.dismiss(self._index)

    def action_again(self) -> None:
        if self._overtaken:
            self.dismiss(AGAIN)

    def action_leave(self) -> None:
        self.dismiss(None)


class WordsArea(TextArea):
    """A text area in which enter sends, ctrl-j breaks the line, esc leaves and tab picks a reason code.

    These are handled as keys and not as bindings, because a binding would overtake the letters
    typed before it: of words that come in one packet none may be lost.
    """

    def on_mount(self) -> None:
        self.cursor_blink = False  # nothing is written to the terminal while nothing happens

    async def _on_key(self, event: Key) -> None:
        panel = self.screen
        coded = isinstance(panel, WordsPanel) and panel.codes is not None
        taken = ("enter", "ctrl+j", "escape", *(("tab", "shift+tab") if coded else ()))
        if not isinstance(panel, WordsPanel) or event.key not in taken:
            return
        event.stop()
        event.prevent_default()
        match event.key:
            case "enter":
                panel.send()
            case "ctrl+j":
                self.insert("\n")
            case "tab" | "shift+tab":
                panel.step_code(1 if event.key == "tab" else -1)
            case _:
                panel.leave()


class WordsPanel(Panel[str | Again | None]):
    """A text to be written. Leaving keeps what was typed as a draft."""

    AUTO_FOCUS = "WordsArea"
    TAKES_AHEAD: ClassVar[frozenset[str] | None] = None

    def __init__(
        self,
        title: str,
        page: Page,
        glyphs: Glyphs,
        *,
        draft: str,
        keep: Callable[[str], None],
        check: Check | None = None,
        accept: Accept | None = None,
        codes: Codes | None = None,
    ) -> None:
        super().__init__(title, page, glyphs, check=check, codes=codes)
        self._draft = draft
        self._keep = keep
        self._accept = accept

    def question(self) -> ComposeResult:
        yield WordsArea(self._draft, id="words", soft_wrap=True, show_line_numbers=False, compact=True)

    @property
    def taken_rows(self) -> int:
        return 13

    def keys(self) -> Line:
        return keys_line(("enter", "send"), ("ctrl-j", "new line"), ("esc", "back, keeps the draft"))

    def keys_overtaken(self) -> Line:
        return keys_line(("enter", "look again; your words are kept, nothing is sent"), ("esc", "back"))

    def on_text_area_changed(self) -> None:
        self._keep(self._text)

    def send(self) -> None:
        """Hand the words over, if there are any and not too many."""
        text = self._text.strip()
        self._keep(self._text)
        if self._overtaken:
            self.dismiss(AGAIN)
        elif self.recheck():
            return
        elif not text:
            self.complain("Write something first: it is required.")
        elif len(text) > LONGEST_WORDS:
            self.complain(f"{len(text):,} characters; {LONGEST_WORDS:,} are allowed.")
        elif complaint := self._accept(text) if self._accept else "":
            self.complain(complaint)
        else:
            self.dismiss(text)

    def leave(self) -> None:
        """Leave without sending; what was typed stays a draft."""
        self._keep(self._text)
        self.dismiss(None)

    @property
    def _text(self) -> str:
        return self.query_one(WordsArea).text


class CountPanel(WordsPanel):
    """A confirmation by typing a number: for what should not be done by habit."""

    TAKES_AHEAD = frozenset({"escape"})

    def __init__(
        self, title: str, page: Page, glyphs: Glyphs, count: int, codes: Codes | None = None
    ) -> None:
        super().__init__(title, page, glyphs, draft="", keep=lambda text: None, codes=codes)
        self._count = str(count)

    def keys(self) -> Line:
        return keys_line((self._count, "typed, then enter: do it"), ("esc", "back, nothing happens"))

    def send(self) -> None:
        """Only the right number is a yes."""
        if self.query_one(WordsArea).text.strip() == self._count:
            self.dismiss(self._count)
        else:
            self.complain(f"Type {self._count} to decide on so many cases, or esc.")

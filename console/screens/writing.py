"""Panels that take words: feedback, reasons, notes, and a number typed as a confirmation."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import TextArea

from console.codes import Codes
from console.format import Glyphs
from console.lines import Line
from console.screens.panels import AGAIN, Accept, Again, Check, Page, Panel, keys_line

LONGEST_WORDS = 4000
"""Characters of feedback or a note; what the server takes."""


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

"""Panels that take words: feedback, reasons, notes, and a number typed as a confirmation."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import TextArea
from textual.widgets.text_area import Location

from console.codes import Codes
from console.format import Glyphs
from console.lines import Line, said
from console.screens.panels import AGAIN, WENT_ON, Accept, Again, Check, Keys, Page, Panel

LONGEST_WORDS = 4000
"""Characters of feedback or a note; what the server takes."""
ROWS = 5
FEWEST_ROWS = 2
"""Rows for words: as many as there is room for beside the page, between these."""

Hint = Callable[[str], str]
"""What is understood of the words so far; nothing while they make no sense yet. Why that will not be taken
is told behind it, while it is typed."""


class WordsArea(TextArea):
    """A text area in which enter sends, ctrl-j breaks the line, esc leaves and tab picks a reason code.

    These are handled as keys and not as bindings, because a binding would overtake the letters
    typed before it: of words that come in one packet none may be lost.
    """

    def on_mount(self) -> None:
        self.cursor_blink = False  # nothing is written to the terminal while nothing happens
        self.move_cursor(self.document.end)

    async def _on_key(self, event: Key) -> None:
        panel = self.screen
        if isinstance(panel, WordsPanel) and panel.takes(event.key):
            event.stop()
            event.prevent_default()

    def get_cursor_line_start_location(self, smart_home: bool = False) -> Location:
        """The start of the line that was written, however it is wrapped."""
        return (self.cursor_location[0], 0)

    def get_cursor_line_end_location(self) -> Location:
        """The end of the line that was written, however it is wrapped."""
        row = self.cursor_location[0]
        return (row, len(self.document[row]))


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
        hint: Hint | None = None,
        codes: Codes | None = None,
        went_on: str = WENT_ON,
    ) -> None:
        super().__init__(title, page, glyphs, check=check, codes=codes, went_on=went_on)
        self._draft = draft
        self._keep = keep
        self._accept = accept
        self._hint = hint
        self._complained_of = draft

    def question(self) -> ComposeResult:
        yield WordsArea(self._draft, id="words", soft_wrap=True, show_line_numbers=False, compact=True)

    def question_rows(self, spare: int) -> int:
        rows = max(FEWEST_ROWS, min(ROWS, spare - 1))
        self.query_one(WordsArea).styles.height = rows
        return rows + 1

    def keys(self) -> Keys:
        return (("enter", "send"), ("ctrl-j", "new line"), ("esc", "back, keeps the draft"))

    def keys_overtaken(self) -> Keys:
        return (("enter", "look again; your words are kept, nothing is sent"), ("esc", "back"))

    def told(self) -> Sequence[Line]:
        if self._complaint or self._hint is None:
            return super().told()
        understood = self._hint(self._text)
        if understood and self._accept and (refused := self._accept(self._text.strip())):
            return [said(f" {understood}. {refused}", "bad")]
        return [said(f" {understood}", "good")] if understood else []

    def on_text_area_changed(self) -> None:
        """Keep what was typed. A complaint is about the words as they were, and goes when they change."""
        self._keep(self._text)
        if self._text != self._complained_of:
            self._complained_of = self._text
            self.hush()

    def complain(self, text: str) -> None:
        self._complained_of = self._text
        super().complain(text)

    def takes(self, key: str) -> bool:
        """Act on a key that is not text; False leaves it to the text area."""
        match key:
            case "enter":
                self.send()
            case "ctrl+j":
                self.query_one(WordsArea).insert("\n")
            case "escape":
                self.leave()
            case "tab" | "shift+tab" if self.codes is not None:
                self.step_code(1 if key == "tab" else -1)
            case "pagedown" | "pageup":
                self.action_turn_page(1 if key == "pagedown" else -1)
            case _:
                return False
        return True

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
    """A confirmation by typing a number: for what should not be done by habit.

    The line takes digits only, so that every other key can be for the page.
    """

    TAKES_AHEAD = frozenset({"escape"})

    def __init__(
        self,
        title: str,
        page: Page,
        glyphs: Glyphs,
        count: int,
        *,
        check: Check | None = None,
        codes: Codes | None = None,
        went_on: str = WENT_ON,
    ) -> None:
        super().__init__(
            title,
            page,
            glyphs,
            draft="",
            keep=lambda text: None,
            check=check,
            codes=codes,
            went_on=went_on,
        )
        self._count = str(count)

    def question_rows(self, spare: int) -> int:
        self.query_one(WordsArea).styles.height = 1
        return 2

    def keys(self) -> Keys:
        count = self._count
        return (
            (f"type {count}", f"and press enter to decide on all {count}"),
            ("esc", "back, nothing happens"),
        )

    def keys_overtaken(self) -> Keys:
        return (("enter", "look again, on what stands now"), ("esc", "back, nothing happens"))

    def takes(self, key: str) -> bool:
        match key:
            case "enter" | "escape" | "tab" | "shift+tab":
                return super().takes(key)
            case "j" | "down" | "k" | "up":
                self.action_scroll_page(1 if key in ("j", "down") else -1)
            case "ctrl+d" | "ctrl+u":
                self.action_half_page(1 if key == "ctrl+d" else -1)
            case "pagedown" | "space" | "pageup":
                self.action_turn_page(-1 if key == "pageup" else 1)
            case _:
                editing = key.isdigit() or key in ("backspace", "delete", "left", "right", "home", "end")
                return not editing
        return True

    def send(self) -> None:
        """Only the right number is a yes."""
        if self._overtaken:
            self.dismiss(AGAIN)
        elif self.recheck():
            return
        elif self._text.strip() == self._count:
            self.dismiss(self._count)
        else:
            self.complain(f"Type {self._count} to decide on so many cases, or esc.")

"""The `:` line: a command is typed, tab completes it, and what could be meant stands above it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import Input

from console.commands import Candidate, CommandError, Order, Vocabulary
from console.format import Glyphs, clean
from console.lines import Line, Span, drawn, said
from console.screens.panels import Keys, Panel

MOST_SHOWN = 10


class CommandInput(Input):
    """The text field; keys that are not text are the panel's, in the order they were typed."""

    def on_mount(self) -> None:
        self.cursor_blink = False  # nothing is written to the terminal while nothing happens

    async def _on_key(self, event: Key) -> None:
        panel = self.screen
        if isinstance(panel, CommandPanel) and panel.takes(event.key, self.value):
            event.stop()
            event.prevent_default()
        else:
            await super()._on_key(event)


class CommandPanel(Panel[Order | None]):
    """Asks for a command; answers with an order that can be carried out, or with nothing."""

    AUTO_FOCUS = "CommandInput"
    TAKES_AHEAD: ClassVar[frozenset[str] | None] = None

    def __init__(self, vocabulary: Vocabulary, glyphs: Glyphs) -> None:
        super().__init__("Command", self._lines, glyphs)
        self._vocabulary = vocabulary
        self._typed = ""
        self._at: int | None = None

    def question(self) -> ComposeResult:
        yield CommandInput(id="command", placeholder="theme light, filter risk>0.7, approve", compact=True)

    def question_rows(self, spare: int) -> int:
        return 2

    def keys(self) -> Keys:
        return (("tab", "complete"), ("up down", "choose"), ("enter", "run"), ("esc", "back"))

    def takes(self, key: str, value: str) -> bool:
        """Act on a key that is not text; False leaves it to the text field."""
        match key:
            case "enter":
                self._run(value)
            case "escape":
                self.dismiss(None)
            case "tab":
                self._complete(value)
            case "down":
                self._step(1)
            case "up" | "shift+tab":
                if value.strip() or self._at is not None:  # up by habit, for the command before, is no choice
                    self._step(-1)
            case "backspace" if not value:
                self.dismiss(None)
            case _:
                return False
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        """Text was typed: show what it could become. A chosen candidate is not typed text."""
        if self._at is None or event.value != self._found[self._at].line:
            self._typed, self._at = event.value, None
        self.hush()

    @property
    def _found(self) -> Sequence[Candidate]:
        return self._vocabulary.candidates(self._typed)

    def _lines(self, width: int) -> Sequence[Line]:
        found = self._found
        first = max(0, (self._at or 0) - MOST_SHOWN + 1)
        lines: list[Line] = [
            self._line(at, found[at], width) for at in range(first, min(len(found), first + MOST_SHOWN))
        ]
        beyond = len(found) - first - len(lines)
        lines.append(said(f"  ... {beyond} more", "dim") if beyond > 0 else ())
        return lines + [()] * (MOST_SHOWN + 1 - len(lines))

    def _line(self, at: int, candidate: Candidate, width: int) -> Line:
        here = at == self._at
        mark = Span(f"{self.glyphs.cursor} " if here else "  ", "accent")
        name = Span(f"{clean(candidate.line):<18} ", "strong" if here else "key")
        line = (mark, name, Span(candidate.help, "dim"))
        return drawn(line, width, self.glyphs)  # one row each, so that the chosen one stays in view

    def _complete(self, value: str) -> None:
        """Write what is certain; where nothing more is, go through what could be meant."""
        longer = self._vocabulary.completed(value)
        if self._at is None and longer != value:
            self._write(longer)
        else:
            self._step(1)

    def _step(self, rows: int) -> None:
        found = self._found
        if found:
            here = self._at if self._at is not None else (-1 if rows > 0 else 0)
            self._at = (here + rows) % len(found)
            self._write(found[self._at].line)

    def _write(self, text: str) -> None:
        box = self.query_one(CommandInput)
        box.value = text
        box.cursor_position = len(text)

    def _run(self, value: str) -> None:
        if not value.strip():
            self.dismiss(None)
            return
        try:
            self.dismiss(self._vocabulary.parse(value))
        except CommandError as error:
            self.complain(str(error))

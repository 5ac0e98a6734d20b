"""What a page is written on: how wide it is, which glyphs it may use, and what time it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.actions import ACTIONS, Action, key_of, shown
from console.format import UNICODE, Glyphs
from console.lines import Line, Span, Tone, rule, wrap


@dataclass(frozen=True, slots=True)
class Sheet:
    """The paper of one page."""

    width: int
    now: datetime
    glyphs: Glyphs = UNICODE
    actions: Sequence[Action] = ACTIONS

    def key(self, name: str) -> str:
        """What to press for an action: its first key, or without one the command that runs it."""
        return key_of(name, self.actions)

    def key_alone(self, name: str) -> str:
        """The first key of an action as people write it; nothing where it has none."""
        keys = next(action.keys for action in self.actions if action.id == name)
        return shown(keys[0]) if keys else ""

    def view(self, at: int, name: str) -> str:
        """A saved view by its key and name; without a key, by the command that shows it."""
        key = self.key_alone(f"view_{at + 1}")
        return f"{key} {name}" if key else self.key(f"view_{at + 1}")

    def heading(self, title: str) -> Line:
        """A title with a rule to the edge."""
        return rule(title, self.width, self.glyphs.rule)

    def text(self, text: str, indent: str = "", tone: Tone = "") -> list[Line]:
        """Outside text, wrapped and indented."""
        return wrap(text, self.width, indent=indent, tone=tone)

    def narrower(self, cells: int) -> "Sheet":
        """The same paper with less width."""
        return Sheet(max(10, self.width - cells), self.now, self.glyphs, self.actions)


def hanging(lead: str, text: str, tone: Tone, sheet: Sheet, lead_tone: Tone | None = None) -> list[Line]:
    """Text with a lead on its first line and an indent as wide on the others."""
    wrapped = sheet.text(text, " " * len(lead), tone)
    first = (Span(lead, tone if lead_tone is None else lead_tone), *wrapped[0][1:])
    return [first, *wrapped[1:]]

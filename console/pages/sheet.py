"""What a page is written on: how wide it is, which glyphs it may use, and what time it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.actions import ACTIONS, Action, shown
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
        """The key of an action as people write it, the first where it has several."""
        return next(shown(action.keys[0]) for action in self.actions if action.id == name)

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

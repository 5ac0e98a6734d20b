"""Lines of toned text: what every page is made of, before anything decides on colours."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from rich.cells import cell_len, chop_cells

from console.format import UNICODE, Glyphs, ascii_only, clean, fit

Tone = Literal[
    "",
    "dim",
    "strong",
    "heading",
    "accent",
    "good",
    "warn",
    "bad",
    "risk0",
    "risk1",
    "risk2",
    "risk3",
    "key",
    "found",
]
"""What a piece of text means to the reader; palettes give it a look, words carry it without one."""


class Span(NamedTuple):
    """A run of text in one tone. The text is already clean."""

    text: str
    tone: Tone = ""


Line = tuple[Span, ...]
BLANK: Line = ()
_WORD = re.compile(r"\s*\S+\s*|\s+")


def said(text: str, tone: Tone = "") -> Line:
    """A line of our own words."""
    return (Span(text, tone),)


def outside(text: str, tone: Tone = "") -> Span:
    """A span of text that came from outside, made harmless."""
    return Span(clean(text), tone)


def wrap(text: str, width: int, *, indent: str = "", tone: Tone = "") -> list[Line]:
    """Outside text wrapped at words to `width` cells, every line indented; its line breaks are kept."""
    room = max(8, width - cell_len(indent))
    wrapped: list[Line] = []
    for paragraph in clean(text, newlines=True).split("\n"):
        wrapped += [(Span(indent), Span(part, tone)) for part in _fold(paragraph, room)]
    return wrapped


def _fold(paragraph: str, room: int) -> list[str]:
    parts: list[str] = []
    line = ""
    for word in paragraph.split(" "):
        for piece in chop_cells(word, room) if cell_len(word) > room else [word]:
            joined = f"{line} {piece}" if line else piece
            if cell_len(joined) > room:
                parts.append(line)
                line = piece
            else:
                line = joined
    return [*parts, line]


def flow(line: Line, width: int) -> list[Line]:
    """A line broken between its spans where it is wider than `width`."""
    lines: list[list[Span]] = [[]]
    used = 0
    for part in line:
        cells = cell_len(part.text)
        if used and used + len(part.text.rstrip()) > width:
            lines.append([])
            used = 0
        text = part.text if used else part.text.lstrip()
        lines[-1].append(Span(text, part.tone))
        used += cells if used else cell_len(text)
    return [tuple(one) for one in lines if plain(tuple(one)).strip()]


def folded(lines: Iterable[Line], width: int) -> list[Line]:
    """Lines broken at words where they are wider than `width`; what goes on is indented as its beginning."""
    found: list[Line] = []
    for line in lines:
        found += [line] if width_of(line) <= width else _broken(line, width)
    return found


def at_most(rows: int, line: Line, width: int) -> list[Line]:
    """A line broken at words into so many rows at most; what does not fit is left to be cut in the last."""
    found = folded([line], width)
    if len(found) <= rows:
        return found
    rest = [part for row in found[rows - 1 :] for part in (*row, Span(" ", row[-1].tone))]
    runs = groupby(rest, key=lambda part: part.tone)  # a cut within a run is marked by an ellipsis
    return [*found[: rows - 1], tuple(Span("".join(part.text for part in run), tone) for tone, run in runs)]


def _broken(line: Line, width: int) -> list[Line]:
    text = plain(line)
    indent = " " * min(len(text) - len(text.lstrip()), width // 2)
    rows: list[list[Span]] = [[Span(indent)]]
    used = fresh = len(indent)
    for word, tone in _words(line):
        for piece in chop_cells(word, width - fresh) if cell_len(word) > width - fresh else [word]:
            if used + cell_len(piece.rstrip()) > width and used > fresh:
                rows.append([Span(indent)])
                used = fresh
            kept = piece.lstrip() if used == fresh else piece  # blanks at an edge are none
            rows[-1].append(Span(kept if used + cell_len(kept) <= width else kept.rstrip(), tone))
            used += cell_len(kept)
    return [tuple(row) for row in rows]


def _words(line: Line) -> Iterable[tuple[str, Tone]]:
    """The words of a line, each with the blanks after it; those before the first are left out."""
    begun = False
    for part in line:
        for word in _WORD.findall(part.text):
            kept = word if begun else word.lstrip()
            begun = bool(kept)
            if begun:
                yield kept, part.tone


def rule(title: str, width: int, glyph: str) -> Line:
    """A heading followed by a rule to the edge."""
    rest = max(0, width - cell_len(title) - 1)
    return (Span(title + " ", "heading"), Span(glyph * rest, "dim"))


def drawn(line: Line, width: int, glyphs: Glyphs = UNICODE) -> Line:
    """A line as a terminal can show it: one row, cut to the width, in ASCII where that is asked for.

    Whatever was put into it: a line break or a control that nobody cleaned away would break the frame.
    """
    kept: list[Span] = []
    room = width
    for part in line:
        text = part.text if part.text.isprintable() else clean(part.text)
        text = ascii_only(text) if glyphs.ascii_only else text
        if room <= 0:
            break
        text = fit(text, room, glyphs) if cell_len(text) > room else text
        kept.append(Span(text, part.tone))
        room -= cell_len(text)
    return tuple(kept)


def plain(line: Line) -> str:
    """The text of a line without its tones."""
    return "".join(part.text for part in line)


def width_of(line: Sequence[Span]) -> int:
    """How many cells a line takes."""
    return sum(cell_len(part.text) for part in line)


def page_text(lines: Iterable[Line]) -> str:
    """A page as text, for pipes and tests."""
    return "\n".join(plain(line).rstrip() for line in lines)


def risk_tone(risk: float | None) -> Tone:
    """The tone of a risk, at the levels the assessment uses."""
    if risk is None:
        return "dim"
    if risk >= 0.8:
        return "risk3"
    if risk >= 0.6:
        return "risk2"
    return "risk1" if risk >= 0.4 else "risk0"

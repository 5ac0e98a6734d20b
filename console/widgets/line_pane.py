"""A widget that shows lines and repaints only the ones that changed."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Protocol, cast

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from console.format import UNICODE, Glyphs
from console.lines import Line, drawn
from console.widgets.palette import Palette


class Painted(NamedTuple):
    """One line on the screen, as it was asked for."""

    line: Line
    marked: bool


class Coloured(Protocol):
    """An app that knows how tones look."""

    palette: Palette


class LinePane(Widget):
    """Rows of toned text, painted row by row; nothing is sent for a row that did not change."""

    DEFAULT_CSS = "LinePane { height: 1fr; }"
    glyphs: Glyphs = UNICODE

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._painted: list[Painted] = []
        self._strips: dict[int, Strip] = {}

    def paint(self, lines: Sequence[Line], marked: int | None = None) -> None:
        """Show these lines from the top; `marked` is the row the cursor is on."""
        wanted = [Painted(line, row == marked) for row, line in enumerate(lines[: self.size.height])]
        changed = [
            row
            for row in range(max(len(wanted), len(self._painted)))
            if row >= len(wanted) or row >= len(self._painted) or wanted[row] != self._painted[row]
        ]
        self._painted = wanted
        for row in changed:
            self._strips.pop(row, None)
        if changed:
            self.refresh(*(Region(0, row, self.outer_size.width, 1) for row in changed))

    @property
    def room(self) -> int:
        """How wide a line can be."""
        return self.size.width

    def render_line(self, y: int) -> Strip:
        """The strip of a row, made once per change."""
        strip = self._strips.get(y)
        if strip is None or strip.cell_length != self.size.width:
            strip = self._strips[y] = self._strip(y)
        return strip

    def _strip(self, y: int) -> Strip:
        base = self.rich_style
        if y >= len(self._painted):
            return Strip.blank(self.size.width, base)
        line, marked = self._painted[y]
        palette = cast("Coloured", self.app).palette
        look = partial(palette.style, at_cursor=marked)
        visible = drawn(line, self.size.width, self.glyphs)
        strip = Strip([Segment(part.text, base + look(part.tone)) for part in visible])
        return strip.adjust_cell_length(self.size.width, base + look(""))

    def notify_style_update(self) -> None:
        """Colours changed, so every strip is made again."""
        self._strips.clear()
        super().notify_style_update()

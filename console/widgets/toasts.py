"""The corner in which toasts appear: above everything else on the screen, and part of no layout."""

from collections.abc import Sequence

from textual.geometry import Region

from console.lines import Line, width_of
from console.widgets.line_pane import LinePane, Painted


class Toasts(LinePane):
    """Lines over other widgets. It takes no key and no focus, and writes only when its lines change."""

    DEFAULT_CSS = "Toasts { layer: toasts; display: none; height: 1; width: 1; }"

    def __init__(self) -> None:
        super().__init__(id="toasts")
        self._place = Region()

    def show(self, lines: Sequence[Line], right: int, bottom: int) -> None:
        """Put lines where they end at a column and above a row; without any, leave."""
        width = width_of(lines[0]) if lines else 0
        place = Region(max(0, right - width), bottom - len(lines), min(width, right), len(lines))
        wanted = [Painted(line, marked=False) for line in lines]
        if wanted == self._painted and (place == self._place or not lines):
            return
        self._painted, self._place = wanted, place
        self._strips.clear()
        self.display = bool(lines)
        if lines:
            self.styles.width, self.styles.height = place.width, place.height
            self.styles.offset = (place.x, place.y)
            self.refresh()

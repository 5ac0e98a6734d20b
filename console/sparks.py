"""Sparklines: a row of figures as one cell each."""

from collections.abc import Sequence

from console.format import UNICODE, Glyphs

_UNICODE = "▁▂▃▄▅▆▇█"
_ASCII = "_.:-=+*#"


def sparkline(values: Sequence[float | None], glyphs: Glyphs = UNICODE) -> str:
    """A cell per value, as high as it is beside the highest; zero lies flat, what is unknown is blank."""
    levels = _ASCII if glyphs.ascii_only else _UNICODE
    highest = max((value for value in values if value is not None), default=0.0)
    return "".join(" " if value is None else levels[_level(value, highest)] for value in values)


def _level(value: float, highest: float) -> int:
    """0 only for nothing, so that a little is told from none."""
    if value <= 0 or highest <= 0:
        return 0
    return max(1, min(7, round(value / highest * 7)))

"""The last step to the terminal: of what is to be drawn, only the cells that differ from what it shows."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

Cell = tuple[str, Style | None]
"""A character and its style; the second half of a wide character is an empty one."""

BRIDGE = 8
"""Unchanged cells between two changes that are cheaper to write than to jump over."""


class Painter:
    """Knows what the terminal shows, cell by cell, and turns updates into the fewest bytes."""

    def __init__(self) -> None:
        self._rows: dict[int, list[Cell]] = {}

    def forget(self) -> None:
        """What the terminal shows is unknown; the next update is written whole."""
        self._rows.clear()

    def paint(self, update: CompositorUpdate, console: Console) -> str:
        """The bytes that bring the terminal from what it shows to what the update says."""
        colors = console._color_system or ColorSystem.TRUECOLOR
        out: list[str] = []
        look = PLAIN
        for run in _runs(update):
            look = self._paint_run(run, colors, out, look)
        if look != PLAIN:
            out.append("\x1b[0m")
        return "".join(out)

    def _paint_run(self, run: "_Run", colors: ColorSystem, out: list[str], look: "_Look") -> "_Look":
        """Paint what differs of a stretch; returns the look the terminal is left in."""
        x, y, cells = run
        row = self._rows.setdefault(y, [])
        if len(row) < x + len(cells):
            row.extend([("", None)] * (x + len(cells) - len(row)))
        for start, end in _differing(row[x : x + len(cells)], cells):
            out.append(f"\x1b[{y + 1};{x + start + 1}H")
            look = _write(cells[start:end], colors, out, look)
        row[x : x + len(cells)] = cells
        return look


class Painted(CompositorUpdate):
    """An update as the painter wrote it."""

    def __init__(self, written: str) -> None:
        self._written = written

    def render_segments(self, console: Console) -> str:
        return self._written


_Run = tuple[int, int, list[Cell]]
"""A stretch of cells: the column and row it begins at, and what is there."""


def _runs(update: CompositorUpdate) -> Iterable[_Run]:
    """The stretches of cells an update speaks of."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            yield update.region.x, y, [cell for strip in line for cell in _cells(strip)]
    elif isinstance(update, ChopsUpdate):
        for y, x1, x2 in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x < x2 and end > x1:
                    yield x, y, _cells(strip)


def _cells(strip: Strip) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, control in strip:
        if control:
            continue
        if text.isascii():
            cells += [(char, style) for char in text]
            continue
        for char in text:
            size = get_character_cell_size(char)
            if size == 0 and cells:
                at = next(i for i in range(len(cells) - 1, -1, -1) if cells[i][0] or i == 0)
                cells[at] = (cells[at][0] + char, cells[at][1])
            else:
                cells.append((char, style))
                cells += [("", style)] * (size - 1)
    return cells


def _differing(before: Sequence[Cell], after: Sequence[Cell]) -> list[tuple[int, int]]:
    """Stretches that differ, near ones joined; none begins or ends inside a wide character."""
    if before == after:
        return []
    found: list[tuple[int, int]] = []
    for at, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new or (old[0] == new[0] and _alike(old, new)):
            continue
        if found and at - found[-1][1] <= BRIDGE:
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return [_whole_characters(start, end, before, after) for start, end in found]


def _alike(old: Cell, new: Cell) -> bool:
    """Whether two cells of the same character look the same; of a blank only what a blank shows counts."""
    a, b = old[1] or _PLAIN, new[1] or _PLAIN
    if new[0] == " ":
        flags = (a.reverse, a.underline, a.strike) == (b.reverse, b.underline, b.strike)
        return flags and not a.reverse and a.bgcolor == b.bgcolor
    return a == b


_PLAIN = Style()


def _whole_characters(start: int, end: int, before: Sequence[Cell], after: Sequence[Cell]) -> tuple[int, int]:
    while start > 0 and (not after[start][0] or not before[start][0]):
        start -= 1
    while end < len(after) and (not after[end][0] or not before[end][0]):
        end += 1
    return start, end


def _write(cells: Sequence[Cell], colors: ColorSystem, out: list[str], now: "_Look") -> "_Look":
    """Cells as text, a style's codes only where it changes; returns the look at the end."""
    for text, style in cells:
        look = _look(style, colors)
        if text == " " and not look[2]:
            look = _Look(now[0] or look[0], look[1], "") if not now[2] else look
        if look != now:
            out.append(_switch(now, look))
            now = look
        out.append(text)
    return now


class _Look(tuple[str, str, str]):
    """Foreground, background and attributes as the terminal's numbers."""

    __slots__ = ()

    def __new__(cls, fore: str, back: str, attributes: str) -> "_Look":
        return super().__new__(cls, (fore, back, attributes))


PLAIN = _Look("", "", "")


def _switch(now: _Look, then: _Look) -> str:
    if now[2] != then[2] or (now[0] and not then[0]) or (now[1] and not then[1]):
        codes = ["0", *(code for code in (then[2], then[0], then[1]) if code)]
    else:
        codes = [code for old, code in zip(now[:2], then[:2], strict=True) if code != old]
    return f"\x1b[{';'.join(codes)}m"


@lru_cache(maxsize=4096)
def _look(style: Style | None, colors: ColorSystem) -> _Look:
    if style is None:
        return PLAIN
    flags = ("bold", "dim", "italic", "underline", "blink", "blink2", "reverse", "conceal", "strike")
    attributes = ";".join(str(code) for code, flag in enumerate(flags, 1) if getattr(style, flag))
    fore = ";".join(style.color.downgrade(colors).get_ansi_codes()) if style.color else ""
    back = ";".join(style.bgcolor.downgrade(colors).get_ansi_codes(False)) if style.bgcolor else ""
    return _Look(fore, back, attributes)

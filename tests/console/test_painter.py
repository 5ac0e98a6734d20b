"""The painter: whatever is drawn, the terminal shows just that, and little is written."""

import io

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from console.widgets.painter import Painter

WIDTH, HEIGHT = 20, 4
CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
STYLES = [
    Style(),
    Style(color="#ff0000"),
    Style(color="#00ff00", bgcolor="#000080"),
    Style(bold=True, bgcolor="#000080"),
    Style(reverse=True),
    Style(underline=True, color="#123456"),
]


@st.composite
def strips(draw: st.DrawFn) -> Strip:
    text = set_cell_size(draw(st.text(alphabet="ab 漢字é…", max_size=WIDTH)), WIDTH)
    cut = draw(st.integers(0, len(text)))
    first, second = draw(st.sampled_from(STYLES)), draw(st.sampled_from(STYLES))
    return Strip([Segment(text[:cut], first), Segment(text[cut:], second)])


def shown_by(screen: pyte.Screen) -> list[list[tuple[object, ...]]]:
    return [[_look(screen.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)]


def _look(cell: pyte.screens.Char) -> tuple[object, ...]:
    ink = (cell.fg, cell.bold) if cell.data.strip() or cell.underscore or cell.reverse else ()
    return (cell.data, cell.bg, cell.reverse, cell.underscore, *ink)


def drawn_whole(frame: list[Strip]) -> list[list[tuple[object, ...]]]:
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    for y, strip in enumerate(frame):
        stream.feed(f"\x1b[{y + 1};1H{strip.render(CONSOLE)}")
    return shown_by(screen)


@given(frames=st.lists(st.lists(strips(), min_size=HEIGHT, max_size=HEIGHT), min_size=1, max_size=6))
def test_the_terminal_shows_what_was_drawn_last(frames: list[list[Strip]]) -> None:
    painter, screen = Painter(), pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    for number, frame in enumerate(frames):
        if number == 0:
            update = LayoutUpdate([[strip] for strip in frame], Region(0, 0, WIDTH, HEIGHT))
        else:
            chops = [{0: strip} for strip in frame]
            spans = [(y, 0, WIDTH) for y in range(HEIGHT)]
            update = ChopsUpdate(chops, spans, [[WIDTH]] * HEIGHT)
        stream.feed(painter.paint(update, CONSOLE))
        assert shown_by(screen) == drawn_whole(frame)


def update_of(text: str, style: Style) -> LayoutUpdate:
    return LayoutUpdate([[Strip([Segment(text, style)])]], Region(0, 0, cell_len(text), 1))


@pytest.mark.parametrize("style", STYLES)
def test_what_did_not_change_is_not_written(style: Style) -> None:
    painter = Painter()
    assert painter.paint(update_of("the same line", style), CONSOLE)
    assert painter.paint(update_of("the same line", style), CONSOLE) == ""
    changed = painter.paint(update_of("the sane line", style), CONSOLE)
    assert "n" in changed and "line" not in changed


def test_after_a_resize_everything_is_written_again() -> None:
    painter = Painter()
    before = painter.paint(update_of("a line", STYLES[1]), CONSOLE)
    painter.forget()
    assert painter.paint(update_of("a line", STYLES[1]), CONSOLE) == before

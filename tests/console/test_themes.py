"""Themes: readable on every surface, changed while it runs, and never the only thing that says something."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import Record
from rich.color import Color, ColorType
from rich.style import Style
from screens import Driver, console

from casework.alert import Severity
from casework.transitions import Status
from console.lines import Line, Tone
from console.pages.rows import row
from console.pages.sheet import Sheet
from console.settings import ThemeName
from console.widgets.palette import PALETTES, Palette

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
IN_OWN_COLOURS = [palette for palette in PALETTES.values() if not palette.ansi]


def luminance(colour: Color) -> float:
    """How bright a colour is, as the accessibility guidelines measure it."""
    parts = [part / 255 for part in colour.get_truecolor()]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_there_is_a_table_for_every_theme_and_it_has_every_tone() -> None:
    assert set(PALETTES) == set(get_args(ThemeName))
    assert {frozenset(palette.tones) for palette in PALETTES.values()} == {frozenset(get_args(Tone))}


@pytest.mark.parametrize("palette", IN_OWN_COLOURS, ids=lambda palette: palette.name)
def test_every_tone_is_readable_on_every_surface_it_is_written_on(palette: Palette) -> None:
    surfaces = {name: Color.parse(palette.surfaces[name]) for name in ("base", "bar", "low", "head")}
    assert palette.cursor.bgcolor is not None
    surfaces["cursor"] = palette.cursor.bgcolor
    text = Color.parse(palette.surfaces["text"])
    weak = {
        (tone, name): round(contrast(style.color or text, surface), 2)
        for (tone, style), (name, surface) in product(palette.tones.items(), surfaces.items())
        if contrast(style.color or text, surface) < 4.5
    }
    assert weak == {}


def test_the_ansi_theme_asks_for_nothing_but_the_terminals_own_colours() -> None:
    palette = PALETTES["ansi"]
    colours = [style.color for style in palette.tones.values() if style.color]
    assert {colour.type for colour in colours} == {ColorType.STANDARD}
    assert all(colour.number is not None and 0 < colour.number < 7 for colour in colours), (
        "no black, no white"
    )
    assert palette.style("bad", at_cursor=True) == Style(bold=True, reverse=True)


def seen_without_red_or_green(colour: Color) -> tuple[float, float]:
    """A colour as lightness and yellow-blue, which is what is left where red and green look alike."""
    red, green, blue = (part / 255 for part in colour.get_truecolor())
    return luminance(colour), (red + green) / 2 - blue


def test_well_and_ill_differ_without_red_and_green_in_the_colourblind_theme() -> None:
    tones = PALETTES["colourblind"].tones
    for well, ill in (("good", "bad"), ("risk0", "risk3")):
        one, other = tones[well].color, tones[ill].color  # type: ignore[index]
        assert one is not None and other is not None
        (_, blueish), (_, yellowish) = seen_without_red_or_green(one), seen_without_red_or_green(other)
        assert yellowish - blueish > 0.5


def said_by_colour_alone(lines: Iterable[Line]) -> dict[str, set[Tone]]:
    """Texts that stand there in more than one tone, so that only the colour makes the difference."""
    tones: dict[str, set[Tone]] = defaultdict(set)
    for line in lines:
        for part in line:
            if part.text.strip():
                tones[part.text].add(part.tone)
    return {text: found for text, found in tones.items() if len(found) > 1}


async def test_in_the_queue_no_colour_says_what_the_text_does_not() -> None:
    record = Record()
    some_case = record.row(await stories.investigated(record, stories.alert(1), NOW))
    cases = [
        some_case.model_copy(
            update={"status": status, "severity": severity, "risk": risk, "deadline": deadline}
        )
        for status, severity, risk, deadline in product(
            Status,
            Severity,
            (None, 0.1, 0.45, 0.65, 0.95),
            (None, *(NOW + timedelta(minutes=minutes) for minutes in (-3, 5, 40, 300))),
        )
    ]
    assert said_by_colour_alone(row(case, Sheet(200, NOW)) for case in cases) == {}


async def colours(screen: Driver) -> set[str]:
    """Every colour on the screen."""
    strips = screen.app.screen._compositor.render_strips()
    styles = [segment.style for strip in strips for segment in strip if segment.style]
    return {str(colour.name) for style in styles for colour in (style.color, style.bgcolor) if colour}


async def test_a_theme_is_worn_from_the_start_and_changed_while_running(running: Running) -> None:
    async with console(running.settings(theme="light")) as screen:
        await screen.sees("Nothing is open", "live")
        assert "#fbfbf9" in await colours(screen)
        before = screen.text
        screen.app.wear("ansi")
        await screen.pilot.pause()
        assert not [name for name in await colours(screen) if name.startswith("#")]
        assert screen.text == before


async def test_no_color_removes_every_colour_whatever_the_theme(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(running.settings(theme="light")) as screen:
        await screen.sees("Nothing is open", "live")
        screen.app.wear("dark")
        await screen.pilot.pause()
        assert await colours(screen) == {"default"}

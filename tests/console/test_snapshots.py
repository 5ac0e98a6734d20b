"""Every screen looks as it is stored, at three sizes and in two themes."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from screens import Driver
from snapshot import FOLDER, Row, compare, drawing
from stilldesk import NOW, StillApi, furnished

from console.app import ConsoleApp
from console.screens.queue import PREVIEW_FROM, QueueScreen
from console.screens.work import WorkScreen
from console.settings import ConsoleSettings, ThemeName

SIZES = ((80, 24), (120, 36), (200, 50))
THEMES: Sequence[ThemeName] = ("dark", "ansi")

SCENES: Sequence[tuple[str, Sequence[str], Sequence[str]]] = (
    ("queue", (), ("1/11", "live")),
    ("queue-marked", ("space", "space"), ("2 marked",)),
    ("queue-filter", ("escape", "slash", *"type:sim"), ("/type:sim",)),
    ("help", ("escape", "g", "question_mark"), ("scroll",)),
    ("command-line", ("escape", "colon", *"the"), ("theme",)),
    ("health", ("escape", "H"), ("DEGRADED",)),
    ("case-assessment", ("escape", "enter"), ("why this risk",)),
    ("case-findings", ("2",), ("rests on SecurityLogs",)),
    ("case-tools", ("3",), ("x shows them",)),
    ("case-timeline", ("4",), ("waits for a decision",)),
    ("case-customer", ("5",), ("has no other case",)),
    ("case-alert", ("6",), ("what triggered it",)),
    ("decide", ("1", "a"), ("Approve: ", "do it")),
    ("choose", ("escape", "A"), ("Approve which action?", "go on")),
    ("reject", ("escape", "r", *"why Lagos"), ("Reject with feedback", "send")),
    ("escalate", ("ctrl+u", "escape", "e"), ("Escalate to the senior queue", "send")),
    ("defer", ("escape", "d"), ("Defer until when?", "send")),
    ("tags", ("escape", "t"), ("Tags: none", "send")),
)
"""A walk through the console: what a screen is called, the keys that lead there, and what it then says."""


@pytest.fixture(autouse=True)
def the_same_for_everybody() -> Iterator[None]:
    """Times of day are shown in the analyst's zone, and colours where they are wanted."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", "UTC")
        environment.delenv("NO_COLOR", raising=False)
        time.tzset()
        yield
    time.tzset()


def rows_of(app: ConsoleApp) -> list[Row]:
    """What the terminal would be sent, row by row."""
    filters = app.get_line_filters()
    rows: list[Row] = []
    for strip in app.screen._compositor.render_strips():
        for one in filters:
            strip = strip.apply_filter(one, app.screen.background_colors[1])  # noqa: PLW2901
        rows.append(list(strip))
    return rows


async def settled(screen: Driver) -> list[Row]:
    """The screen, once it no longer changes."""
    await screen.pilot.pause()
    before, now = None, rows_of(screen.app)
    while before != now:
        screen.app.repaint()
        await screen.pilot.pause(0.02)
        before, now = now, rows_of(screen.app)
    return now


async def drawn(screen: Driver) -> str:
    """The screen in every theme."""
    rows: dict[str, list[Row]] = {}
    for theme in reversed(THEMES):
        screen.app.wear(theme)
        rows[theme] = await settled(screen)
    return drawing({theme: rows[theme] for theme in THEMES})


def preview_is_read(app: ConsoleApp) -> bool:
    """Whether the case under the cursor is read, where the queue shows a preview of it."""
    work = next(screen for screen in reversed(app.screen_stack) if isinstance(screen, WorkScreen))
    if not isinstance(work, QueueScreen) or app.size.width < PREVIEW_FROM or work.case_in_hand is None:
        return True
    opened = app.state.opened
    return opened is not None and opened.case_id == work.case_in_hand and opened.detail is not None


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_looks_as_it_is_stored(size: tuple[int, int], tmp_path: Path) -> None:
    settings = ConsoleSettings(server="http://127.0.0.1:9", operator="ana", state_dir=tmp_path)
    app = ConsoleApp(settings, StillApi(await furnished()), now=lambda: NOW)  # type: ignore[arg-type]
    differences: list[str] = []
    async with app.run_test(size=size) as pilot:
        screen = Driver(app, pilot)
        await screen.sees("live", "sim swap")
        for name, keys, words in SCENES:
            await screen.press(*keys)
            await screen.sees(*words)
            await screen.until(lambda: preview_is_read(app))
            differences.append(compare(f"{size[0]}x{size[1]}/{name}", await drawn(screen)))
    found = "\n".join(filter(None, differences))
    assert not found, f"{found}\n(make snapshots stores what is seen)"


async def test_a_terminal_that_is_too_small_looks_as_it_is_stored(tmp_path: Path) -> None:
    settings = ConsoleSettings(server="http://127.0.0.1:9", operator="ana", state_dir=tmp_path)
    app = ConsoleApp(settings, StillApi(await furnished()), now=lambda: NOW)  # type: ignore[arg-type]
    async with app.run_test(size=(50, 10)) as pilot:
        screen = Driver(app, pilot)
        await screen.until(lambda: type(app.screen).__name__ == "TooSmall")
        difference = compare("50x10/too-small", await drawn(screen))
    assert not difference, difference


def test_nothing_is_stored_that_is_no_longer_drawn() -> None:
    known = {f"{width}x{height}/{name}" for width, height in SIZES for name, _, _ in SCENES}
    stored = {str(file.relative_to(FOLDER).with_suffix("")) for file in FOLDER.rglob("*.txt")}
    toasts = {f"{width}x{height}/toasts-{where}" for width, height in SIZES for where in ("queue", "case")}
    assert stored == known | toasts | {"50x10/too-small"}

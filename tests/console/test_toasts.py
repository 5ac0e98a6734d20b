"""Toasts lie where there is room, name the case, the reason and the key, and go by themselves."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from fakedesk import stories
from fakedesk.app import person
from rich.console import Console
from screens import Driver
from snapshot import compare
from stilldesk import NOW, StillApi, StillRecord
from test_snapshots import SIZES, drawn, preview_is_read, the_same_for_everybody
from textual._compositor import CompositorUpdate

from casework import commands
from casework.policy import Terms
from console import news as n
from console.app import ConsoleApp
from console.format import ASCII
from console.lines import drawn as as_drawn
from console.lines import plain, width_of
from console.pages.sheet import Sheet
from console.pages.toasts import toast_lines
from console.settings import ConsoleSettings
from console.toasts import IN_VIEW, LONGEST_STEP, Alarm, Tray
from console.widgets.case_table import CaseTable
from console.widgets.painter import Painter
from console.widgets.toasts import Toasts

__all__ = ["the_same_for_everybody"]

SHEET = Sheet(80, NOW)
ALARMS = [Alarm(f"fraud-ALERT-00{number}", "bob withdrew your decision") for number in range(1, 6)]


def texts(alarms: Sequence[Alarm], rows: int, sheet: Sheet = SHEET, *, keys: bool = True) -> list[str]:
    return [plain(line).strip() for line in toast_lines(alarms, sheet, rows, keys=keys)]


def test_a_toast_names_the_case_the_reason_and_the_keys() -> None:
    assert texts(ALARMS[:1], 4) == ["│ ! fraud-ALERT-001  bob withdrew your decision  ! opens  X hides"]


def test_at_most_three_stand_there_and_a_number_says_how_many_more() -> None:
    shown = texts(ALARMS, 4)
    assert [line[4:19] for line in shown[:3]] == [alarm.case_id for alarm in ALARMS[:3]]
    assert shown[3:] == ["│   and 2 more"]


@pytest.mark.parametrize(("rows", "lines"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)])
def test_they_never_take_more_rows_than_there_are_and_always_say_what_is_missing(
    rows: int, lines: int
) -> None:
    shown = texts(ALARMS, rows)
    assert len(shown) == lines
    assert not rows or "more" in shown[-1]


def test_keys_are_named_only_while_they_work() -> None:
    assert "opens" not in "".join(texts(ALARMS, 4, keys=False))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_case_and_its_key_stay_where_there_is_little_room(width: int) -> None:
    alarm = Alarm("fraud-ALERT-20260102-477f08", "escalated while you held it: the decision deadline passed")
    (line,) = toast_lines([alarm], Sheet(width, NOW), 4)
    assert width_of(line) <= width
    assert alarm.case_id in plain(line)
    assert "! opens" in plain(line)


def test_text_from_outside_stays_text_and_ascii_stays_ascii() -> None:
    hostile = Alarm("fraud-\x1b[31m\u202eX", f"{stories.HOSTILE} [bold]é withdrew")
    (line,) = toast_lines([hostile], Sheet(80, NOW, ASCII), 1)
    shown = plain(as_drawn(line, 80, ASCII))
    assert shown.isascii()
    assert shown.isprintable()


def test_a_toast_goes_after_half_a_minute_in_view_and_can_still_be_opened() -> None:
    tray, at = Tray(), NOW
    tray.add(ALARMS[0])
    tray.pass_time(at, in_view=True)
    for _ in range(int(IN_VIEW.total_seconds())):
        assert tray.alarms
        at += timedelta(seconds=1)
        tray.pass_time(at, in_view=True)
    assert not tray.alarms
    assert tray.take() == ALARMS[0]
    assert tray.take() is None


def test_time_in_which_nobody_could_see_it_does_not_count() -> None:
    tray = Tray()
    tray.add(ALARMS[0])
    tray.pass_time(NOW, in_view=True)
    tray.pass_time(NOW + timedelta(hours=8), in_view=True)
    assert tray.alarms, f"a laptop that slept counts as {LONGEST_STEP}"
    for second in range(100):
        tray.pass_time(NOW + timedelta(hours=8, seconds=second), in_view=False)
    assert tray.alarms


def test_the_same_words_about_the_same_case_stand_there_once() -> None:
    tray = Tray()
    for alarm in (ALARMS[0], ALARMS[1], ALARMS[0]):
        tray.add(alarm)
    assert tray.alarms == (ALARMS[0], ALARMS[1])


def test_what_was_put_away_is_not_opened_any_more() -> None:
    tray = Tray()
    tray.add(ALARMS[0])
    assert tray.put_away()
    assert not tray.put_away()
    assert tray.take() is None


async def pressing(count: int, record: StillRecord | None = None) -> StillRecord:
    """Cases that wait, the first of them mine, with ten minutes and a bit left each."""
    record = record or StillRecord()
    for number in range(1, 31):
        terms = Terms(decision_deadline_seconds=600 + number if number <= count else 7200)
        case_id = await stories.investigated(record, stories.alert(number), NOW, terms)
        if number <= count:
            await record.append(case_id, commands.claim(record.load(case_id), person("ana"), NOW, 900))
    return record


@asynccontextmanager
async def called_out(
    tmp_path: Path, count: int, size: tuple[int, int] = (80, 24), **changes: object
) -> AsyncIterator[Driver]:
    """A console on which so many cases have been called out."""
    settings = ConsoleSettings(server="http://127.0.0.1:9", operator="ana", state_dir=tmp_path, **changes)  # type: ignore[arg-type]
    app = ConsoleApp(settings, StillApi(await pressing(count)), now=lambda: NOW)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        screen = Driver(app, pilot)
        await screen.sees("live", "yours, and only 10 minutes left")
        yield screen


def toasts(screen: Driver) -> Toasts:
    return screen.app.screen_stack[-1].query_one(Toasts)


async def test_toasts_move_nothing_and_take_no_focus(tmp_path: Path) -> None:
    async with called_out(tmp_path, 1) as screen:
        table = screen.app.screen.query_one(CaseTable)
        before = table.region
        assert screen.app.focused is None
        assert not toasts(screen).can_focus
        await screen.press("X")
        await screen.until(lambda: not toasts(screen).display)
        assert table.region == before


async def test_the_case_under_the_cursor_is_never_covered(tmp_path: Path) -> None:
    async with called_out(tmp_path, 5) as screen:
        await screen.sees("and 2 more")
        await screen.until(lambda: toasts(screen).region.height == 4)
        table = screen.app.screen.query_one(CaseTable)
        for _ in range(30):
            await screen.press("j")
            await screen.until(lambda: not toasts(screen).region.overlaps(table.cursor_row))
        await screen.until(lambda: toasts(screen).region.height == 1)
        await screen.sees("and 4 more")


async def test_a_panel_that_is_being_answered_is_never_covered(tmp_path: Path) -> None:
    async with called_out(tmp_path, 5) as screen:
        below = screen.app.screen.query_one(Toasts)
        for keys, words in ((("a",), "do it"), (("escape", "r"), "send"), (("escape", "colon"), "complete")):
            await screen.press(*keys)
            await screen.sees(words)
            box = screen.app.screen.query_one("#box")
            screen.app.repaint()
            await screen.until(lambda box=box: not below.display or not below.region.overlaps(box.region))


async def test_the_key_opens_the_case_called_out_last_and_then_the_one_before(tmp_path: Path) -> None:
    async with called_out(tmp_path, 2) as screen:
        first, second = screen.app.calling_out.alarms
        assert first.case_id == "fraud-ALERT-001", "of several at once, the most urgent is on top"
        await screen.press("exclamation_mark")
        await screen.until(lambda: getattr(screen.app.screen, "case_in_hand", "") == first.case_id)
        await screen.sees(second.case_id)
        await screen.press("exclamation_mark")
        await screen.until(lambda: getattr(screen.app.screen, "case_in_hand", "") == second.case_id)
        await screen.press("exclamation_mark")
        await screen.sees("Nothing was called out")


async def test_a_warning_goes_when_the_case_needs_no_decision_any_more(tmp_path: Path) -> None:
    record = await pressing(1)
    settings = ConsoleSettings(server="http://127.0.0.1:9", operator="ana", state_dir=tmp_path)
    app = ConsoleApp(settings, StillApi(record), now=lambda: NOW)  # type: ignore[arg-type]
    async with app.run_test(size=(80, 24)) as pilot:
        screen = Driver(app, pilot)
        await screen.sees("yours, and only")
        (alarm,) = app.calling_out.alarms
        case = record.load(alarm.case_id)
        await record.append(alarm.case_id, commands.release(case, person("ana"), NOW))
        app.tell(n.CaseAnswered(record.row(alarm.case_id)))
        await screen.until(lambda: not app.calling_out.alarms)


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def size(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    yield request.param


async def test_toasts_look_as_they_are_stored(size: tuple[int, int], tmp_path: Path) -> None:
    folder = f"{size[0]}x{size[1]}"
    async with called_out(tmp_path, 5, size) as screen:
        await screen.until(lambda: preview_is_read(screen.app))
        differences = [compare(f"{folder}/toasts-queue", await drawn(screen))]
        await screen.press("exclamation_mark")
        await screen.sees("why this risk")
        differences.append(compare(f"{folder}/toasts-case", await drawn(screen)))
    found = "\n".join(filter(None, differences))
    assert not found, f"{found}\n(make snapshots stores what is seen)"


async def test_a_toast_that_comes_and_goes_writes_only_its_own_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    paint = Painter.paint

    def noted(painter: Painter, update: CompositorUpdate, terminal: Console) -> str:
        written.append(paint(painter, update, terminal))
        return written[-1]

    async with called_out(tmp_path, 1) as screen:
        monkeypatch.setattr(Painter, "paint", noted)
        await screen.pilot.pause()
        written.clear()
        screen.app.repaint()
        await screen.pilot.pause()
        assert not "".join(written), "a toast that stays costs nothing"
        row = toasts(screen).region.y + 1
        await screen.press("X")
        await screen.until(lambda: written and not toasts(screen).display)
        await screen.pilot.pause()
        sent = "".join(written)
        assert {int(found) for found in re.findall(r"\x1b\[(\d+);\d+H", sent)} == {row}
        assert len(sent) < 400

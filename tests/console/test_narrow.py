"""The smallest terminal, 60 by 20: what is said is read whole, and the list stays where it is."""

from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import Driver, console, text_of

from console.actions import ACTIONS
from console.format import ASCII
from console.lines import Span, at_most, page_text, plain
from console.pages.sheet import Sheet
from console.pages.status import Counts, status_line
from console.state import ConsoleState
from console.widgets.line_view import LineView

SMALLEST = (60, 20)
LONG = "fraud-ALERT-001 was claimed for you meanwhile: 2 mine has it, c gives it back, or leave it as it is."


def rows_of(screen: Driver, name: str) -> list[str]:
    pane = screen.app.screen.query_one(name, LineView)
    return ["".join(s.text for s in pane.render_line(y)).rstrip() for y in range(pane.size.height)]


async def test_a_long_message_takes_the_row_of_the_telemetry_and_gives_it_back(running: Running) -> None:
    for number in range(1, 25):
        await stories.investigated(running.record, stories.alert(number), now())
    async with console(running.settings(), SMALLEST) as screen:
        await screen.sees("1/24", "telemetry")
        table = screen.app.screen.query_one("#table")
        before = table.region
        screen.app.say(LONG)
        await screen.until(lambda: len(rows_of(screen, "#footer")) == 2)
        assert " ".join(row.strip() for row in rows_of(screen, "#footer")) == LONG
        assert table.region == before and "telemetry" not in text_of(screen.app)
        await screen.press("j")
        await screen.sees("telemetry", "enter open")
        assert (table.region, len(rows_of(screen, "#footer"))) == (before, 1)


async def test_a_message_without_end_takes_three_rows_and_says_that_it_goes_on(running: Running) -> None:
    await stories.investigated(running.record, stories.alert(1), now())
    async with console(running.settings(ascii=True), SMALLEST) as screen:
        await screen.sees("1/1")
        await screen.press("enter")
        await screen.sees("[1 assess]")
        screen.app.say("word " * 100)
        await screen.until(lambda: len(rows_of(screen, "#footer")) == 3)
        assert rows_of(screen, "#footer")[-1].endswith(ASCII.ellipsis)
        await screen.press("j")
        await screen.until(lambda: len(rows_of(screen, "#footer")) == 1)


async def test_a_complaint_about_a_filter_is_read_whole(running: Running) -> None:
    await stories.investigated(running.record, stories.alert(1), now())
    async with console(running.settings(), SMALLEST) as screen:
        await screen.sees("1/1")
        await screen.press("slash", *"nonsense:x")
        await screen.sees("nonsense: no such field")
        said = " ".join(row.strip() for row in rows_of(screen, "#footer"))
        assert said.startswith("nonsense: no such field") and not said.endswith("\N{HORIZONTAL ELLIPSIS}")


def test_a_line_is_broken_into_no_more_rows_than_there_are_and_keeps_its_indent_and_tones() -> None:
    line = (Span(" one two", "warn"), Span(" three four five six", "bad"))
    assert page_text(at_most(2, line, 40)) == " one two three four five six"
    assert page_text(at_most(9, line, 10)).splitlines() == [" one two", " three", " four five", " six"]
    first, rest = at_most(2, line, 10)
    assert plain(first).rstrip() == " one two" and plain(rest).split() == ["three", "four", "five", "six"]
    assert first[1].tone == "warn" and {span.tone for span in rest if span.text.strip()} == {"bad"}


def test_counts_that_do_not_fit_into_the_top_line_are_left_out_whole_those_at_the_right_first() -> None:
    counts = Counts(waiting=1234, mine=12, held=7, working=100)
    text = plain(status_line(ConsoleState(), counts, Sheet(60, now(), ASCII, ACTIONS), due=12))
    assert len(text) <= 60 and text.endswith("waiting 1234  mine 12")

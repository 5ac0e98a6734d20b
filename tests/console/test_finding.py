"""Finding words in what is shown: `/` in a case and in a panel, where nothing typed is ever a command."""

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from fakedesk.stories import case
from screens import Driver, console

from casework.transitions import Status
from console.finding import Sought, before, following, found_in, has, with_marks, words_in
from console.lines import Line, Span, plain, said
from console.screens.case import CaseScreen
from console.screens.help import HelpPanel
from console.screens.questions import ConfirmPanel
from console.widgets.find_input import FindInput
from console.widgets.line_pane import LinePane

PAGES = [
    [said("Risk 0.7"), said("nothing"), said("a risky thing, high")],
    [said("none")],
    [(Span("high "), Span("RISK", "bad"))],
]


def test_a_line_is_found_by_all_the_words_in_any_case() -> None:
    assert found_in(PAGES, words_in("risk")) == [(0, 0), (0, 2), (2, 0)]
    assert found_in(PAGES, words_in(" HIGH  risk ")) == [(0, 2), (2, 0)]
    assert found_in(PAGES, words_in("0.7")) == [(0, 0)]
    assert not found_in(PAGES, words_in("0x7")) and not found_in(PAGES, ())
    assert not has(said("anything"), ())


def test_after_the_last_line_comes_the_first_again() -> None:
    places = found_in(PAGES, ("risk",))
    assert [following(places, here) for here in ((0, -1), (0, 0), (1, 0), (2, 0))] == [0, 1, 2, 0]


def test_the_words_are_marked_across_pieces_and_the_text_stays() -> None:
    line: Line = (Span("Very hi"), Span("gh risk", "bad"))
    marked = with_marks(line, ("HIGH", "is"))
    assert plain(marked) == plain(line)
    assert [part.text for part in marked if part.tone == "found"] == ["hi", "gh", "is"]
    assert [part.tone for part in marked if part.text == " r"] == ["bad"]
    assert with_marks(line, ()) == line


def test_nothing_typed_goes_on_with_the_last_words_and_others_begin_anew() -> None:
    places = found_in(PAGES, ("risk",))
    first = Sought().typed("risk").next(places, (0, -1))
    assert first.told(places, ", section x") == "risk: 1 of 3, section x"
    second = first.typed("").next(places, (0, 0))
    assert second.at == (0, 2)
    assert second.typed("none") == Sought(("none",))
    assert Sought(("zebra",)).next([], (0, 0)).told([]) == "zebra: no line has this."


def test_one_goes_back_as_well_as_on() -> None:
    places = found_in(PAGES, ("risk",))
    assert [before(places, here) for here in ((0, 0), (0, 2), (1, 0), (2, 5))] == [2, 0, 1, 2]
    assert Sought(("risk",)).next(places, (2, 0), back=True).at == (0, 2)


async def furnish(running: Running) -> None:
    await stories.investigated(running.record, stories.alert(1), now())


def pointed_at(screen: Driver) -> list[str]:
    """The lines of the page that the mark in the margin points at."""
    page = screen.app.screen.query_one("#page", LinePane)
    rows = ["".join(s.text for s in page.render_line(y)) for y in range(page.size.height)]
    return [row[1:].strip() for row in rows if row[:1] == page.glyphs.cursor]


async def test_words_typed_after_a_slash_in_a_case_are_found_and_decide_nothing(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("enter")
        await screen.sees("why this risk")
        await screen.press("slash")
        await screen.sees("enter find the next line", "esc back to the case")
        await screen.press(*"risk", "enter")
        await screen.sees("risk: 1 of ", "section assessment")
        assert isinstance(screen.app.screen, CaseScreen)
        (line,) = pointed_at(screen)
        assert "risk" in line.lower()
        assert running.record.load(case(1)).status is Status.AWAITING_REVIEW
        assert not screen.app.state.drafts and not screen.app.state.pending


async def test_the_search_goes_on_through_the_sections_and_around(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("enter")
        await screen.sees("why this risk")
        await screen.press("slash", *"anonymiser", "enter")
        await screen.sees("anonymiser: 1 of ")
        total = int(screen.text.partition("anonymiser: 1 of ")[2].split(",")[0])
        sections = set()
        for _ in range(total):
            sections.add(screen.text.partition(", section ")[2].split()[0])
            assert "anonymiser" in pointed_at(screen)[0].lower()
            await screen.press("slash", "enter")
        await screen.sees("anonymiser: 1 of ")
        assert len(sections) > 1


async def test_escape_leaves_the_field_and_takes_the_marks_off_and_the_case_stays(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("enter")
        await screen.sees("why this risk")
        await screen.press("slash", *"risk", "enter")
        await screen.sees("risk: 1 of ")
        await screen.press("slash", *"half a", "escape")
        await screen.until(lambda: not pointed_at(screen))
        assert (
            isinstance(screen.app.screen, CaseScreen) and not screen.app.screen.query_one(FindInput).display
        )
        await screen.press("slash", "backspace", "slash", *"zebra", "enter")
        await screen.sees("zebra: no line has this.")
        await screen.press("escape")
        await screen.sees("1/1", "enter open")


async def test_after_a_find_the_keys_for_next_go_on_and_take_no_case_until_it_is_ended(
    running: Running,
) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("enter")
        await screen.sees("why this risk", case(1))
        await screen.press("slash", *"anonymiser", "enter")
        await screen.sees("anonymiser: 1 of ")
        first = pointed_at(screen)
        await screen.press("n")
        await screen.sees("anonymiser: 2 of ")
        await screen.press("N")
        await screen.sees("anonymiser: 1 of ")
        assert pointed_at(screen) == first
        await screen.press("x")
        await screen.sees("/anonymiser: n N esc")
        assert not any(running.record.load(case(number)).claim for number in (1, 2))
        await screen.press("escape")
        await screen.until(lambda: not pointed_at(screen))
        assert isinstance(screen.app.screen, CaseScreen)
        await screen.press("n")
        await screen.until(lambda: running.record.load(case(1)).claim is not None)


async def test_after_words_that_are_nowhere_the_key_for_next_says_so_again(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("enter")
        await screen.sees("why this risk", case(1))
        await screen.press("slash", *"zebra", "enter")
        await screen.sees("zebra: no line has this.")
        await screen.press("n")
        await screen.sees("zebra: no line has this.")
        assert not any(running.record.load(case(number)).claim for number in (1, 2))
        await screen.press("escape")
        await screen.sees("1/2", "enter open")


async def test_a_decision_ends_a_find_so_that_the_next_case_is_next(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("enter")
        await screen.sees("why this risk", case(1))
        await screen.press("slash", *"anonymiser", "enter")
        await screen.sees("anonymiser: 1 of ")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.sees(f"Recorded: {case(1)}")
        await screen.press("n")
        await screen.sees("why this risk", case(2))


async def test_what_only_the_rows_have_is_said(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("enter")
        await screen.sees("why this risk")
        await screen.press("slash", *"SecurityLogs/41 event_type", "enter")
        await screen.sees("SecurityLogs/41 event_type: no line has this. x shows more, and there it is.")
        await screen.press("x", "slash", "enter")
        await screen.sees("SecurityLogs/41 event_type: 1 of ", "section assessment")
        assert "SecurityLogs/41" in pointed_at(screen)[0]


@pytest.mark.parametrize("burst", [True, False])
async def test_help_is_searched_like_a_case(running: Running, burst: bool) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("question_mark")
        if not burst:
            await screen.sees("/ find", "esc back")
        await screen.press("slash", *"reject", "enter")
        await screen.sees("reject: 1 of ")
        assert "reject" in pointed_at(screen)[0]
        await screen.press("slash", "enter")
        await screen.sees("reject: 2 of ")
        assert isinstance(screen.app.screen, HelpPanel)
        await screen.press("g", "G", "home", "end")
        await screen.sees("lines ")
        await screen.press("escape")
        await screen.sees("enter open")


async def test_words_looked_for_in_a_question_do_not_answer_it(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("slash", *"quit account", "enter")
        await screen.sees("quit account: no line has this.", "enter do it")
        await screen.press("slash", *"account", "escape")
        assert isinstance(screen.app.screen, ConfirmPanel)
        assert running.record.load(case(1)).status is Status.AWAITING_REVIEW


async def test_while_a_filter_is_typed_the_bottom_line_says_what_ends_it(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/1", "enter open")
        await screen.press("slash")
        seen = await screen.sees("enter keep the filter", "esc clear it")
        assert "approve" not in seen.splitlines()[-1] and "open" not in seen.splitlines()[-1]
        await screen.press(*"sim", "enter")
        await screen.sees("/sim")
        assert "keep the filter" not in screen.text

"""Panels: what they ask is whole at every size; what is typed or picked is seen before it is sent."""

from datetime import timedelta

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import Driver, console

from casework.alert import Severity
from casework.events import DecisionSubmitted
from casework.policy import Terms
from casework.reasons import ReasonCode, Verdict
from console.codes import Codes
from console.lines import Line, page_text, plain, width_of
from console.pages.help import help_page
from console.pages.sheet import Sheet
from console.pages.tabs import tabs
from console.screens.case import SECTIONS as CASE_SECTIONS
from console.screens.panels import key_lines
from console.screens.writing import WordsArea

SLOW = Terms(hold_seconds=600)
SMALLEST = (60, 20)


async def furnish(running: Running, count: int) -> None:
    for number in range(1, count + 1):
        at = now() - timedelta(minutes=200 - number)
        await stories.investigated(running.record, stories.alert(number), at, SLOW)


def decided(running: Running) -> int:
    events = [event for events in running.record.events.values() for event in events]
    return sum(isinstance(event.body, DecisionSubmitted) for event in events)


def caret(screen: Driver) -> tuple[int, int]:
    return screen.app.screen.query_one(WordsArea).cursor_location


@pytest.mark.parametrize("size", [(80, 24), SMALLEST])
async def test_every_marked_case_can_be_read_before_all_are_decided(
    running: Running, size: tuple[int, int]
) -> None:
    await furnish(running, 23)
    async with console(running.settings(), size) as screen:
        await screen.sees("1/23")
        await screen.press("asterisk", "a")
        seen = await screen.sees(
            "Approve: 23 cases?", "lines 1 to", "type 23 and press enter to decide on all 23"
        )
        assert "fraud-ALERT-023" not in seen
        for _ in range(9):
            seen += screen.text
            await screen.press("pagedown")
        seen += await screen.sees("23 of 23", "fraud-ALERT-023")
        assert all(f"{number} of 23  " in seen for number in range(1, 24))
        assert screen.app.screen.query_one(WordsArea).text == ""
        await screen.press("ctrl+u", "k", "x", "2", "3")
        assert screen.app.screen.query_one(WordsArea).text == "23"
        assert not decided(running)
        await screen.press("enter")
        await screen.sees("Recorded: 23, refused: 0")


async def test_a_group_says_what_it_does_how_it_is_undone_and_when(running: Running) -> None:
    await furnish(running, 3)
    async with console(running.settings(), (120, 36)) as screen:
        await screen.sees("1/3")
        await screen.press("asterisk", "a")
        seen = await screen.sees("3 x lock account  (recommended)", "locks the accounts of 3 customers")
        assert "undo    unlock account" in seen
        assert "after a hold of 10m; until then u withdraws" in seen
        assert "against the recommendation" not in seen


async def test_overriding_many_recommendations_is_said_before_and_in_the_list(running: Running) -> None:
    await furnish(running, 3)
    async with console(running.settings(), (120, 36)) as screen:
        await screen.sees("1/3")
        await screen.press("asterisk", "A")
        await screen.sees("lock account  (recommended)")
        await screen.press("4")
        await screen.sees("touches nothing; the cases end as cleared", "3 of 3 against the recommendation")
        await screen.press("enter")
        seen = await screen.sees("3 x clear", "3 of 3 against the recommendation")
        assert seen.count("recommended lock account") == 3


async def test_many_cases_warn_of_roles_seconds_and_others_at_work(running: Running) -> None:
    for number, changes in enumerate(({"severity": Severity.CRITICAL, "amount": 9000}, {}), 1):
        await stories.investigated(running.record, stories.alert(number, **changes), now(), SLOW)
    async with console(running.settings("viewer-vic"), (120, 36)) as screen:
        await screen.sees("1/2")
        await screen.press("asterisk", "a")
        await screen.sees("1 case will need a second person", "2 cases need a role that you do not have")
        await screen.press("escape", "escape", "space", "a")
        await screen.sees("Approve: 1 case?", "1 case needs a role that you do not have")


async def test_a_draft_is_taken_up_at_its_end_and_leaving_says_that_it_is_kept(running: Running) -> None:
    await furnish(running, 1)
    words = "a feedback that is longer than one row of the panel is wide, so that it wraps somewhere"
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await screen.press(*words, "escape")
        await screen.sees("the draft is kept")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        assert caret(screen) == (0, len(words))
        for key in ("home", "ctrl+a"):
            await screen.press(key)
            assert caret(screen) == (0, 0)
            await screen.press("ctrl+e" if key == "home" else "end")
            assert caret(screen) == (0, len(words))
        await screen.press("ctrl+u")
        assert screen.app.screen.query_one(WordsArea).text == ""


async def test_leaving_without_words_says_nothing_of_a_draft(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await screen.press("escape")
        await screen.sees("enter open")
        assert "draft" not in screen.text


async def test_a_complaint_leaves_the_keys_alone_and_goes_when_the_words_change(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await screen.press("enter")
        await screen.sees("Write something first", "enter send", "ctrl-j new line", "esc back")
        await screen.press("x")
        await screen.until(lambda: "Write something first" not in screen.text)


@pytest.mark.parametrize("size", [(80, 24), SMALLEST])
async def test_all_reason_codes_are_listed_and_the_picked_one_is_marked(
    running: Running, size: tuple[int, int]
) -> None:
    await furnish(running, 1)
    async with console(running.settings(), size) as screen:
        await screen.sees("1/1")
        await screen.press("a")
        await screen.sees(
            "[none]", "confirmed by customer", "conclusive evidence", "known pattern", "precaution"
        )
        await screen.press("tab", "tab")
        await screen.sees("[conclusive evidence]", " none ")
        await screen.press("shift+tab")
        await screen.sees("[confirmed by customer]")
        await screen.press("right")
        await screen.sees("[conclusive evidence]")
        await screen.press("enter")
        await screen.sees("Recorded:")
    (made,) = [
        e.body.decision
        for e in running.record.events["fraud-ALERT-001"]
        if isinstance(e.body, DecisionSubmitted)
    ]
    assert made.reason_code is ReasonCode.CONCLUSIVE_EVIDENCE


async def test_one_override_is_said_as_well(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("A")
        await screen.sees("(recommended)")
        assert "Against the recommendation" not in screen.text
        await screen.press("4")
        await screen.sees("Against the recommendation, which is to lock account.")


async def test_both_says_what_both_is(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("A")
        await screen.sees("lock account and refund charges")
        await screen.press("3", "enter")
        await screen.sees("Approve: lock account and refund charges?")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("a", ("enter do it", "esc back, nothing happens", "Approve: lock account?")),
        ("A", ("enter go on", "esc back")),
        (
            "r",
            (
                "ctrl-j new line",
                "esc back, keeps the draft",
                "What is wrong, or missing?",
                "begin again at once",
            ),
        ),
        ("e", ("esc back, keeps the draft", "a senior decides from here on", "Why?", "cannot be taken back")),
        ("d", ("esc back, keeps the draft", "2026-03-02T14:30")),
        ("t", ("esc back, keeps the draft", "takes it off")),
        ("m", ("esc back, keeps the draft", "for ever")),
    ],
)
async def test_in_the_smallest_terminal_questions_and_keys_are_whole(
    running: Running, key: str, words: tuple[str, ...]
) -> None:
    await furnish(running, 1)
    async with console(running.settings(), SMALLEST) as screen:
        await screen.sees("1/1")
        await screen.press(key)
        await screen.sees(words[0])
        seen = [screen.text]
        for _ in range(4):
            await screen.press("pagedown")
            seen.append(screen.text)
        joined = " ".join(" ".join(seen).split())
        assert all(word in joined for word in words)
        assert "…" not in joined


@pytest.mark.parametrize("width", [30, 53, 72])
def test_keys_are_whole_at_every_width(width: int) -> None:
    keys = (("enter", "look again; your words are kept, nothing is sent"), ("esc", "back, keeps the draft"))
    lines = key_lines(keys, width)
    assert all(width_of(line) <= width for line in lines)
    assert "esc back, keeps the draft" in page_text(lines)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_codes_take_two_rows_at_most_where_panels_are_narrowest(verdict: Verdict) -> None:
    lines: list[Line] = Codes(verdict).lines(53)
    assert len(lines) <= 2 + (verdict is Verdict.ESCALATE)
    assert all(width_of(line) <= 53 for line in lines)
    assert "[none]" in plain(lines[0])


async def test_a_deferral_takes_its_reason_from_the_next_line_and_says_until_when(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("d")
        await screen.sees("Defer until when?")
        await screen.press(*"2hx", "ctrl+j", *"why", "enter")
        await screen.sees("2hx is no time", "enter send")
        await screen.press("escape", "d")
        await screen.sees("Defer until when?")
        await screen.press("up", "end", "backspace")
        await screen.sees("until ", f"{now().astimezone():%Z}", "in 2h00")
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001 deferred until ")
    deferral = running.record.cases["fraud-ALERT-001"].deferral
    assert deferral is not None and deferral.reason == "why"


async def test_a_complaint_that_quotes_a_line_break_stays_in_its_line(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("t")
        await screen.sees("Tags: none")
        screen.app.screen.complain("two\nlines \x1b[2J\u202e")
        await screen.sees("two lines [2J")


async def test_ctrl_p_opens_our_own_commands_and_nothing_over_a_panel(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("ctrl+p")
        assert type(screen.app.screen).__name__ == "ConfirmPanel"
        await screen.press("escape", "slash", "ctrl+p")
        await screen.sees("Command", "enter run")
        await screen.press("escape")
        assert len(screen.app.screen_stack) == 2


SECTIONS = tuple((str(at), name, 22) for at, name in enumerate(CASE_SECTIONS, 1))


@pytest.mark.parametrize("width", [30, 58, 60, 80, 120])
@pytest.mark.parametrize("at", range(6))
def test_the_tabs_of_a_case_show_every_key_at_every_width(width: int, at: int) -> None:
    line = tabs(SECTIONS, at, width)
    assert width_of(line) <= width
    assert all(f"{key}" in plain(line) for key in "123456")
    assert f"[{at + 1} " in plain(line)


def test_help_is_wrapped_where_it_is_narrow() -> None:
    sheet = Sheet(53, now())
    lines = help_page("queue", sheet)
    assert all(width_of(line) <= 53 for line in lines)
    assert "reject with feedback: the agents look again" in " ".join(page_text(lines).split())


async def test_commands_take_a_row_each_in_the_smallest_terminal(running: Running) -> None:
    async with console(running.settings(), SMALLEST) as screen:
        await screen.sees("live")
        await screen.press("colon")
        await screen.sees("alarm", "copy ", "more", "esc back")
        assert "show the rest" not in screen.text

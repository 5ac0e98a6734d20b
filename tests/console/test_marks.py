"""Saved views, marks and bulk decisions, and copying: what one does with many cases."""

import base64
import re

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from fakedesk.stories import case
from held import approve, decided_by
from hypothesis import given
from hypothesis import strategies as st
from screens import Driver, console

from casework.alert import Severity
from casework.decision import Stage
from casework.events import DecisionSubmitted
from casework.reasons import ReasonCode
from casework.transitions import Status
from console import clipboard
from console.screens.writing import WordsArea


def marked(screen: Driver) -> list[str]:
    queue = screen.app.queue
    return sorted(row.case_id for row in queue.cases_marked) if queue else []


def decided(running: Running) -> list[str]:
    return [
        case_id
        for case_id, events in running.record.events.items()
        for event in events
        if isinstance(event.body, DecisionSubmitted)
    ]


async def test_marked_cases_are_decided_in_one_request(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4", "[1 desk 4]")
        await screen.press("space", "space", "j", "space")
        await screen.sees("3 marked")
        await screen.press("a")
        await screen.sees("Approve: 3 cases?", "lock account", "fraud-ALERT-001", "fraud-ALERT-004")
        assert not decided(running)
        await screen.press("enter")
        await screen.sees("Recorded: 3, refused: 0")
        await screen.until(lambda: not screen.app.screen.cases_marked)
    assert decided(running) == ["fraud-ALERT-001", "fraud-ALERT-002", "fraud-ALERT-004"]


async def test_a_marked_case_that_went_on_unheard_is_refused_by_itself_and_its_mark_goes(
    running: Running,
) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("asterisk")
        await screen.sees("3 marked")
        running.desk.mute = True
        known = running.record.load("fraud-ALERT-002")
        assert known.review is not None
        moved_on = {
            "attempt": 2,
            "review": known.review.model_copy(update={"attempt": 2, "assessment_hash": "0" * 64}),
        }
        running.record.cases["fraud-ALERT-002"] = known.model_copy(update=moved_on)
        await screen.press("A")
        await screen.sees("for 3 marked cases?")
        await screen.press("4", "enter")
        await screen.sees("Approve: 3 cases?", "clear")
        await screen.press("enter")
        await screen.sees("What was refused", "2 recorded, 1 refused", "fraud-ALERT-002")
        assert "it is awaiting review now, attempt 2 meanwhile" in screen.text
        await screen.press("escape")
        await screen.until(lambda: not screen.app.screen.cases_marked)
        assert "Recorded: 2, refused: 1. u takes back what is held. Unmarked: 1, went on." in screen.text


async def test_many_cases_need_their_number_typed(running: Running) -> None:
    await stories.queue(running.record, 22)
    async with console(running.settings()) as screen:
        await screen.sees("1/22")
        await screen.press("v", "G", "v")
        await screen.sees("22 marked")
        await screen.press("r")
        await screen.sees("22 marked cases get the same feedback")
        await screen.press(*"look again", "enter")
        await screen.sees("Reject: 22 cases?", "type 22 and press enter to decide on all 22")
        await screen.press("enter")
        await screen.sees("Type 22 to decide")
        assert not decided(running)
        await screen.press("2", "2", "enter")
        await screen.sees("Recorded: 22, refused: 0")
    assert len(decided(running)) == 22


async def test_marked_cases_are_escalated_for_one_reason_and_code(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("asterisk", "e")
        await screen.sees("Escalate the marked cases", "3 marked cases get the same reason", "[none]")
        await screen.press("tab", *"too big for me", "enter")
        await screen.sees("Escalate: 3 cases?", "reason: beyond authority", "why: too big for me")
        assert "second person" not in screen.text
        await screen.press("enter")
        await screen.sees("Recorded: 3, refused: 0")
        await screen.until(lambda: not screen.app.screen.cases_marked)
    made = [
        event.body.decision
        for events in running.record.events.values()
        for event in events
        if isinstance(event.body, DecisionSubmitted)
    ]
    assert [(one.escalate, one.feedback, one.reason_code) for one in made] == [
        (True, "too big for me", ReasonCode.BEYOND_AUTHORITY)
    ] * 3


async def test_marked_cases_are_approved_with_one_reason_code(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("asterisk", "a")
        await screen.sees("Approve: 2 cases?", "[none]")
        await screen.press("tab", "enter")
        await screen.sees("Recorded: 2, refused: 0")
    made = [
        event.body.decision.reason_code
        for events in running.record.events.values()
        for event in events
        if isinstance(event.body, DecisionSubmitted)
    ]
    assert made == [ReasonCode.CONFIRMED_BY_CUSTOMER] * 2


async def test_marked_cases_are_tagged_and_then_deferred_together(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("space", "space", "t")
        await screen.sees("Tag the marked cases", "2 marked cases")
        await screen.press(*"mule-ring", "enter")
        await screen.sees("Recorded: 2, refused: 0")
        assert len(screen.app.screen.cases_marked) == 2
        await screen.press("d")
        await screen.sees("Defer the marked cases", "2 marked cases until the same time")
        await screen.press(*"soon", "enter")
        await screen.sees("A time")
        await screen.press(*(["backspace"] * 4), *"2h waiting for the bank", "enter")
        await screen.sees("Defer: 2 cases?", "until ", "why: waiting for the bank", "2 cases deferred")
        assert "would be refused" not in screen.text
        assert running.record.cases["fraud-ALERT-001"].deferral is None
        await screen.press("enter")
        await screen.until(lambda: not screen.app.screen.cases_marked)
    cases = [running.record.cases[f"fraud-ALERT-00{number}"] for number in (1, 2, 3)]
    assert [case.tags for case in cases] == [("mule-ring",), ("mule-ring",), ()]
    assert [bool(case.deferral) for case in cases] == [True, True, False]
    assert cases[0].deferral and cases[0].deferral.reason == "waiting for the bank"


async def test_of_marked_cases_those_due_before_the_time_are_not_deferred(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("asterisk", "d")
        await screen.sees("The first is to be decided before")
        await screen.press(*"30d", "enter")
        await screen.sees("Defer: 2 cases?", "2 cases would be refused", "fraud-ALERT-001  due ")
        await screen.press("enter")
        await screen.sees("What was refused", "0 recorded, 2 refused")
        assert len(screen.app.screen_stack[-2].cases_marked) == 2


async def test_the_views_are_numbered_and_counted(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("[1 desk 3]", "3 decide 3")
        await screen.press("c")
        await screen.sees("2 mine 1")
        await screen.press("2")
        await screen.sees("[2 mine 1]", "1/1")
        await screen.press("9")
        await screen.sees("The view closed shows no case now")
        await screen.press("slash", *"status:held 3", "enter")
        await screen.sees("[9 closed 0]", "No case matches")
        await screen.press("escape", "1")
        await screen.sees("1/3")


async def test_the_filter_takes_digits_and_stars_as_text(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("slash", *"alert-002")
        await screen.sees("1/1", "[1 desk")
        assert not screen.app.screen.cases_marked


async def test_a_field_and_a_command_are_copied_and_shown(running: Running) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("y")
        await screen.sees("Copy which field?", "fraud-ALERT-001")
        await screen.press("2", "enter")
        await screen.sees("Copied: 201")
        await screen.press("Y")
        await screen.sees("Copied: fraud-console show fraud-ALERT-001 --server")


@given(text=st.text(min_size=1, max_size=300), inside_tmux=st.booleans())
def test_what_is_copied_is_what_was_meant(text: str, inside_tmux: bool) -> None:
    written = clipboard.sequence(text, inside_tmux=inside_tmux)
    found = re.findall(r"\x1b+\]52;c;([A-Za-z0-9+/=]*)\x07", written)
    assert [base64.b64decode(one).decode() for one in found] == [text] * (2 if inside_tmux else 1)
    assert written.endswith("\x1b\\") is inside_tmux


def test_too_much_is_not_copied_by_halves() -> None:
    with pytest.raises(ValueError, match="too many"):
        clipboard.sequence("x" * 7000, inside_tmux=False)


async def test_a_decided_case_leaves_no_mark(running: Running) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("space", "space")
        assert not screen.app.screen.cases_marked
        await screen.press("9", "space", "asterisk", "v", "a")
        await screen.sees("There is no case")
    assert running.record.load("fraud-ALERT-001").status is Status.AWAITING_REVIEW


async def test_a_marked_case_that_does_not_wait_for_it_is_left_out_and_unmarked(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("a")
        await screen.sees("Approve: lock account?", "enter")
        await screen.press("enter")
        await screen.sees("held 1")
        await screen.press("8", "asterisk")
        await screen.sees("3 marked")
        await screen.press("a")
        await screen.sees("Approve: 2 cases?", "1 marked case not waiting for that, left out")
        await screen.press("enter")
        await screen.sees("Recorded: 2, refused: 0. Left out and unmarked: 1, not waiting for that.")
        assert not screen.app.screen.cases_marked


async def test_a_range_follows_the_cursor_and_says_so_until_a_key_ends_it(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("j", "v")
        await screen.sees("range of 1, v ends it")
        await screen.press("j", "j")
        await screen.sees("4/5 range of 3, v ends it")
        assert marked(screen) == [case(2), case(3), case(4)]
        assert [line[1] for line in screen.text.splitlines()[3:8]] == [*" ***", " "]
        await screen.press("k")
        await screen.sees("3/5 range of 2, v ends it")
        await screen.press("v")
        await screen.sees("3/5 2 marked")
        await screen.press("j", "j")
        assert marked(screen) == [case(2), case(3)]


async def test_esc_takes_a_range_off_and_leaves_the_other_marks(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("space", "j", "v", "G")
        await screen.sees("4 marked, range of 3, v ends it")
        await screen.press("escape")
        await screen.sees("5/5 1 marked")
        await screen.press("escape")
        assert not marked(screen)


async def test_a_decision_is_about_the_range_and_the_other_marks(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("space", "j", "v", "j", "j", "a")
        await screen.sees("Approve: 4 cases?")
        await screen.press("escape")
        await screen.sees("4 marked")
        assert "range" not in screen.text
        await screen.press("k", "k")
        assert marked(screen) == [case(1), case(3), case(4), case(5)]


async def test_space_in_a_range_keeps_it_and_goes_on(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("v", "j", "space")
        await screen.sees("3/4 2 marked")
        assert marked(screen) == [case(1), case(2)]


async def test_another_view_and_a_case_in_front_end_a_range_and_keep_its_marks(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("v", "j", "9")
        await screen.sees("2 marked, 2 not listed")
        await screen.press("1", "v", "j")
        await screen.sees("3 marked, range of 2")
        await screen.press("enter")
        await screen.sees("why this risk")
        await screen.press("J")
        await screen.sees(case(4))
        await screen.press("escape")
        await screen.sees("3 marked")
        assert "range" not in screen.text
        await screen.press("n")
        await screen.sees("why this risk", case(1))
        await screen.press("escape")
        await screen.sees("3 marked")


async def test_marking_all_says_how_many_and_how_to_take_them_off(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("asterisk")
        await screen.sees("4 marked; esc takes all marks off, so does *.")
        await screen.press("asterisk")
        await screen.sees("4 marks taken off.")
        assert not marked(screen)


async def test_marks_that_are_not_listed_are_named_before_anything_is_decided(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("space", "slash", *"alert-003", "enter")
        await screen.sees("1/1 1 marked, 1 not listed")
        await screen.press("a")
        await screen.sees(
            "Approve: 1 marked case, not listed here?",
            f"1 marked case, not listed here: {case(1)}",
            f"not the case under the cursor, {case(3)}",
        )
        await screen.press("escape", "space", "r")
        await screen.sees("Reject the marked cases", f"2 marked cases, 1 not listed here: {case(1)}")
        assert "under the cursor" not in screen.text
        await screen.press("escape")
        await screen.press("A")
        await screen.sees("for 2 marked cases?", f"2 marked cases, 1 not listed here: {case(1)}")


async def test_several_that_are_listed_are_named_without_a_word_about_the_cursor(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("space", "space", "a")
        await screen.sees("Approve: 2 cases?", case(1), case(2))
        assert "under the cursor" not in screen.text


async def test_a_mark_whose_case_went_on_is_taken_off_at_the_next_decision(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("space", "space")
        await decided_by(running, 1, person("bob"))
        await screen.sees("2 marked, 1 went on")
        await screen.press("r")
        await screen.sees("1 marked case went on, its mark is off:", f"{case(1)}  bob approved lock account")
        assert marked(screen) == [case(2)]
        await screen.press("escape")
        await decided_by(running, 2, person("bob"))
        await screen.sees("1 marked, 1 went on")
        await screen.press("a")
        await screen.sees(f"{case(2)} went on since you marked it (bob approved lock account)")
        assert not marked(screen)
        await screen.press("a")
        await screen.sees("Approve: lock account?", case(3))


@pytest.mark.parametrize("count", [3, 22])
async def test_a_case_that_goes_on_while_its_panel_is_open_is_not_decided(
    running: Running, count: int
) -> None:
    await stories.queue(running.record, count)
    async with console(running.settings()) as screen:
        await screen.sees(f"1/{count}")
        await screen.press("asterisk", "a")
        await screen.sees(f"Approve: {count} cases?")
        await decided_by(running, 2, person("bob"))
        await screen.sees("Not all cases are as they were", f"{case(2)}  bob approved lock account")
        await screen.press("enter" if count > 20 else "a")
        await screen.sees(f"Approve: {count - 1} cases?", "1 marked case went on, its mark is off:")
        assert len(decided(running)) == 1
        await screen.press(*(str(count - 1) if count > 20 else ""), "enter")
        await screen.sees(f"Recorded: {count - 1}, refused: 0")
        assert not marked(screen)


async def test_many_of_which_some_are_unusual_say_so_case_by_case(running: Running) -> None:
    await stories.queue(running.record, 2)
    at = now()
    await stories.investigated(running.record, stories.alert(3, severity=Severity.CRITICAL, amount=9000), at)
    known = running.record.load(case(1))
    assert known.review is not None
    again = {"attempt": 2, "review": known.review.model_copy(update={"attempt": 2, "stage": Stage.SENIOR})}
    running.record.cases[case(1)] = known.model_copy(update=again)
    async with console(running.settings(), (120, 36)) as screen:
        await screen.sees("1/3")
        await screen.press("asterisk", "a")
        seen = await screen.sees("Approve: 3 cases?")
        lines = {number: line for line in seen.splitlines() for number in (1, 2, 3) if case(number) in line}
        assert lines[1].rstrip().endswith("attempt 2  senior")
        assert lines[3].rstrip().endswith("four-eyes")
        assert "attempt" not in lines[2]


async def test_a_marked_case_that_is_decided_on_its_own_is_marked_no_more(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("space", "space", "g", "enter")
        await screen.sees("why this risk")
        await approve(screen)
        assert marked(screen) == [case(2)]


async def test_one_customer_has_one_account(running: Running) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("space", "a")
        await screen.sees("locks the account of 1 customer")


async def test_what_decides_nothing_names_marks_that_are_out_of_sight_too(running: Running) -> None:
    await stories.queue(running.record, 3)
    hidden = f"1 marked case, not listed here: {case(1)}"
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("space", "slash", *"alert-003", "enter")
        await screen.sees("1 marked, 1 not listed")
        for key, title in (("t", "Tag the marked"), ("m", "Note on the marked"), ("d", "Defer the marked")):
            await screen.press(key)
            await screen.sees(title, hidden, f"not the case under the cursor, {case(3)}")
            await screen.press("escape")
        await screen.press("c")
        await screen.sees(f"Claimed: 1, refused: 0. {hidden}.")


async def test_an_open_range_is_said_in_the_smallest_terminal_too(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings(), (60, 20)) as screen:
        await screen.sees("1/4")
        await screen.press("space", "j", "v", "j")
        await screen.sees("4/4 3 marked, range of 2, v ends it")


async def test_words_for_some_marked_cases_are_not_offered_for_others(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("space", "space", "r")
        await screen.sees("Reject the marked cases")
        await screen.press(*"check travel", "escape")
        await screen.sees("the draft is kept")
        await screen.press("space", "r")
        await screen.sees("Reject the marked cases", "3 marked cases get the same feedback")
        assert screen.app.screen.query_one(WordsArea).text == ""
        await screen.press("escape", "k", "space", "r")
        await screen.sees("Reject the marked cases", "2 marked cases get the same feedback")
        assert screen.app.screen.query_one(WordsArea).text == "check travel"


async def test_very_many_are_claimed_only_after_a_question(running: Running) -> None:
    await stories.queue(running.record, 21)
    async with console(running.settings()) as screen:
        await screen.sees("1/21")
        await screen.press("asterisk", "c")
        await screen.sees("Claim 21 cases?", "Nobody else can take them")
        await screen.press("escape")
        assert not any(running.record.load(case(number)).claim for number in range(1, 22))
        await screen.press("c")
        await screen.sees("Claim 21 cases?")
        await screen.press("enter")
        await screen.sees("Claimed: 21")

"""Where the cursor is after something was done: on the next case, and never thrown to the end."""

from datetime import timedelta

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from fakedesk.stories import SLOW, case
from screens import Driver, console
from textual.events import Key

from casework import commands
from casework.action import Action
from casework.decision import DecisionRequest
from casework.policy import Terms
from console import asking, saying
from console.screens.queue import QueueScreen
from console.widgets.case_table import CaseTable

DECIDED = "decision_submitted"


async def put_off(running: Running, number: int) -> None:
    """Somebody else puts a case off, so that it leaves the desk."""
    until = now() + timedelta(hours=1)
    await running.record.append(
        case(number), commands.defer(running.record.load(case(number)), person("bob"), now(), until)
    )


async def approved_by_bob(running: Running, number: int) -> None:
    """Somebody else decides on a case."""
    theirs = running.record.load(case(number))
    assert theirs.assessment_hash is not None
    request = DecisionRequest(
        attempt=1, assessment_hash=theirs.assessment_hash, approved=True, action=Action.CLEAR
    )
    await running.record.append(case(number), commands.submit_decision(theirs, request, person("bob"), now()))


def cursor(screen: Driver) -> str | None:
    """The case under the list's cursor, wherever the list is."""
    queue = next(one for one in screen.app.screen_stack if isinstance(one, QueueScreen))
    selected = queue.query_one(CaseTable).selected
    return selected.case_id if selected else None


async def test_after_an_approval_the_cursor_is_on_the_case_below(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("j", "j", "a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.sees("held")
        await screen.until(lambda: cursor(screen) == case(4))
        await screen.press("a")
        await screen.sees("Approve: lock account?", "customer 204")
        await screen.press("enter")
        await screen.until(lambda: cursor(screen) == case(5))
        await screen.press("a")
        await screen.sees("Approve: lock account?", "customer 205")
        await screen.press("enter")
        await screen.until(lambda: cursor(screen) == case(2))


async def test_the_rule_holds_where_the_cursor_was_never_moved(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.until(lambda: cursor(screen) == case(2))
        earlier = now() - timedelta(minutes=300)
        await stories.investigated(running.record, stories.alert(9), earlier, SLOW)
        await screen.sees("[1 desk 4]", "209")
        assert cursor(screen) == case(2), "another case, more urgent, takes no cursor along"


@pytest.mark.parametrize(
    ("key", "asked", "answer"),
    [
        ("r", "Reject with feedback", "look again"),
        ("e", "Escalate to the senior queue", "too big"),
        ("d", "Defer until when?", "1h"),
    ],
)
async def test_other_ways_to_be_done_with_a_case_go_on_as_well(
    running: Running, key: str, asked: str, answer: str
) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("j", key)
        await screen.sees(asked)
        await screen.press(*answer, "enter")
        await screen.until(lambda: cursor(screen) == case(3))


async def test_marked_cases_leave_the_cursor_on_the_next_one_that_was_not_marked(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("j", "space", "space", "k", "a")
        await screen.sees("Approve: 2 cases?")
        await screen.press("enter")
        await screen.sees("Recorded: 2")
        await screen.until(lambda: cursor(screen) == case(4))


async def test_a_case_that_somebody_else_moves_keeps_the_cursor(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("j")
        await put_off(running, 1)
        await screen.sees("1/4")
        assert cursor(screen) == case(2)
        await put_off(running, 2)
        await screen.sees("1/3")
        assert cursor(screen) == case(3), "one that is gone leaves it to the case that took its place"


async def test_a_case_that_a_colleague_ends_leaves_the_cursor_on_the_one_that_was_below_it(
    running: Running,
) -> None:
    for number in range(1, 6):
        at = now() - timedelta(minutes=200 - number)
        hold = 0 if number == 2 else 600
        await stories.investigated(running.record, stories.alert(number), at, Terms(hold_seconds=hold))
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("j")
        await approved_by_bob(running, 2)
        await screen.sees("5/5")
        assert cursor(screen) == case(2), "decided it has no deadline any more, and the cursor goes along"
        running.desk.drive(case(2))
        await screen.sees("2/4")
        assert cursor(screen) == case(3), "it does not stay at the end of the queue, where that case ended"


async def test_what_was_decided_on_its_page_leaves_the_list_at_the_next_case(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("j", "enter")
        await screen.sees("why this risk")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.sees("Recorded: ", "held")
        await screen.press("q")
        await screen.sees("[1 desk 5]")
        assert cursor(screen) == case(3)


async def test_the_list_comes_back_at_the_case_that_was_handed_out(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("G", "n")
        await screen.sees("why this risk", case(1))
        await screen.press("escape")
        await screen.sees("[1 desk 5]")
        assert cursor(screen) == case(1)
        await screen.press("colon", *"open 004", "enter")
        await screen.sees("why this risk", case(4))
        await screen.press("q")
        await screen.sees("[1 desk 5]")
        assert cursor(screen) == case(4)


async def test_a_decision_that_is_refused_leaves_the_cursor_where_it_is(running: Running) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("j", "a")
        await screen.sees("Approve: lock account?")
        running.desk.mute = True
        await approved_by_bob(running, 2)
        await screen.press("enter")
        await screen.sees("was not recorded")
        await screen.press("escape")
        assert cursor(screen) == case(2)


async def burst(screen: Driver, *keys: str) -> None:
    """Keys in one write, as a fast typist's over a slow line: each before anything came of the one before."""
    for key in keys:
        await screen.app.on_event(Key(key, key if len(key) == 1 else None))


async def test_next_typed_right_after_enter_comes_once_the_decision_is_recorded(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("n")
        await screen.sees("why this risk", case(1))
        running.desk.delay_seconds = 0.2
        await screen.press("a")
        await screen.sees("Approve: lock account?", "enter")
        await burst(screen, "enter", "n", "a", "enter")
        await screen.sees("Approve: lock account?", "customer 202", "were not taken")
    assert running.record.load(case(1)).decision is not None
    assert running.record.load(case(2)).decision is None, "nobody has seen that case yet"


async def test_after_words_as_well(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("n")
        await screen.sees("why this risk", case(1))
        running.desk.delay_seconds = 0.2
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await burst(screen, *"look", "enter", "n", "4")
        await screen.sees(case(2), "[4 timeline")
    (fed,) = [e.body.decision.feedback for e in running.record.events[case(1)] if e.body.type == DECIDED]
    assert fed == "look"


async def test_a_field_may_be_copied_before_its_panel_is_seen(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stories.queue(running.record, 2)
    copied: list[str] = []
    async with console(running.settings()) as screen:
        monkeypatch.setattr(screen.app, "copy", copied.append)
        await screen.sees("1/2")
        await burst(screen, "y", "enter", "j")
        await screen.sees("2/2")
        assert copied == [case(1)]


async def test_an_enter_that_ends_nothing_takes_no_letter_away(running: Running) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await burst(screen, "enter", *"words")
        await screen.until(lambda: screen.app.screen.query_one("#words").text == "words")


async def test_keys_after_esc_are_commands(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("a")
        await screen.sees("Approve: lock account?", "enter")
        await burst(screen, "escape", "j", "j")
        await screen.sees("3/3")


async def test_keys_do_not_wait_long_for_a_server_that_is_away(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LONGEST_HOLD_SECONDS", 0.1)
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("a")
        await screen.sees("Approve: lock account?", "enter")
        running.desk.refuse_all = True
        await burst(screen, "enter", "j", "n")
        await screen.sees("2 keys not taken: what you confirmed is not recorded yet", "sending 1")
        await screen.press("j")
        await screen.sees("2/3")


async def test_what_was_recorded_names_its_case_and_makes_room_for_the_next(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saying, "UNREAD_SECONDS", 0.0)
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("n")
        await screen.sees("why this risk", case(1))
        await screen.press("a")
        await screen.sees("Approve: lock account?", "enter")
        await screen.press("enter")
        await screen.sees(f"Recorded: {case(1)}, ana approved lock account")
        await screen.press("F")
        assert f"Recorded: {case(1)}" in screen.text, "a key that does nothing leaves it"
        await screen.press("4")
        assert f"Recorded: {case(1)}" not in screen.text
        await screen.press("m")
        await screen.sees("Note")
        await screen.press(*"hm", "enter")
        await screen.sees(f"Recorded: your note on {case(1)}")
        screen.app.opening.open(case(2))
        await screen.sees("why this risk", case(2))
        assert case(1) not in screen.text


async def test_what_was_recorded_is_still_said_where_the_next_case_comes_too_soon_to_read_it(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saying, "UNREAD_SECONDS", 60.0)
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("n")
        await screen.sees("why this risk", case(1))
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await burst(screen, "enter", "n")
        await screen.sees("why this risk", case(2), f"Before this: Recorded: {case(1)}, ana approved")


async def test_only_an_approval_is_said_to_be_taken_back_by_a_key(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.sees(f"Recorded: {case(1)}, ana approved lock account. u takes it back.")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await screen.press(*"look again", "enter")
        await screen.sees(f"Recorded: {case(2)}, ana rejected.")
        assert "takes it back" not in screen.text

"""What is said about unsent things before leaving: as many as they are, in the right number."""

from datetime import timedelta

import pytest
from conftest import Running, until
from fakedesk import stories
from fakedesk.record import now
from fakedesk.stories import case
from screens import console

from casework.policy import Terms
from casework.transitions import Status
from console import news as n
from console import quitting
from console.pages import sending
from console.reducing import reduce
from console.state import ConsoleState


@pytest.mark.parametrize(
    ("drafts", "said"),
    [
        (1, "1 draft not sent; it is kept for the next time:"),
        (2, "2 drafts not sent; they are kept for the next time:"),
    ],
)
async def test_drafts_are_counted_before_quitting(running: Running, drafts: int, said: str) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        for number in range(1, drafts + 1):
            screen.app.tell_now(n.DraftKept(case(number), "note", "half"))
        await screen.press("q")
        await screen.sees("Quit?", said, *(f"note on {case(number)}" for number in range(1, drafts + 1)))


@pytest.mark.parametrize(("opens", "there"), [("enter", "why this risk"), ("question_mark", "j k scroll")])
async def test_one_q_too_many_after_leaving_something_does_not_quit(
    running: Running, monkeypatch: pytest.MonkeyPatch, opens: str, there: str
) -> None:
    await stories.queue(running.record, 2)
    passed = [100.0]
    monkeypatch.setattr(quitting, "ticks", lambda: passed[0])
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press(opens)
        await screen.sees(there)
        await screen.press("q", "q")
        await screen.sees("q again quits")
        assert screen.app.is_running
        await screen.press(opens)
        await screen.sees(there)
        await screen.press("escape")
        await screen.sees("enter open")
        passed[0] += 1.5
        await screen.press("q")
        await screen.until(lambda: not screen.app.is_running)


async def test_after_the_warning_the_next_q_quits(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quitting, "ticks", lambda: 100.0)
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("enter")
        await screen.sees("why this risk")
        await screen.press("q", "q", "q")
        await screen.until(lambda: not screen.app.is_running)


def test_what_is_on_its_way_is_counted_by_kind() -> None:
    state = ConsoleState()
    for key, what, ids in (("a", "decision", ("x", "y")), ("b", "note", ("x",)), ("c", "decision", ("z",))):
        state = reduce(state, n.Sent(key, what, ids, now()))
    assert sending.counted(state.pending.values()) == "3 decisions and 1 note"
    state = reduce(state, n.Answered("a", ("x",)))
    line = sending.from_the_queue(state, now() + timedelta(seconds=14))
    assert line is not None
    assert line[0].text.startswith(" SENDING 2 decisions and 1 note for 14s")
    assert state.sending("note") == {"x"}
    assert state.sending() == {"x", "y", "z"}


def test_the_last_answer_ends_it_before_anything_else_is_heard() -> None:
    state = reduce(ConsoleState(), n.Sent("a", "claim", ("x", "y"), now()))
    assert not reduce(state, n.Answered("a", ("x", "y"))).pending


async def test_a_decision_that_is_held_and_marks_are_named_before_quitting(running: Running) -> None:
    terms = Terms(hold_seconds=90)
    for number in (1, 2):
        at = now() - timedelta(minutes=number)
        await stories.investigated(running.record, stories.alert(number), at, terms)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.sees("Recorded:")
        await until(lambda: running.record.load(case(2)).status is Status.HELD)
        await screen.press("q")
        await screen.sees("Quit?", "ana approved lock account, takes effect", "Quitting does not stop it")
        await screen.press("escape", "space", "q")
        await screen.sees("Quit?", "1 mark will be gone.")

"""Taking back what was decided, also from the next case and many at once; keys that act on the marked."""

from datetime import timedelta

from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from screens import Driver, console

from casework import commands
from casework.policy import Terms
from casework.transitions import Status

SLOW = Terms(hold_seconds=600)


def case(number: int) -> str:
    return f"fraud-ALERT-{number:03d}"


async def furnish(running: Running, count: int = 3) -> None:
    for number in range(1, count + 1):
        at = now() - timedelta(minutes=200 - number)
        await stories.investigated(running.record, stories.alert(number), at, SLOW)


def status(running: Running, number: int) -> Status:
    return running.record.load(case(number)).status


async def approve(screen: Driver) -> None:
    await screen.press("a")
    await screen.sees("Approve: ", "enter")
    await screen.press("enter")
    await screen.sees("Recorded: ")


async def test_the_decision_on_the_case_before_is_taken_back_after_a_question(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("n")
        await screen.sees("why this risk", case(1))
        await approve(screen)
        await screen.press("n")
        await screen.sees("why this risk", case(2))
        await screen.press("u")
        await screen.sees(f"Withdraw: {case(1)}?", "ana approved lock_account")
        assert status(running, 1) is Status.HELD
        await screen.press("enter")
        await screen.sees(f"Recorded: {case(1)} waits again")
    assert status(running, 1) is Status.AWAITING_REVIEW


async def test_the_case_in_front_is_taken_back_at_once(running: Running) -> None:
    await furnish(running, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("enter")
        await screen.sees("why this risk")
        await approve(screen)
        await screen.sees("held")
        await screen.press("u")
        await screen.sees(f"Recorded: {case(1)} waits again")
        await screen.press("u")
        await screen.sees("No decision of yours is held")
    assert status(running, 1) is Status.AWAITING_REVIEW


async def test_a_decision_on_many_is_taken_back_whole(running: Running) -> None:
    await furnish(running, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("space", "space", "space")
        await approve(screen)
        await screen.sees("held 3")
        await screen.press("u")
        await screen.sees("Withdraw: 3 decisions?", case(1), case(3))
        await screen.press("enter")
        await screen.sees("Withdrawn: 3, refused: 0")
    assert {status(running, number) for number in (1, 2, 3)} == {Status.AWAITING_REVIEW}


async def test_of_the_marked_cases_those_that_are_held_are_taken_back(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("asterisk")
        await approve(screen)
        await screen.press("7", "g", "space", "space", "u")
        await screen.sees("Withdraw: 2 decisions?")
        await screen.press("enter")
        await screen.sees("Withdrawn: 2, refused: 0")
        await screen.press("1", "asterisk", "u")
        await screen.sees(f"Withdraw: {case(3)}?")
        await screen.press("escape", "U")
        await screen.sees("case by case; esc takes the marks off")


async def test_all_marked_are_claimed_given_back_and_noted_on(running: Running) -> None:
    await furnish(running)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("space", "space", "c")
        await screen.sees("Claimed: 2, refused: 0", "mine 2")
        await screen.press("c")
        await screen.sees("Claims given back: 2, refused: 0", "mine 0")
        await screen.press("m")
        await screen.sees("Note on the marked cases", "2 marked cases get the same note")
        await screen.press(*"ring", "enter")
        await screen.sees("Notes recorded: 2, refused: 0")
    assert [running.record.load(case(number)).notes for number in (1, 2, 3)] == [1, 1, 0]


async def test_the_last_decision_is_made_on_all_that_are_marked(running: Running) -> None:
    await furnish(running, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await screen.press(*"look", "enter")
        await screen.sees("Recorded: ")
        await screen.press("space", "space", "full_stop")
        await screen.sees("Reject the marked cases", "look")
        await screen.press("enter")
        await screen.sees("Reject: 2 cases?", "why: look")
        await screen.press("enter")
        await screen.sees("Recorded: 2, refused: 0")


async def test_marks_that_went_on_or_are_not_listed_are_counted(running: Running) -> None:
    await furnish(running, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await approve(screen)
        await screen.sees("held 1")
        await screen.press("asterisk")
        await screen.sees("2 marked")
        await screen.press("7")
        await screen.sees("2 marked, 1 not listed")
        await screen.press("8", "escape")
        await screen.press("7", "space")
        await screen.sees("1 marked")
        held = running.record.load(case(1))
        await running.record.append(case(1), commands.withdraw(held, person("bob"), now()))
        await stories.ask(running.record, case(1), now())
        await screen.press("1")
        await screen.sees("1 marked, 1 went on")
        await screen.press("a")
        await screen.sees(f"{case(1)} went on since you marked it: mark it again")
        await screen.press("asterisk")
        await screen.sees("2 marked")
        await screen.press("a")
        await screen.sees("Approve: 2 cases?")

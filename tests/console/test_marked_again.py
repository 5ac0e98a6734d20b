"""After decisions were taken back: their cases are marked as before, and the cursor is where one goes on."""

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from fakedesk.stories import case
from held import approve, decided_by, status
from screens import Driver, console

from casework import commands
from casework.transitions import Status


def cursor(screen: Driver) -> str | None:
    """The case under the list's cursor, wherever the list is."""
    queue = screen.app.queue
    selected = queue.table.selected if queue else None
    return selected.case_id if selected else None


async def test_many_that_were_taken_back_are_marked_again_with_the_cursor_on_the_first(
    running: Running,
) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await screen.press("j", "space", "space", "space")
        await screen.sees("3 marked")
        await approve(screen)
        await screen.sees("held 3")
        await screen.press("1", "g")
        await screen.until(lambda: cursor(screen) == case(1))
        await screen.press("u")
        await screen.sees("Withdrawn: 3, refused: 0. Marked again: 3.")
        await screen.until(lambda: cursor(screen) == case(2))
        assert {row.case_id for row in screen.app.screen.cases_marked} == {case(2), case(3), case(4)}
        await screen.press("a")
        await screen.sees("Approve: 3 cases?", case(2), case(4))


async def test_of_many_taken_back_only_those_that_still_were_held_are_marked_again(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("space", "space", "space")
        await approve(screen)
        await screen.sees("held 3")
        held = running.record.load(case(1))
        await running.record.append(case(1), commands.withdraw(held, person("bob"), now()))
        await screen.sees("held 2")
        await screen.press("u")
        await screen.sees("Withdrawn: 2, refused: 0. Marked again: 2.")
        await screen.until(lambda: cursor(screen) == case(2))


async def test_what_was_taken_back_from_another_case_is_under_the_cursor_of_the_list(
    running: Running,
) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("j")
        await approve(screen)
        await screen.until(lambda: cursor(screen) == case(3))
        await screen.press("j", "enter")
        await screen.sees("why this risk", case(4))
        await screen.press("u")
        await screen.sees(f"Recorded: {case(2)} waits again")
        await screen.press("escape")
        await screen.until(lambda: cursor(screen) == case(2))


@pytest.mark.parametrize(("moved", "there"), [((), 2), (("j",), 4)], ids=["not moved", "moved"])
async def test_what_was_taken_back_is_under_the_cursor_once_a_list_has_it_unless_that_was_moved(
    running: Running, moved: tuple[str, ...], there: int
) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("j")
        await approve(screen)
        await screen.until(lambda: cursor(screen) == case(3))
        await approve(screen)
        await screen.until(lambda: cursor(screen) == case(4))
        await screen.press("7", "g")
        await screen.sees("1/2")
        await screen.until(lambda: cursor(screen) == case(2) and status(running, 2) is Status.HELD)
        await screen.press("u")
        await screen.sees(f"Recorded: {case(2)} waits again", "7 held 1")
        await screen.press(*moved, "1")
        await screen.sees("[1 desk 4]")
        await screen.until(lambda: cursor(screen) == case(there))


async def test_a_withdrawal_whose_answer_was_lost_is_done_and_a_later_decision_stands(
    running: Running,
) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await approve(screen)
        await screen.sees("held 1")
        running.desk.drop_answers = 1
        await screen.press("u")
        await screen.sees(f"Recorded: {case(1)} waits again, your approval is withdrawn.")
    assert status(running, 1) is Status.AWAITING_REVIEW


async def test_a_repeated_withdrawal_leaves_what_somebody_decided_meanwhile(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await approve(screen)
        await screen.sees("held 1")
        await screen.press("7", "space", "u")
        await screen.sees(f"Withdraw: {case(1)}?")
        running.desk.refuse_all = True
        await screen.press("enter")
        await screen.until(lambda: any(one.reason for one in screen.app.state.pending.values()))
        held = running.record.load(case(1))
        await running.record.append(case(1), commands.withdraw(held, person("bob"), now()))
        await stories.ask(running.record, case(1), now())
        await decided_by(running, 1, person("bob"))
        running.desk.refuse_all = False
        await screen.sees("What was refused", "0 recorded, 1 refused", "does not stand any more")
    assert status(running, 1) is Status.HELD

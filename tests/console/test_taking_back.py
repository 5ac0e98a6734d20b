"""Taking back what was decided, also from the next case and many at once; keys that act on the marked."""

import asyncio
from datetime import timedelta

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from fakedesk.stories import case
from held import approve, decided_by, status
from screens import console

from casework import commands
from casework.actor import Actor, ActorKind, Role
from casework.transitions import Status
from casework.views import CaseSummary
from console import news as n
from console.decided import Decided, Made


async def test_the_own_decision_on_the_case_before_is_taken_back_at_once_and_named(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("n")
        await screen.sees("why this risk", case(1))
        await approve(screen)
        await screen.press("n")
        await screen.sees("why this risk", case(2))
        await screen.press("u")
        await screen.sees(f"Recorded: {case(1)} waits again, your approval is withdrawn.", case(2))
    assert status(running, 1) is Status.AWAITING_REVIEW


@pytest.mark.parametrize(
    "colleague",
    [person("bob"), Actor(kind=ActorKind.PERSON, actor_id="local:another", name="ana", role=Role.LEAD)],
    ids=["another name", "the same name"],
)
async def test_a_colleagues_decision_is_taken_back_only_after_a_question_that_names_them(
    running: Running, colleague: Actor
) -> None:
    await stories.queue(running.record, 1)
    await decided_by(running, 1, colleague)
    async with console(running.settings()) as screen:
        await screen.sees("held 1")
        await screen.press("7")
        await screen.sees("1/1")
        await screen.press("enter")
        await screen.sees("why this risk")
        await screen.press("u")
        name = colleague.label
        await screen.sees(f"Withdraw {name}'s decision on {case(1)}?", f"{name} approved lock account")
        await screen.press("escape")
        await screen.sees("why this risk")
        assert status(running, 1) is Status.HELD
        await screen.press("u")
        await screen.sees(f"Withdraw {name}'s decision")
        await screen.press("enter")
        await screen.sees(f"{case(1)} waits again, {name}'s approval is")
    assert status(running, 1) is Status.AWAITING_REVIEW


async def test_a_case_that_a_colleague_decided_anew_is_theirs_though_it_was_decided_here_before(
    running: Running,
) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await approve(screen)
        await screen.press("u")
        await screen.sees("your approval is withdrawn")
        await decided_by(running, 1, person("bob"))
        await screen.press("7")
        await screen.sees("1/1")
        await screen.press("u")
        await screen.sees(f"Withdraw bob's decision on {case(1)}?")
    assert status(running, 1) is Status.HELD


async def test_who_may_not_withdraw_a_colleagues_decision_is_told_whose_it_is(running: Running) -> None:
    await stories.queue(running.record, 1)
    await decided_by(running, 1, person("bob"))
    async with console(running.settings("junior")) as screen:
        await screen.sees("held 1")
        await screen.press("7")
        await screen.sees("1/1")
        await screen.press("u")
        await screen.sees(f"bob decided on {case(1)}: only they or a senior can withdraw it.")
    assert status(running, 1) is Status.HELD


async def test_the_question_about_many_counts_down_and_goes_when_nothing_is_held_any_more(
    running: Running,
) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("space", "space")
        await approve(screen)
        await screen.sees("held 2")
        await screen.press("7")
        await screen.sees("1/2")
        await screen.press("asterisk", "u")
        await screen.sees("Withdraw: 2 decisions?", "9m")
        screen.app.now = lambda: now() + timedelta(minutes=6)
        await screen.sees("Withdraw: 2 decisions?", "3m")
        for number in (1, 2):
            held = running.record.load(case(number))
            await running.record.append(case(number), commands.withdraw(held, person("bob"), now()))
        await screen.sees("None of them is held now: nothing was withdrawn.")


async def test_the_case_in_front_is_taken_back_at_once(running: Running) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("enter")
        await screen.sees("why this risk")
        await approve(screen)
        await screen.sees("held")
        await screen.press("u")
        await screen.sees(f"Recorded: {case(1)} waits again, your approval is withdrawn.")
        await screen.press("u")
        await screen.sees("No decision of yours is held")
    assert status(running, 1) is Status.AWAITING_REVIEW


async def test_a_decision_on_many_is_taken_back_whole(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("space", "space", "space")
        await approve(screen)
        await screen.sees("held 3")
        await screen.press("u")
        await screen.sees("Withdrawn: 3, refused: 0")
    assert {status(running, number) for number in (1, 2, 3)} == {Status.AWAITING_REVIEW}


async def test_a_decision_that_covered_the_whole_list_is_taken_back_whole_and_one_of_it_on_its_page(
    running: Running,
) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("asterisk")
        await approve(screen)
        await screen.sees("held 3")
        await screen.press("u")
        await screen.sees("Withdrawn: 3, refused: 0. Marked again: 3.")
        await approve(screen)
        await screen.sees("held 3")
        await screen.press("g", "enter")
        await screen.sees("why this risk", case(1))
        await screen.press("u")
        await screen.sees(f"Recorded: {case(1)} waits again")
    assert [status(running, number) for number in (1, 2, 3)] == [
        Status.AWAITING_REVIEW,
        Status.HELD,
        Status.HELD,
    ]


async def test_a_decision_on_many_is_taken_back_whole_though_the_stream_tells_late_of_it(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stories.queue(running.record, 3)
    late: list[n.News] = []
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        feed = screen.app._feed
        assert feed is not None
        at_once = feed._tell

        def tell(news: n.News) -> None:
            late.append(news) if isinstance(news, n.CasesChanged) else at_once(news)

        monkeypatch.setattr(feed, "_tell", tell)
        await screen.press("space", "space")
        await approve(screen)
        await screen.press("u")
        await screen.until(lambda: len(late) >= 2 and status(running, 2) is Status.HELD)
        assert "No decision of yours" not in screen.text
        monkeypatch.setattr(feed, "_tell", at_once)
        for news in late:
            at_once(news)
        await screen.sees("Withdrawn: 2, refused: 0")
    assert {status(running, number) for number in (1, 2)} == {Status.AWAITING_REVIEW}


async def test_of_the_marked_cases_those_that_are_held_are_taken_back(running: Running) -> None:
    await stories.queue(running.record, 3)
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
    await stories.queue(running.record, 3)
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
    await stories.queue(running.record, 4)
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


async def test_a_decision_on_many_is_the_last_one_to_be_made_again_until_it_is_withdrawn(
    running: Running,
) -> None:
    await stories.queue(running.record, 5)
    async with console(running.settings()) as screen:
        await screen.sees("1/5")
        await approve(screen)
        await screen.press("space", "space", "A")
        await screen.sees("refund charges")
        await screen.press("2", "enter")
        await screen.sees("Approve: 2 cases?", "[none]")
        await screen.press("tab", "enter")
        await screen.sees("Recorded: 2, refused: 0. u takes back what is held.")
        code = running.record.load(case(2)).decision.reason_code
        await screen.press("full_stop")
        await screen.sees("Approve: refund charges?", case(4), str(code).replace("_", " "))
        await screen.press("escape")
        await screen.sees("held 3")
        await screen.press("u")
        await screen.sees("Withdrawn: 2, refused: 0. Marked again: 2.")
        await screen.press("escape", "full_stop")
        await screen.sees("Approve: lock account?")


async def test_what_a_colleague_withdrew_is_not_offered_to_be_made_again(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await approve(screen)
        await screen.sees("held 1")
        held = running.record.load(case(1))
        await running.record.append(case(1), commands.withdraw(held, person("bob"), now()))
        await screen.sees("bob withdrew your decision")
        await screen.press("full_stop")
        await screen.sees("There is no decision to repeat yet")


async def test_an_escalation_is_made_again_with_its_words(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("e")
        await screen.sees("Escalate to the senior queue")
        await screen.press(*"kin", "enter")
        await screen.sees(f"Recorded: {case(1)}")
        await screen.until(lambda: screen.app.screen.case_in_hand == case(2))
        await screen.press("full_stop")
        await screen.sees("Escalate to the senior queue")
        await screen.press("enter")
        await screen.sees(f"Recorded: {case(2)}")
    passed_on = running.record.load(case(2)).passed_on
    assert passed_on is not None
    assert passed_on.feedback == "kin"


def test_a_withdrawal_that_is_heard_of_late_leaves_the_decision_made_since() -> None:
    decided = Decided()
    decided.remember(Made(approved=True), {"x"}, {})
    decided.forget("x", before=0)
    assert decided.last == Made(approved=True)
    decided.forget("x", before=7)
    assert decided.last is None


async def test_marks_that_went_on_or_are_not_listed_are_counted(running: Running) -> None:
    await stories.queue(running.record, 2)
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
        await screen.sees(f"{case(1)} went on since you marked it (it is awaiting review now)")
        await screen.press("asterisk")
        await screen.sees("2 marked")
        await screen.press("a")
        await screen.sees("Approve: 2 cases?")


async def test_the_key_pressed_again_while_a_withdrawal_is_on_its_way_takes_nothing_else_back(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        for number in (1, 2):
            await approve(screen)
            await screen.sees(f"Recorded: {case(number)}")
        desk, answer = screen.app.desk, asyncio.Event()
        assert desk is not None
        at_once = desk.withdraw

        async def late(case_id: str) -> CaseSummary:
            await answer.wait()
            return await at_once(case_id)

        monkeypatch.setattr(desk, "withdraw", late)
        await screen.press("u")
        await screen.sees(f"Taking back your decision on {case(2)} ...")
        await screen.press("u")
        await screen.sees("Your withdrawal is on its way")
        answer.set()
        await screen.sees(f"Recorded: {case(2)} waits again, your approval is withdrawn.")
    assert (status(running, 1), status(running, 2)) == (Status.HELD, Status.AWAITING_REVIEW)

"""Cases in my hands: the next one, the same one again, and those I would leave behind."""

import asyncio
from typing import Any

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from fakedesk.stories import case
from screens import console

from casework import commands
from casework.decision import DecisionRequest
from casework.views import CaseSummary


async def test_after_an_escalation_another_case_comes_next(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        for number in (1, 2):
            await screen.press("n")
            await screen.sees("why this risk", case(number))
            await screen.press("e")
            await screen.sees("Escalate to the senior queue")
            await screen.press(*"big", "enter")
            await screen.sees("decide senior")
        await screen.press("n")
        await screen.sees("why this risk", case(1))
        await screen.press("c")
        await screen.sees("claim nobody")
        await screen.press("n")
        await screen.sees(f"The same case again, {case(1)}: it is still what is due first")


async def test_a_case_that_is_handed_out_while_it_is_read_is_said_to_be_ours_then_the_same(
    running: Running,
) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("enter")
        await screen.sees("why this risk")
        await screen.press("n")
        await screen.sees(f"This case, {case(1)}, is what is due first: it is yours now.")
        await screen.press("c")
        await screen.sees("claim nobody")
        await screen.press("n")
        await screen.sees(f"The same case again, {case(1)}: nothing else waits for you")


async def test_cases_that_would_be_left_behind_are_named_once(running: Running) -> None:
    await stories.queue(running.record, 4)
    async with console(running.settings()) as screen:
        await screen.sees("1/4")
        await screen.press("c", "j")
        await screen.sees("mine 1")
        await screen.press("c")
        await screen.sees("mine 2")
        await screen.press("n")
        await screen.sees("why this risk", case(3), f"You also hold 2 cases, first of them {case(1)}")
        await screen.press("4")
        await screen.sees("mine 3")


async def test_a_case_that_agents_look_at_again_is_not_left_behind(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("c")
        await screen.sees("mine 1")
        again = DecisionRequest(**binding(running, 1), approved=False, feedback="look at the device")
        rejected = commands.submit_decision(running.record.load(case(1)), again, person("ana"), now())
        await running.record.append(case(1), rejected)
        await screen.sees("waiting 2")
        await screen.press("n")
        await screen.sees("why this risk", case(2))
        assert "You also hold" not in screen.text


def binding(running: Running, number: int) -> dict[str, Any]:
    """What a decision must name of the case it is about."""
    held = running.record.load(case(number))
    return {"attempt": held.attempt, "assessment_hash": held.assessment_hash}


async def test_quitting_offers_to_give_claims_back(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("c")
        await screen.sees("mine 1")
        await screen.press("q")
        await screen.sees("Quit?", "You still hold 1 case", case(1), "give it back and quit", "keep it")
        await screen.press("escape")
        await screen.sees("1/2")
        await screen.press("q")
        await screen.sees("Quit?", "give it back")
        await screen.press("enter")
        await screen.until(lambda: not screen.app.is_running)
    assert running.record.load(case(1)).claim is None


async def test_quitting_may_keep_them(running: Running) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("c")
        await screen.sees("mine 1")
        await screen.press("q")
        await screen.sees("Quit?", "give it back")
        await screen.press("2", "enter")
        await screen.until(lambda: not screen.app.is_running)
    assert running.record.load(case(1)).claim is not None


async def test_a_case_that_comes_after_one_gave_up_waiting_is_named_and_not_opened(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        desk, asked, answer = screen.app.desk, asyncio.Event(), asyncio.Event()
        assert desk is not None
        at_once = desk.next_case

        async def late(matching: str) -> CaseSummary:
            asked.set()
            await answer.wait()
            return await at_once(matching)

        monkeypatch.setattr(desk, "next_case", late)
        await screen.press("G", "n")
        await asked.wait()
        await screen.press("escape")
        answer.set()
        await screen.sees(f"{case(1)} was claimed for you meanwhile: 2 mine has it, c gives it back")
        assert "why this risk" not in screen.text
        await screen.press("2", "c")
        await screen.sees(f"the claim on {case(1)} is given back")


async def test_under_a_filter_the_next_case_is_one_that_matches(running: Running) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("slash", *"customer:203", "enter")
        await screen.sees("1/1 /customer:203")
        await screen.press("n")
        await screen.sees(case(3), "why this risk")
        await screen.press("n")
        await screen.sees("Nothing under the filter /customer:203 waits for you.")
        assert [running.record.load(case(number)).claim is not None for number in (1, 2, 3)] == [
            False,
            False,
            True,
        ]

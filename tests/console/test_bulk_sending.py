"""A decision on many that has not been recorded yet: it is seen, counted, and asked about before quitting."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import console

from casework.views import BulkItem, BulkRequest, BulkResponse, BulkResult
from console import asking
from console import news as n
from console.desk import MOST_AT_ONCE, MOST_TRIES, Desk
from console.pages import sending
from console.problems import UnreachableError
from console.state import ConsoleState, reduce


async def test_many_decisions_on_their_way_are_seen_everywhere_until_recorded(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TOLD_AFTER", timedelta())
    monkeypatch.setattr(asking, "LONGEST_HOLD_SECONDS", 0.1)
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("asterisk", "a")
        await screen.sees("Approve: 3 cases?", "enter")
        running.desk.refuse_all = True
        await screen.press("enter")
        await screen.sees("sending 3", "SENDING 3 decisions for ", "not recorded yet", "the desk is away")
        await screen.until(lambda: not screen.app.work.ahead.holding)
        await screen.press("a")
        await screen.sees("A decision on the marked cases is on its way already")
        await screen.press("enter")
        await screen.sees("SENDING the decision and 2 others, not recorded yet")
        await screen.press("escape")
        await screen.sees("1/3")
        await screen.press("q")
        await screen.sees("Quit?", "3 decisions not recorded yet; quitting stops sending them.")
        await screen.press("escape")
        running.desk.refuse_all = False
        await screen.sees("Recorded: 3, refused: 0")
        assert "SENDING" not in screen.text
        assert "sending" not in screen.text


class Away:
    """A server that cannot be reached for so many tries."""

    def __init__(self, tries: int) -> None:
        self.tries = tries

    async def decide_many(self, request: BulkRequest, key: str) -> BulkResponse:
        if self.tries:
            self.tries -= 1
            raise UnreachableError("no route")
        ok = (BulkResult(case_id=i.case_id, accepted=True, status=202, detail="") for i in request.items)
        results = tuple(ok)
        return BulkResponse(results=results, accepted=len(results), refused=0)


def items(count: int) -> list[BulkItem]:
    one = {"attempt": 1, "assessment_hash": "0" * 64, "approved": False, "feedback": "look"}
    return [BulkItem.model_validate({"case_id": f"case-{number}", **one}) for number in range(count)]


def heard(act: Callable[[Desk], object], tries: int) -> list[n.News]:
    """What a desk tells whose retries wait for nothing."""
    told: list[n.News] = []
    desk = Desk(Away(tries), told.append, jitter=lambda: -1.0)  # type: ignore[arg-type]
    asyncio.run(act(desk))  # type: ignore[arg-type]
    return told


def counts(told: list[n.News]) -> list[int]:
    """How many decisions are on their way after each piece of news."""
    states = [ConsoleState()]
    for news in told:
        states.append(reduce(states[-1], news))
    return [len(state.sending) for state in states[1:]]


def test_all_parts_of_a_large_request_count_from_the_start_and_go_as_they_are_answered() -> None:
    told = heard(lambda desk: desk.decide_many(items(MOST_AT_ONCE + 1)), tries=1)
    assert counts(told) == [MOST_AT_ONCE, MOST_AT_ONCE + 1, MOST_AT_ONCE + 1, 1, 0, 0, 0]
    (stuck,) = (news for news in told if isinstance(news, n.DecisionStuck))
    assert (stuck.tries, stuck.reason) == (1, "no route")


def test_what_could_not_be_sent_is_on_its_way_no_more() -> None:
    async def gives_up(desk: Desk) -> None:
        with pytest.raises(UnreachableError):
            await desk.decide_many(items(2))

    told = heard(gives_up, tries=MOST_TRIES + 1)
    assert counts(told)[0] == 2
    assert counts(told)[-1] == 0


def test_a_server_that_is_silent_shows_in_the_queue_after_a_moment_before_any_try_failed() -> None:
    sent = now()
    state = reduce(ConsoleState(), n.DecisionSent("k", ("case-1", "case-2"), sent))
    assert sending.from_the_queue(state, sent) is None
    line = sending.from_the_queue(state, sent + timedelta(seconds=14))
    assert line is not None
    assert "".join(one.text for one in line) == " SENDING 2 decisions for 14s, not recorded yet"
    assert sending.from_the_queue(reduce(state, n.DecisionSettled("k")), sent + timedelta(minutes=1)) is None

"""What is asked of many and not recorded yet: seen, counted, sent again, asked about before quitting."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from fakedesk.stories import case
from screens import Driver, console

from casework import commands
from casework.events import DecisionSubmitted
from casework.views import BulkItem, BulkRequest, BulkResponse, BulkResult, CaseSummary
from console import asking
from console import news as n
from console.desk import Desk
from console.many import FEW, MOST_AT_ONCE
from console.pages import sending
from console.persevering import Persevering
from console.problems import UnreachableError
from console.reducing import reduce
from console.state import ConsoleState

CLIENT_TRIES = 3
"""So often the client itself sends one request."""


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


async def typed(screen: Driver, keys: Sequence[str]) -> None:
    """Press keys; between them wait for the words that are among them."""
    for key in keys:
        await (screen.sees(key) if " " in key else screen.press(key))


KINDS = {
    "deferral": (
        ("d", "Defer the marked", *"2h", "enter", "Defer: 3 cases?", "enter"),
        "Recorded: 3, refused: 0",
    ),
    "claim": (("c",), "Claimed: 3, refused: 0"),
    "tag change": (("t", "Tag the marked cases", *"mule", "enter"), "Recorded: 3, refused: 0"),
    "note": (("m", "Note on the marked cases", *"ring", "enter"), "Notes recorded: 3, refused: 0"),
    "decision": (
        ("e", "Escalate the marked", *"kin", "enter", "Escalate: 3 cases?", "enter"),
        "Recorded: 3, refused: 0",
    ),
}
"""For each kind its keys, with what has to be on the screen before the next one, and its results."""


@pytest.mark.parametrize("what", KINDS)
async def test_whatever_is_asked_of_many_is_seen_from_the_start_until_its_results_are_known(
    running: Running, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(sending, "TOLD_AFTER", timedelta())
    monkeypatch.setattr(asking, "LONGEST_HOLD_SECONDS", 0.1)
    await stories.queue(running.record, 3)
    keys, results = KINDS[what]
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("asterisk")
        running.desk.thawed.clear()
        await typed(screen, keys)
        await screen.sees("sending 3", f"SENDING 3 {what}s for ", "not recorded yet")
        await screen.until(lambda: not screen.app.work.ahead.holding)
        await screen.press(keys[0])
        await screen.sees(f"A {what} on the marked cases is on its way already")
        await screen.press("enter")
        await screen.sees(f"SENDING the {what} and 2 others, not recorded yet")
        await screen.press("escape")
        await screen.sees("1/3")
        await screen.press("q")
        await screen.sees("Quit?", f"3 {what}s not recorded yet; quitting stops sending them.")
        await screen.press("escape")
        running.desk.thawed.set()
        await screen.sees(results)
        assert "sending" not in screen.text.lower()


async def test_claims_that_are_given_back_are_on_their_way_too(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TOLD_AFTER", timedelta())
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("space", "space", "c")
        await screen.sees("Claimed: 2", "mine 2")
        running.desk.thawed.clear()
        await screen.press("c")
        await screen.sees("sending 2", "SENDING 2 releases for ")
        await screen.press("c")
        await screen.sees("A release on the marked cases is on its way already.")
        running.desk.thawed.set()
        await screen.sees("Claims given back: 2, refused: 0")


async def test_withdrawals_of_many_are_on_their_way_too_and_not_sent_twice(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TOLD_AFTER", timedelta())
    monkeypatch.setattr(asking, "LONGEST_HOLD_SECONDS", 0.1)
    await stories.queue(running.record, 3)
    async with console(running.settings()) as screen:
        await screen.sees("1/3")
        await screen.press("space", "space", "a")
        await screen.sees("Approve: 2 cases?")
        await screen.press("enter")
        await screen.sees("held 2")
        running.desk.thawed.clear()
        await screen.press("u")
        await screen.sees("sending 2", "SENDING 2 withdrawals for ")
        await screen.until(lambda: not screen.app.work.ahead.holding)
        await screen.press("u")
        await screen.sees("A withdrawal on these cases is on its way already.")
        running.desk.thawed.set()
        await screen.sees("Withdrawn: 2, refused: 0. Marked again: 2.")


async def test_claims_given_back_before_quitting_are_seen_on_their_way(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TOLD_AFTER", timedelta())
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("c")
        await screen.sees("mine 1")
        running.desk.thawed.clear()
        await screen.press("q")
        await screen.sees("Quit?", "give it back and quit")
        await screen.press("enter")
        await screen.sees("SENDING 1 release for ")
        running.desk.thawed.set()
        await screen.until(lambda: not screen.app.is_running)
    assert running.record.load(case(1)).claim is None


async def test_a_note_on_many_is_there_once_though_answers_were_lost(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("asterisk", "m")
        await screen.sees("Note on the marked cases")
        running.desk.drop_answers = 2 * CLIENT_TRIES
        await screen.press(*"ring", "enter")
        await screen.sees("Notes recorded: 2, refused: 0")
    assert [running.record.load(case(number)).notes for number in (1, 2)] == [1, 1]


async def test_decisions_on_many_are_made_once_each_though_answers_were_lost(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("asterisk", "r")
        await screen.sees("2 marked cases get the same feedback")
        await screen.press(*"look", "enter")
        await screen.sees("Reject: 2 cases?")
        running.desk.drop_answers = CLIENT_TRIES
        await screen.press("enter")
        await screen.sees("Recorded: 2, refused: 0")
    made = [
        sum(isinstance(event.body, DecisionSubmitted) for event in running.record.events[case(number)])
        for number in (1, 2)
    ]
    assert made == [1, 1]


async def test_a_claim_that_a_colleague_has_by_now_is_not_given_back_by_a_repeat(running: Running) -> None:
    await stories.queue(running.record, 1)

    async def taken_over() -> None:
        """The claim was given back, the answer lost, and somebody else took the case."""
        record = running.record
        await record.change(case(1), lambda known: commands.release(known, person("ana"), now()))
        await record.change(case(1), lambda known: commands.claim(known, person("bob"), now(), 900))

    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("space", "c")
        await screen.sees("Claimed: 1", "mine 1")
        running.desk.refuse_all = True
        await screen.press("c")
        await screen.until(lambda: any(one.reason for one in screen.app.state.pending.values()))
        await taken_over()
        running.desk.refuse_all = False
        await screen.sees("Claims given back: 1, refused: 0")
    claim = running.record.load(case(1)).claimed_by(now())
    assert claim == person("bob")


class Away:
    """A server that cannot be reached for so many tries."""

    def __init__(self, tries: float) -> None:
        self.tries = tries
        self.answers = math.inf
        """So many, and then it is away for good."""

    async def decide_many(self, request: BulkRequest, key: str) -> BulkResponse:
        if self.tries or not self.answers:
            self.tries -= 1
            raise UnreachableError("no route")
        self.answers -= 1
        ok = (BulkResult(case_id=i.case_id, accepted=True, status=202, detail="") for i in request.items)
        results = tuple(ok)
        return BulkResponse(results=results, accepted=len(results), refused=0)


def items(count: int) -> list[BulkItem]:
    one = {"attempt": 1, "assessment_hash": "0" * 64, "approved": False, "feedback": "look"}
    return [BulkItem.model_validate({"case_id": f"case-{number}", **one}) for number in range(count)]


def heard(
    act: Callable[[Desk], Awaitable[object]], tries: float, give_up_seconds: float = 900
) -> list[n.News]:
    """What a desk tells whose retries wait for nothing."""
    told: list[n.News] = []
    api: Any = Away(tries)
    desk = Desk(api, told.append, jitter=lambda: -1.0, give_up_seconds=give_up_seconds)

    async def carry_out() -> None:
        await act(desk)

    asyncio.run(carry_out())
    return told


def counts(told: list[n.News]) -> list[int]:
    """How many decisions are on their way after each piece of news."""
    states = [ConsoleState()]
    for news in told:
        states.append(reduce(states[-1], news))
    return [len(state.sending()) for state in states[1:]]


def test_all_parts_of_a_large_request_count_from_the_start_and_go_as_they_are_answered() -> None:
    told = heard(lambda desk: desk.many.decide(items(MOST_AT_ONCE + 1)), tries=1)
    assert counts(told) == [MOST_AT_ONCE + 1, MOST_AT_ONCE + 1, 1, 0, 0]
    (stuck,) = (news for news in told if isinstance(news, n.Stuck))
    assert (stuck.tries, stuck.reason) == (1, "no route")


def test_many_are_tried_as_long_as_one_is() -> None:
    told = heard(lambda desk: desk.many.decide(items(2)), tries=100)
    assert [news.tries for news in told if isinstance(news, n.Stuck)] == [*range(1, 101)]
    assert counts(told)[-1] == 0


async def test_every_answer_gives_the_others_their_full_time_anew() -> None:
    async with Persevering([].append).way("k", "note", ("x", "y")) as way:
        began = way.deadline.when()
        way.answered("x")
        later = way.deadline.when()
        assert began is not None
        assert later is not None
        assert later > began


def test_what_could_not_be_sent_is_on_its_way_no_more() -> None:
    async def gives_up(desk: Desk) -> None:
        with pytest.raises(UnreachableError, match="2 decisions could not be delivered; they are NOT"):
            await desk.many.decide(items(2))

    told = heard(gives_up, tries=math.inf, give_up_seconds=0)
    assert counts(told)[0] == 2
    assert counts(told)[-1] == 0


def test_what_was_recorded_before_the_server_went_away_is_a_result_and_so_is_what_was_not() -> None:
    async def halfway(desk: Desk) -> None:
        desk.many._api.answers = 1
        response = await desk.many.decide(items(MOST_AT_ONCE + 2))
        assert (response.accepted, response.refused) == (MOST_AT_ONCE, 2)
        assert response.results[-1].detail == "the decision could not be delivered; it is NOT recorded"

    assert counts(heard(halfway, tries=0, give_up_seconds=0))[-1] == 0


def test_of_many_small_things_what_cannot_be_delivered_fails_case_by_case() -> None:
    async def away(case_id: str) -> CaseSummary:
        raise UnreachableError("no route")

    async def gives_up(desk: Desk) -> None:
        ids = [f"case-{number}" for number in range(FEW + 2)]
        response = await desk.many.each("note", ids, away)
        assert [result.case_id for result in response.results] == ids
        assert response.refused == len(ids)
        assert {result.detail for result in response.results} == {
            "the note could not be delivered; it is NOT recorded"
        }

    told = heard(gives_up, tries=0, give_up_seconds=0)
    assert counts(told)[0] == FEW + 2
    assert counts(told)[-1] == 0


def test_a_server_that_is_silent_shows_in_the_queue_after_a_moment_before_any_try_failed() -> None:
    sent = now()
    state = reduce(ConsoleState(), n.Sent("k", "decision", ("case-1", "case-2"), sent))
    assert sending.from_the_queue(state, sent) is None
    line = sending.from_the_queue(state, sent + timedelta(seconds=14))
    assert line is not None
    assert "".join(one.text for one in line) == " SENDING 2 decisions for 14s, not recorded yet"
    assert sending.from_the_queue(reduce(state, n.Settled("k")), sent + timedelta(minutes=1)) is None

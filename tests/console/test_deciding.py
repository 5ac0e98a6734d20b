"""Deciding in the console: nothing counts until the server recorded it, and nothing is decided twice."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from screens import console
from textual.events import Key

from casework import commands
from casework.alert import Severity
from casework.decision import DecisionRequest
from casework.events import DecisionSubmitted, NoteAdded
from casework.policy import Terms
from casework.transitions import Status

QUICK = Terms(hold_seconds=0)
SLOW = Terms(hold_seconds=600)
CASE = "fraud-ALERT-001"


async def one_case(running: Running, terms: Terms = QUICK, **changes: object) -> None:
    await stories.investigated(
        running.record, stories.alert(1, **changes), now() - timedelta(minutes=9), terms
    )


def decisions(running: Running) -> list[DecisionSubmitted]:
    return [e.body for e in running.record.events[CASE] if isinstance(e.body, DecisionSubmitted)]


async def test_approving_what_is_recommended_closes_the_case(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("enter")
        await screen.sees("four failed sign-ins", "[1 assessment]")
        await screen.press("a")
        await screen.sees(
            "Approve: lock account?", "locks the account of customer 201", "unlock account", "enter"
        )
        assert not decisions(running)
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana approved lock account", "actioned")
    (made,) = decisions(running)
    assert made.decision.assessment_hash == running.record.load(CASE).assessment_hash
    assert running.record.load(CASE).status is Status.CLOSED


async def test_escape_in_the_confirmation_decides_nothing(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("escape")
        await screen.sees("enter", "filter")
        assert screen.app.is_running
    assert not decisions(running)


async def test_another_action_is_chosen_from_the_list(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("A")
        await screen.sees("Approve which action?", "(recommended)")
        await screen.press("2")
        await screen.sees("refunds the disputed charges")
        await screen.press("enter")
        await screen.sees("Approve: refund charges?")
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana approved refund charges")
    assert [made.decision.action for made in decisions(running)] == ["refund_charges"]


async def test_rejecting_needs_feedback_and_sends_the_agents_back(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("enter", "r")
        await screen.sees("Reject with feedback")
        await screen.press("enter")
        await screen.sees("it is required")
        await screen.press(*"Look at Lagos")
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana rejected", "attempt 2 of 3", "Look at Lagos")
    assert [made.decision.feedback for made in decisions(running)] == ["Look at Lagos"]


async def test_what_was_typed_is_kept_when_the_panel_is_left(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await screen.press(*"half")
        await screen.press("escape")
        await screen.until(lambda: screen.app.state.drafts == {(CASE, "feedback"): "half"})
        await screen.press("q")
        await screen.sees("draft not sent")
        await screen.press("escape")
        await screen.press("r")
        await screen.until(lambda: screen.app.screen.query("#words"))
        assert screen.app.screen.query_one("#words").text == "half"


async def test_who_comes_second_is_told_who_decided_what(running: Running) -> None:
    await one_case(running, SLOW)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("enter")
        await screen.sees("four failed sign-ins")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        running.desk.mute = True
        await approve_as(running, "bob")
        await screen.press("enter")
        seen = await screen.sees("NOT RECORDED", "bob approved lock account", "What changed since you looked")
        assert "Recorded:" not in seen
        await screen.press("escape")
        await screen.sees("[1 assessment]")
    assert [made.decision.actor.name for made in decisions(running)] == ["bob"]


async def approve_as(running: Running, name: str) -> None:
    case = running.record.load(CASE)
    request = DecisionRequest(
        attempt=case.attempt, assessment_hash=case.assessment_hash or "", approved=True, action="lock_account"
    )
    await running.record.append(CASE, commands.submit_decision(case, request, person(name), now()))


async def test_a_stale_decision_shows_what_changed_and_asks_again(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("enter")
        await screen.sees("four failed sign-ins")
        await screen.press("a")
        await screen.sees("attempt 1, assessment")
        running.desk.mute = True
        await reject_as(running, "bob")
        await screen.press("enter")
        await screen.sees("NOT RECORDED", "attempt 2 is under review", "1  ->  2", "decide again")
        await screen.press("a")
        await screen.sees("Approve: lock account?", "attempt 2, assessment")
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana approved lock account")
    assert [(made.decision.attempt, made.decision.approved) for made in decisions(running)] == [
        (1, False),
        (2, True),
    ]


async def reject_as(running: Running, name: str) -> None:
    case = running.record.load(CASE)
    request = DecisionRequest(
        attempt=1, assessment_hash=case.assessment_hash or "", approved=False, feedback="look again"
    )
    await running.record.append(CASE, commands.submit_decision(case, request, person(name), now()))
    await running.desk._drive(CASE)


@pytest.mark.parametrize("key", ["a", "A"])
async def test_a_panel_says_that_the_case_went_on_and_decides_only_what_is_shown_anew(
    running: Running, key: str
) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press(key)
        await screen.sees("recommended")
        await reject_as(running, "bob")
        await screen.sees("The case went on", "1  ->  2", "look again")
        await screen.press("enter", "y", "1")
        await screen.sees("The case went on")
        await screen.press("a")
        if key == "A":
            await screen.sees("Approve which action?")
            await screen.press("enter")
        await screen.sees("Approve: lock account?", "attempt 2, assessment")
        assert len(decisions(running)) == 1
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana approved lock account")
    assert [made.decision.attempt for made in decisions(running)] == [1, 2]


async def test_feedback_being_written_outlives_a_case_that_went_on(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await screen.press(*"Look at Lagos")
        await reject_as(running, "bob")
        await screen.sees("The case went on", "your words are kept")
        await screen.press("enter")
        await screen.sees("Nothing was sent", "decide again")
        await screen.press("a")
        await screen.until(lambda: screen.app.screen.query("#words"))
        await screen.sees("attempt 2, assessment")
        assert screen.app.screen.query_one("#words").text == "Look at Lagos"
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana rejected")
    assert [made.decision.attempt for made in decisions(running)] == [1, 2]


async def test_a_key_pressed_on_an_older_assessment_is_asked_again(running: Running) -> None:
    """The queue still shows attempt 1 because its stream is slow; the panel reads attempt 2."""
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        running.desk.mute = True
        await reject_as(running, "bob")
        await screen.press("a")
        await screen.sees("Nothing was sent", "1  ->  2", "decide again")
        await screen.press("enter")
        await screen.sees("enter", "filter")
    assert len(decisions(running)) == 1


async def test_somebody_elses_decision_closes_the_question(running: Running) -> None:
    await one_case(running, SLOW)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await approve_as(running, "bob")
        await screen.sees("The case went on", "bob approved lock account")
        await screen.press("a")
        await screen.sees("No decision is asked for now")
    assert [made.decision.actor.name for made in decisions(running)] == ["bob"]


async def test_words_typed_before_the_panel_is_there_are_the_panels(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        running.desk.delay_seconds = 0.5
        for key in ("r", *"cancel Lagos", "enter"):
            await screen.app.on_event(Key(key, key if len(key) == 1 else None))
        await screen.sees("Recorded: fraud-ALERT-001, ana rejected")
    assert [made.decision.feedback for made in decisions(running)] == ["cancel Lagos"]
    assert running.record.load(CASE).claim is None


async def test_enter_typed_before_the_question_was_shown_does_not_answer_it(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        running.desk.delay_seconds = 0.5
        await screen.app.on_event(Key("a", "a"))
        await screen.app.on_event(Key("enter", None))
        await screen.sees("Approve: lock account?", "were not taken")
        assert not decisions(running)
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana approved")


async def test_words_for_a_panel_that_never_comes_command_nothing(running: Running) -> None:
    await one_case(running, SLOW)
    await approve_as(running, "bob")
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        running.desk.delay_seconds = 0.5
        for key in ("r", *"can"):
            await screen.app.on_event(Key(key, key))
        await screen.sees("No decision is asked for now", "3 keys typed ahead not taken")
    assert running.record.load(CASE).claim is None


async def test_keys_typed_while_a_case_opens_are_for_the_case(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        for key in ("enter", "l", "l"):
            await screen.app.on_event(Key(key, key if len(key) == 1 else None))
        await screen.sees("[3 tools")


async def test_what_is_typed_about_a_case_not_seen_yet_waits_for_it_and_sends_nothing(
    running: Running,
) -> None:
    """`n`, then a rejection written blindly, in one go: the words reach the panel, and nothing is sent."""
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        running.desk.delay_seconds = 0.5
        for key in ("n", "r", *"cancel Lagos", "enter"):
            await screen.app.on_event(Key(key, key if len(key) == 1 else None))
        await screen.sees("Reject with feedback", "were not taken")
        assert not decisions(running)
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana rejected")
    assert [made.decision.feedback for made in decisions(running)] == ["cancel Lagos"]


async def test_escape_while_a_case_opens_goes_back_and_forgets_what_was_typed(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        for key in ("enter", "a", "escape"):
            await screen.app.on_event(Key(key, key if len(key) == 1 else None))
        await screen.sees("1/1", "enter open")
        assert len(screen.app.screen_stack) == 2


async def test_drafts_survive_the_console_and_are_gone_when_sent(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await screen.press(*"half a thought")
        await screen.until(lambda: list(running.state_dir.glob("drafts/*.json")))
    (kept,) = running.state_dir.glob("drafts/*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        assert screen.app.screen.query_one("#words").text == "half a thought"
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana rejected")
    assert not list(running.state_dir.glob("drafts/*"))


async def test_an_executed_step_of_a_closed_case_is_undone(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("enter", "U")
        await screen.sees("nothing to undo")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.sees("actioned")
        await screen.press("U")
        await screen.sees("Undo: unlock account", "LEDGER-7")
        await screen.press(*"wrong one", "enter")
        await screen.sees("Ordered: unlock account")
        await screen.press("4", "G")
        seen = await screen.sees(
            "ana        ordered undoing: wrong one",
            "ana        undone by unlock account: wrong one",
            "Undone by ana at",
            "unlock account: wrong one",
        )
        assert f"{CASE}  undone" in seen
        await screen.press("q", "9")
        listed = await screen.sees("outcome", "closed", "decided", "undone")
        assert " U undo" not in listed
        assert re.search(r"undone +\d+s +ana ", listed)


async def test_the_last_decision_is_repeated_on_another_case(running: Running) -> None:
    await one_case(running)
    await stories.investigated(running.record, stories.alert(2), now() - timedelta(minutes=2), QUICK)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press(".")
        await screen.sees("no decision to repeat")
        await screen.press("A")
        await screen.sees("Approve which action?")
        await screen.press("2", "enter")
        await screen.sees("Approve: refund charges?")
        await screen.press("enter")
        await screen.sees("Recorded: fraud-ALERT-001, ana approved refund charges")
        await screen.until(lambda: screen.app.screen.case_in_hand == "fraud-ALERT-002")
        await screen.press(".")
        await screen.sees("Approve: refund charges?", "fraud-ALERT-002")
        await screen.press("enter")
        await screen.until(lambda: running.record.load("fraud-ALERT-002").status is Status.CLOSED)
    assert running.record.load("fraud-ALERT-002").action_taken == "refund_charges"


async def test_a_decision_whose_answer_is_lost_is_recorded_once(running: Running) -> None:
    await one_case(running)
    running.desk.drop_answers = 4
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.sees("Recorded: ")
    assert len(decisions(running)) == 1


async def test_a_held_decision_can_be_withdrawn(running: Running) -> None:
    await one_case(running, SLOW)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("enter", "a")
        await screen.sees("after a hold of 10m")
        await screen.press("enter")
        await screen.sees("held", "u withdraws")
        await screen.press("u")
        await screen.sees("withdrawn", "decide")
    assert running.record.load(CASE).status is Status.AWAITING_REVIEW


async def test_a_case_is_claimed_and_given_back_with_the_same_key(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("c")
        await screen.sees("mine 1", "fraud-ALERT-001 is yours")
        await screen.press("c")
        await screen.sees("mine 0", "given back")


async def test_get_next_claims_and_opens_the_most_urgent_case(running: Running) -> None:
    await one_case(running)
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("n")
        await screen.sees("claim ana", "why this risk")
        await screen.press("escape")
        await screen.press("n")
        await screen.sees("why this risk", "Nothing else waits for you: this is a case you hold.")
        await screen.press("n")
        await screen.sees("Nothing else waits for you.")


async def test_a_note_is_written_once_although_its_answer_is_lost(running: Running) -> None:
    await one_case(running)
    running.desk.drop_answers = 1
    async with console(running.settings()) as screen:
        await screen.sees("multi country")
        await screen.press("m")
        await screen.sees("A note stays")
        await screen.press(*"called back", "enter")
        await screen.sees("Recorded: your note")
    notes = [e.body.text for e in running.record.events[CASE] if isinstance(e.body, NoteAdded)]
    assert notes == ["called back"]


async def test_who_may_not_decide_is_told_before_and_after(running: Running) -> None:
    await one_case(running, severity=Severity.CRITICAL, amount=Decimal(9000))
    async with console(running.settings("viewer-vic")) as screen:
        await screen.sees("multi country")
        await screen.press("a")
        await screen.sees("needs the role senior; you are viewer", "four-eyes")
        await screen.press("enter")
        await screen.sees("NOT RECORDED", "this needs the role")
    assert not decisions(running)


async def test_a_read_only_console_refuses_to_change_anything(running: Running) -> None:
    await one_case(running)
    async with console(running.settings(readonly=True)) as screen:
        await screen.sees("multi country", "READ-ONLY")
        for key in "acrmn":
            await screen.press(key)
            await screen.sees("This console is read-only")
    assert not decisions(running)


async def test_going_back_from_the_question_leads_to_the_choice_it_came_from(running: Running) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("A")
        await screen.sees("Approve which action?")
        await screen.press("4", "enter")
        await screen.sees("Approve: clear")
        await screen.press("escape")
        await screen.sees("Approve which action?")
        await screen.press("k", "enter")
        await screen.sees("Approve: lock account and refund charges?")
        await screen.press("escape", "escape")
        await screen.sees("enter open", "1/1")
        assert running.record.load(stories.case(1)).decisions == 0


@pytest.mark.parametrize("key", ["a", "r"])
async def test_who_takes_the_case_while_a_panel_is_open_is_said_in_it(running: Running, key: str) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press(key)
        await screen.sees("Approve" if key == "a" else "Reject with feedback")
        held = running.record.load(stories.case(1))
        await running.record.append(stories.case(1), commands.claim(held, person("bob"), now(), 900))
        await screen.sees("bob is working on this case.")


async def test_a_case_the_cursor_rests_on_is_asked_about_without_asking_the_server(running: Running) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.until(lambda: screen.app.opening.glimpsed is not None)
        running.desk.thawed.clear()
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        running.desk.thawed.set()


@pytest.mark.parametrize(("key", "title"), [("r", "Reject with feedback"), ("e", "Escalate")])
async def test_an_answer_to_another_question_is_no_reason(running: Running, key: str, title: str) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press(key)
        await screen.sees(title)
        await screen.press("y", "enter")
        await screen.sees("y says nothing to those who read it")
        assert running.record.load(stories.case(1)).decisions == 0
        await screen.press(*"ou called her", "enter")
        await screen.until(lambda: running.record.load(stories.case(1)).decisions == 1)


async def test_a_decision_leaves_no_draft_of_another_one_behind(running: Running) -> None:
    await stories.queue(running.record, 1)
    async with console(running.settings()) as screen:
        await screen.sees("1/1")
        await screen.press("r")
        await screen.sees("Reject with feedback")
        await screen.press(*"half", "escape")
        await screen.sees("the draft is kept")
        await screen.press("a")
        await screen.sees("Approve: lock account?")
        await screen.press("enter")
        await screen.sees(f"Recorded: {stories.case(1)}")
        await screen.until(lambda: not screen.app.state.drafts)

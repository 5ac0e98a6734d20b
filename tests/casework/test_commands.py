"""What people may ask of a case, and what they are told when they may not."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from casework import events as ev
from casework.action import Action
from casework.actor import Role
from casework.case import Case
from casework.commands import add_note, claim, release, submit_decision, withdraw
from casework.decision import DecisionRequest, Stage
from casework.errors import (
    AlreadyDecidedError,
    ClaimedError,
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    StaleDecisionError,
    TransitionError,
)
from casework.flow import TIME_TO_THINK_AGAIN, request_review
from casework.policy import Terms
from casework.transitions import Status
from tests.builders import (
    NOW,
    case_in_review,
    event,
    grow,
    make_alert,
    make_assessment,
    make_decision,
    make_person,
    make_request,
    review_requested,
)

ANN, BOB = make_person("ann"), make_person("bob")
SENIOR = make_person("sue", Role.SENIOR)


def decided(case: Case, **changes: object) -> Case:
    return grow(case, submit_decision(case, make_request(case, **changes), ANN, NOW))


def held() -> Case:
    case = decided(case_in_review())
    body = ev.HoldStarted(review=1, action=Action.LOCK_ACCOUNT, until=NOW + timedelta(seconds=5))
    return grow(case, [event(body, "hold:1")])


def test_an_approval_of_what_is_under_review_is_accepted() -> None:
    case = decided(case_in_review())
    assert case.status is Status.DECIDED
    assert case.decision is not None
    assert case.decision.summary.startswith("ann approved lock account at 2026-11-20")


def test_the_same_decision_again_changes_nothing() -> None:
    case = decided(case_in_review())
    assert submit_decision(case, make_request(case), ANN, NOW + timedelta(minutes=1)) == ()


def test_the_second_analyst_is_told_who_won() -> None:
    case = decided(case_in_review())
    with pytest.raises(AlreadyDecidedError, match="ann approved lock account at"):
        submit_decision(case, make_request(case), BOB, NOW)


def test_changing_ones_mind_is_not_a_repetition() -> None:
    case = decided(case_in_review())
    with pytest.raises(AlreadyDecidedError):
        submit_decision(case, make_request(case, action=Action.CLEAR), ANN, NOW)


@pytest.mark.parametrize("changes", [{"attempt": 2}, {"assessment_hash": "0" * 64}])
def test_a_decision_on_something_else_is_stale(changes: dict[str, object]) -> None:
    case = case_in_review()
    with pytest.raises(StaleDecisionError, match="under review"):
        submit_decision(case, make_request(case, **changes), ANN, NOW)


def test_a_viewer_cannot_decide() -> None:
    case = case_in_review()
    with pytest.raises(NotAllowedError, match="analyst"):
        submit_decision(case, make_request(case), make_person("vic", Role.VIEWER), NOW)


def test_a_floor_demands_its_role() -> None:
    case = case_in_review(alert=make_alert(severity="critical"))
    with pytest.raises(NotAllowedError, match="senior"):
        submit_decision(case, make_request(case), ANN, NOW)
    assert submit_decision(case, make_request(case), SENIOR, NOW)


def test_no_decision_on_a_case_that_waits_for_none() -> None:
    with pytest.raises(AlreadyDecidedError):
        submit_decision(held(), make_request(held()), BOB, NOW)
    closed = grow(case_in_review(), [event(ev.CaseClosed(outcome=ev.Outcome.FAILED), "closed")])
    with pytest.raises(ConflictError, match="closed"):
        submit_decision(closed, make_request(closed), ANN, NOW)


def test_the_second_approver_is_another_person_and_confirms_the_same_action() -> None:
    first = decided(case_in_review())
    proposed = make_decision(case_in_review(), ANN)
    body = review_requested(make_assessment(), 2, Stage.SECOND, proposed)
    case = grow(first, [event(body, "review:2")])
    with pytest.raises(NotAllowedError, match="four-eyes"):
        submit_decision(case, make_request(case), ANN, NOW)
    with pytest.raises(InvalidInputError, match="lock_account"):
        submit_decision(case, make_request(case, action=Action.CLEAR), BOB, NOW)
    assert submit_decision(case, make_request(case), BOB, NOW)


def test_when_attempts_are_used_up_the_senior_queue_cannot_reject() -> None:
    case = case_in_review(terms=Terms(max_attempts=1))
    senior = [
        event(ev.Escalated(reason=ev.EscalationReason.TIMEOUT), "escalated"),
        event(review_requested(make_assessment(), 2, Stage.SENIOR), "review:2"),
    ]
    case = grow(case, senior)
    request = make_request(case, approved=False, action=None, feedback="again")
    with pytest.raises(InvalidInputError, match="attempts are used"):
        submit_decision(case, request, SENIOR, NOW)


@pytest.mark.parametrize(
    "body", [{"approved": True}, {"approved": False}, {"approved": False, "feedback": " "}]
)
def test_a_request_must_say_what_it_orders(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="required"):
        DecisionRequest.model_validate({"attempt": 1, "assessment_hash": "0" * 64, **body})


def test_a_held_approval_can_be_withdrawn_by_its_giver_or_a_senior() -> None:
    with pytest.raises(NotAllowedError):
        withdraw(held(), BOB, NOW)
    assert withdraw(held(), SENIOR, NOW)
    case = grow(held(), withdraw(held(), ANN, NOW))
    assert case.status is Status.WITHDRAWN
    assert withdraw(case, ANN, NOW) == ()


@given(st.timedeltas(timedelta(0), timedelta(days=5)))
def test_withdrawing_gains_no_time_but_a_moment_to_think_again(later: timedelta) -> None:
    before = held()
    assert before.review is not None
    due, now = before.review.deadline, NOW + later
    case = grow(before, withdraw(before, ANN, now))
    again = grow(case, request_review(case, now)).review
    assert again is not None
    full = timedelta(seconds=before.terms.decision_deadline_seconds)
    assert again.deadline == min(max(due, now + TIME_TO_THINK_AGAIN), now + full)
    assert again.deadline > now


def test_nothing_can_be_withdrawn_before_or_after_the_hold() -> None:
    for case in (case_in_review(), decided(case_in_review())):
        with pytest.raises(TransitionError, match="nothing is held"):
            withdraw(case, ANN, NOW)


def test_a_claim_keeps_others_out_until_it_expires() -> None:
    case = grow(case_in_review(), claim(case_in_review(), ANN, NOW, 60))
    with pytest.raises(ClaimedError, match="claimed by ann until 12:01:00"):
        claim(case, BOB, NOW, 60)
    assert claim(case, BOB, NOW + timedelta(seconds=60), 60)
    assert claim(case, ANN, NOW, 60)


def test_a_claim_is_given_back_by_its_holder_or_a_senior() -> None:
    case = grow(case_in_review(), claim(case_in_review(), ANN, NOW, 60))
    with pytest.raises(NotAllowedError):
        release(case, BOB, NOW)
    assert release(case, SENIOR, NOW)
    assert grow(case, release(case, ANN, NOW)).claim is None
    assert release(case_in_review(), ANN, NOW) == ()


def test_notes_are_possible_after_closing_and_never_empty() -> None:
    closed = grow(case_in_review(), [event(ev.CaseClosed(outcome=ev.Outcome.FAILED), "closed")])
    assert grow(closed, add_note(closed, ANN, NOW, "for the file")).notes == 1
    with pytest.raises(InvalidInputError, match="text"):
        add_note(closed, ANN, NOW, "  ")

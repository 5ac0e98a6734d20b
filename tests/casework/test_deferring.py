"""Deferring a case: who may, until when at most, and everything that brings it back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from casework import events as ev
from casework import flow
from casework.actor import Role
from casework.case import Case
from casework.commands import Events, claim, defer, end_deferral, release, submit_decision
from casework.decision import Stage
from casework.errors import ClaimedError, ConflictError, InvalidInputError, NotAllowedError
from casework.views import summarise
from tests.builders import (
    NOW,
    case_in_review,
    event,
    grow,
    make_assessment,
    make_person,
    make_request,
    review_requested,
)

ANN, BOB = make_person("ann"), make_person("bob")
SOON = NOW + timedelta(hours=2)


def deferred() -> Case:
    case = case_in_review()
    return grow(case, defer(case, ANN, NOW, SOON, "the customer calls back"))


def test_a_deferred_case_says_who_put_it_off_until_when_and_why() -> None:
    row = summarise(deferred(), NOW)
    assert row.deferral is not None
    said = (row.deferral.name, row.deferral.since, row.deferral.until, row.deferral.reason)
    assert said == ("ann", NOW, SOON, "the customer calls back")


def test_a_deferral_is_none_once_its_time_has_come() -> None:
    assert summarise(deferred(), SOON).deferral is None


@pytest.mark.parametrize(
    ("until", "complaint"),
    [
        (NOW, "is past"),
        (datetime(1, 1, 1, tzinfo=UTC), "is past"),
        (datetime(9999, 12, 31, tzinfo=UTC), "before the decision deadline"),
    ],
)
def test_a_time_that_is_past_or_beyond_the_deadline_is_refused(until: datetime, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        defer(case_in_review(), ANN, NOW, until)


def test_the_deadline_itself_is_too_late_and_a_moment_before_is_not() -> None:
    case = case_in_review()
    assert case.deadline is not None
    with pytest.raises(InvalidInputError, match="before the decision deadline"):
        defer(case, ANN, NOW, case.deadline)
    assert defer(case, ANN, NOW, case.deadline - timedelta(microseconds=1))


def test_only_a_case_that_waits_for_a_decision_is_put_off() -> None:
    case = case_in_review()
    decided = grow(case, submit_decision(case, make_request(case), ANN, NOW))
    with pytest.raises(ConflictError, match="waits for no decision"):
        defer(decided, ANN, NOW, SOON)


def test_what_somebody_else_works_on_is_not_put_off() -> None:
    case = case_in_review()
    case = grow(case, claim(case, BOB, NOW, 900))
    with pytest.raises(ClaimedError, match="bob"):
        defer(case, ANN, NOW, SOON)


def test_a_viewer_puts_nothing_off() -> None:
    with pytest.raises(NotAllowedError):
        defer(case_in_review(), make_person("vic", Role.VIEWER), NOW, SOON)


def test_putting_off_gives_ones_claim_back() -> None:
    case = case_in_review()
    case = grow(case, claim(case, ANN, NOW, 900))
    assert grow(case, defer(case, ANN, NOW, SOON)).claim is None


def test_the_same_deferral_again_changes_nothing_and_another_replaces_it() -> None:
    case = deferred()
    assert defer(case, ANN, NOW, SOON, "the customer calls back") == ()
    later = SOON + timedelta(hours=1)
    moved = grow(case, defer(case, BOB, NOW, later))
    assert moved.deferral is not None
    assert (moved.deferral.actor, moved.deferral.until) == (BOB, later)


@pytest.mark.parametrize(
    "undo",
    [
        lambda case: claim(case, BOB, NOW, 900),
        lambda case: release(case, BOB, NOW),
        lambda case: end_deferral(case, BOB, NOW),
        lambda case: submit_decision(case, make_request(case), BOB, NOW),
        lambda case: flow.end_deferral(case, SOON),
        lambda case: flow.expire_review(case, 1, NOW),
        lambda case: flow.close(case, ev.Outcome.FAILED, None, NOW),
    ],
)
def test_claiming_deciding_releasing_and_time_bring_a_case_back(undo: Callable[[Case], Events]) -> None:
    case = deferred()
    assert grow(case, undo(case)).deferral is None


def test_a_new_question_is_not_put_off_because_the_one_before_was() -> None:
    case = deferred()
    decided = grow(case, submit_decision(case, make_request(case), ANN, NOW))
    asked = grow(decided, [event(review_requested(make_assessment(), 2, Stage.SECOND), "review:2")])
    assert asked.deferral is None


def test_nothing_is_ended_before_its_time_or_twice() -> None:
    case = deferred()
    assert flow.end_deferral(case, SOON - timedelta(seconds=1)) == ()
    back = grow(case, flow.end_deferral(case, SOON))
    assert (flow.end_deferral(back, SOON), end_deferral(back, ANN, SOON)) == ((), ())


def test_a_case_that_comes_back_is_put_off_again() -> None:
    case = deferred()
    back = grow(case, end_deferral(case, ANN, NOW))
    assert grow(back, defer(back, ANN, NOW, SOON)).deferral is not None


def test_a_case_that_came_back_still_says_who_had_put_it_off_and_why() -> None:
    case = deferred()
    assert summarise(case, NOW).returned is None
    claimed = grow(case, claim(case, BOB, NOW, 900))
    for row in (summarise(case, SOON), summarise(claimed, NOW)):
        assert row.deferral is None and row.returned is not None
        assert (row.returned.name, row.returned.until) == ("ann", SOON)
    again = grow(claimed, release(claimed, BOB, NOW))
    assert summarise(again, NOW).returned is not None
    decided = grow(claimed, submit_decision(claimed, make_request(claimed), BOB, NOW))
    assert summarise(decided, NOW).returned is None and decided.returned is None

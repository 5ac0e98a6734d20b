"""Passing a case on to the senior queue, and the codes that say why a decision was made."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from casework import events as ev
from casework import flow
from casework.action import Action
from casework.actor import Role
from casework.case import Case
from casework.commands import submit_decision
from casework.decision import Stage
from casework.errors import AlreadyDecidedError, ConflictError, NotAllowedError, StaleDecisionError
from casework.policy import Policy
from casework.reasons import CODES, ReasonCode, Verdict, verdict_of
from casework.transitions import Status
from casework.views import summarise
from tests.builders import (
    NOW,
    case_in_review,
    event,
    grow,
    make_assessment,
    make_decision,
    make_person,
    make_request,
    review_requested,
)

ANN, BOB = make_person("ann"), make_person("bob")
SENIOR = make_person("sue", Role.SENIOR)
UP = {"approved": False, "action": None, "escalate": True, "feedback": "a relative of mine"}


def passed_on(case: Case) -> Case:
    """The case once the flow has taken an analyst's escalation up."""
    case = grow(case, submit_decision(case, make_request(case, **UP), ANN, NOW))
    return grow(case, flow.apply_decision(case, Policy(), NOW))


def test_an_escalated_case_is_with_a_senior_who_reads_who_sent_it_and_why() -> None:
    case = passed_on(case_in_review())
    assert (case.status, case.escalation) == (Status.ESCALATED, ev.EscalationReason.ANALYST)
    assert case.review is not None
    assert (case.review.stage, case.review.required_role, case.attempt) == (Stage.SENIOR, Role.SENIOR, 1)
    assert (summarise(case, NOW).passed_on or "").endswith("UTC: a relative of mine")
    assert (summarise(case, NOW).passed_on or "").startswith("ann escalated at ")


def test_the_senior_has_their_own_deadline() -> None:
    case = passed_on(case_in_review())
    assert case.deadline == NOW + timedelta(seconds=case.terms.senior_deadline_seconds)


def test_an_analyst_may_pass_on_what_only_a_senior_may_decide() -> None:
    case = case_in_review(alert=None)
    critical = review_requested(make_assessment(), 2, Stage.SECOND)
    case = grow(case, submit_decision(case, make_request(case), BOB, NOW))
    case = grow(case, [event(critical.model_copy(update={"required_role": Role.SENIOR}), "review:2")])
    with pytest.raises(NotAllowedError):
        submit_decision(case, make_request(case), ANN, NOW)
    assert submit_decision(case, make_request(case, **UP), ANN, NOW)


def test_a_viewer_passes_nothing_on() -> None:
    case = case_in_review()
    with pytest.raises(NotAllowedError):
        submit_decision(case, make_request(case, **UP), make_person("vic", Role.VIEWER), NOW)


def test_what_is_in_the_senior_queue_goes_no_higher() -> None:
    case = passed_on(case_in_review())
    with pytest.raises(ConflictError, match="senior queue already"):
        submit_decision(case, make_request(case, **UP), BOB, NOW)


def test_of_an_escalation_and_a_decision_the_first_wins() -> None:
    case = case_in_review()
    up = grow(case, submit_decision(case, make_request(case, **UP), ANN, NOW))
    with pytest.raises(AlreadyDecidedError, match="ann escalated"):
        submit_decision(up, make_request(case), BOB, NOW)
    decided = grow(case, submit_decision(case, make_request(case), BOB, NOW))
    with pytest.raises(AlreadyDecidedError, match="bob approved"):
        submit_decision(decided, make_request(case, **UP), ANN, NOW)
    assert submit_decision(up, make_request(case, **UP), ANN, NOW) == ()


def test_an_escalation_of_an_earlier_assessment_is_stale() -> None:
    case = case_in_review()
    with pytest.raises(StaleDecisionError):
        submit_decision(case, make_request(case, **UP, assessment_hash="0" * 64), ANN, NOW)


def test_a_deadline_at_the_same_moment_changes_nothing() -> None:
    case = case_in_review()
    case = grow(case, submit_decision(case, make_request(case, **UP), ANN, NOW))
    assert flow.expire_review(case, 1, NOW + timedelta(days=9)) == ()


def test_a_new_attempt_forgets_who_passed_the_last_one_on() -> None:
    case = passed_on(case_in_review())
    back = make_request(case, approved=False, action=None, feedback="look at Lagos")
    case = grow(case, submit_decision(case, back, SENIOR, NOW))
    case = grow(case, flow.apply_decision(case, Policy(), NOW))
    assert (case.attempt, case.passed_on) == (2, None)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"escalate": True}, "approves nothing"),
        ({**UP, "feedback": " "}, "feedback is required"),
        ({"reason_code": ReasonCode.WRONG_RISK}, "no reason to approve; there are confirmed_by_customer"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        make_request(case_in_review(), **changes)


def test_every_code_belongs_to_exactly_one_verdict() -> None:
    listed = [code for verdict in Verdict for code in CODES[verdict]]
    assert sorted(listed) == sorted(ReasonCode)


@given(st.sampled_from(ReasonCode), st.booleans(), st.sampled_from(Action), st.booleans())
def test_a_code_is_taken_with_its_own_verdict_and_no_other(
    code: ReasonCode, approved: bool, action: Action, escalate: bool
) -> None:
    if approved and escalate:
        return
    verdict = verdict_of(approved, action, escalate)
    changes = {"approved": approved, "action": action, "escalate": escalate, "reason_code": code}
    try:
        request = make_request(case_in_review(), **changes, feedback="why")
    except ValidationError:
        assert code not in CODES[verdict]
    else:
        assert (code in CODES[verdict], request.verdict) == (True, verdict)


def test_the_code_is_part_of_what_was_decided() -> None:
    case = case_in_review()
    coded = make_request(case, reason_code=ReasonCode.KNOWN_PATTERN)
    decided = grow(case, submit_decision(case, coded, ANN, NOW))
    assert decided.decision is not None
    assert decided.decision.reason_code is ReasonCode.KNOWN_PATTERN
    assert submit_decision(decided, coded, ANN, NOW) == ()
    with pytest.raises(AlreadyDecidedError):
        submit_decision(decided, make_request(case), ANN, NOW)


def test_a_decision_of_before_there_were_codes_still_reads() -> None:
    stored = make_decision(case_in_review()).model_dump(mode="json", exclude={"reason_code", "escalate"})
    assert type(make_decision(case_in_review())).model_validate(stored) == make_decision(case_in_review())

"""No sequence of events reaches a forbidden status, and replaying events gives the projection."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework import events as ev
from casework.action import Action, ActionReceipt, Step
from casework.canonical import GENESIS
from casework.case import Case
from casework.decision import Stage
from casework.errors import SequenceError, TransitionError
from casework.finding import Specialist, ToolCall
from casework.history import apply, replay
from casework.policy import Terms
from casework.transitions import AWAITING, Status, allowed, next_status
from tests.builders import (
    CASE_ID,
    NOW,
    case_in_review,
    event,
    grow,
    make_alert,
    make_assessment,
    make_decision,
    make_finding,
    review_requested,
    story_until_review,
)

ASSESSMENT = make_assessment()
RECEIPT = ActionReceipt(action_id="x", step=Step.LOCK_ACCOUNT, executed_at=NOW, reference="r")
BODIES: list[ev.EventBody] = [
    ev.Opened(alert=make_alert(), terms=Terms()),
    ev.InvestigationStarted(attempt=1),
    ev.ToolCalled(attempt=1, specialist=Specialist.USAGE, call=ToolCall(call_id="c", tool="t")),
    ev.FindingRecorded(finding=make_finding()),
    ev.AssessmentRecorded(assessment=ASSESSMENT, assessment_hash=ASSESSMENT.hash),
    *(review_requested(ASSESSMENT, 1, stage) for stage in Stage),
    ev.Claimed(until=NOW),
    ev.Released(),
    ev.Deferred(until=NOW),
    ev.DeferralEnded(),
    ev.NoteAdded(text="n"),
    ev.TagsChanged(added=("vip",)),
    ev.DecisionSubmitted(decision=make_decision(case_in_review())),
    ev.DecisionApplied(decision_id="d", review=1),
    ev.HoldStarted(review=1, action=Action.LOCK_ACCOUNT, until=NOW),
    ev.DecisionWithdrawn(review=1),
    ev.ActionStarted(action=Action.LOCK_ACCOUNT, attempt=1),
    ev.ActionExecuted(receipt=RECEIPT),
    ev.ActionFailed(action_id="x", step=Step.LOCK_ACCOUNT, error="e"),
    ev.ActionReversed(reverses="x", receipt=RECEIPT),
    ev.ReversalOrdered(action_id="x"),
    ev.OrderRefused(order="decision", reason="r", fingerprint="0" * 64),
    ev.Escalated(reason=ev.EscalationReason.TIMEOUT),
    ev.NotificationSent(channel="log", text="t"),
    ev.CaseClosed(outcome=ev.Outcome.CLEARED),
    ev.CaseClosed(outcome=ev.Outcome.FAILED),
]
NEVER = {
    (Status.OPEN, Status.CLOSED): ev.Outcome.FAILED,
    (Status.AWAITING_REVIEW, Status.EXECUTING): None,
    (Status.AWAITING_REVIEW, Status.HELD): None,
    (Status.INVESTIGATING, Status.EXECUTING): None,
    (Status.AWAITING_SECOND, Status.HELD): None,
    (Status.ESCALATED, Status.EXECUTING): None,
    (Status.WITHDRAWN, Status.EXECUTING): None,
    (Status.DECIDED, Status.EXECUTING): None,
}


def test_every_kind_of_event_is_tried_here() -> None:
    kinds = {
        get_args(body.model_fields["type"].annotation)[0] for body in get_args(get_args(ev.EventBody)[0])
    }
    assert {body.type for body in BODIES} == kinds


@given(st.lists(st.sampled_from(BODIES), max_size=40))
@settings(max_examples=300)
def test_random_events_never_reach_a_forbidden_status_and_replay_to_the_projection(
    bodies: list[ev.EventBody],
) -> None:
    case: Case | None = None
    record: list[ev.CaseEvent] = []
    for number, body in enumerate([BODIES[0], *bodies]):
        seq, prev = (case.seq, case.head_hash) if case else (0, GENESIS)
        sealed = ev.seal(event(body, str(number)), CASE_ID, seq + 1, prev)
        try:
            after = apply(case, sealed)
        except TransitionError:
            continue
        if case is not None:
            _check_step(case, after, body)
        record.append(sealed)
        case = after
    assert replay(record) == case


def _check_step(before: Case, after: Case, body: ev.EventBody) -> None:
    failed = isinstance(body, ev.CaseClosed) and body.outcome is ev.Outcome.FAILED
    assert (before.status, after.status) not in NEVER or failed
    if before.status is Status.CLOSED:
        assert after.status is Status.CLOSED
    if after.status is Status.EXECUTING and before.status is not Status.EXECUTING:
        assert before.status is Status.HELD
    if after.status is Status.HELD:
        assert after.decision is not None or before.status is Status.HELD


@pytest.mark.parametrize("status", list(Status))
def test_allowed_lists_exactly_what_the_table_accepts(status: Status) -> None:
    def possible(body: ev.EventBody) -> bool:
        try:
            next_status(status, body)
        except TransitionError:
            return False
        return True

    accepted = {body.type for body in BODIES if possible(body)}
    rescued = {"closed"} if status is not Status.CLOSED else set()
    assert accepted == allowed(status) | rescued


def test_only_the_waiting_statuses_accept_a_decision() -> None:
    assert {status for status in Status if "decision_submitted" in allowed(status)} == AWAITING


def test_an_event_out_of_sequence_is_refused() -> None:
    case = case_in_review()
    late = ev.seal(event(ev.NoteAdded(text="n"), "n"), CASE_ID, case.seq, case.head_hash)
    with pytest.raises(SequenceError):
        apply(case, late)


def test_a_case_begins_with_being_opened() -> None:
    with pytest.raises(TransitionError, match="not opened"):
        grow(None, story_until_review()[1:])

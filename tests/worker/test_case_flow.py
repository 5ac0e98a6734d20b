"""The case flow from alert to closed case: what people, deadlines and failures make of it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from casework import durable_names as names
from casework.action import Action, ActionOrder, Step
from casework.actor import Role
from casework.alert import Severity
from casework.decision import Stage
from casework.errors import ActionRefusedError, CaseworkError, UnavailableError
from casework.events import EscalationReason, Outcome
from casework.finding import FindingStatus, Specialist
from casework.history import replay
from casework.policy import Policy, Terms
from casework.ports import ReversalOrder
from casework.transitions import Status
from tests.builders import make_person
from tests.worker.hub import NO_HOLD, FakeActions, FakeAnalyst, FakeTools, Hub, open_hub

SENIOR = make_person("sue", Role.SENIOR)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with open_hub(tmp_path) as opened:
        yield opened


def _kinds(hub: Hub, case_id: str) -> list[str]:
    return [event.body.type for event in hub.events(case_id)]


def _terms(**changes: Any) -> Terms:
    return NO_HOLD.model_copy(update=changes)


def test_low_evidence_closes_by_policy_without_a_person(tmp_path: Path) -> None:
    with open_hub(tmp_path, analyst=FakeAnalyst(risk=0.1)) as hub:
        case_id = hub.start()
        result = hub.result(case_id)
        case = hub.case(case_id)
        status = hub.custom_status(case_id)
    assert (case.outcome, case.action_taken) == (Outcome.AUTO_CLEARED, Action.CLEAR)
    assert result == {
        "alert_id": "A-1",
        "status": "completed",
        "risk_score": 0.1,
        "action_taken": "auto_clear",
        "success": True,
        "review_attempts": 1,
        "step_details": {},
    }
    assert status["message"] == "Completed"


def test_an_approved_action_is_executed_once_and_closes_the_case(hub: Hub) -> None:
    case_id = hub.start()
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    event = hub.submit(case_id)
    hub.tell(case_id, event)
    assert hub.result(case_id)["action_taken"] == "lock_account"
    case = hub.case(case_id)
    assert (case.status, case.outcome) == (Status.CLOSED, Outcome.ACTIONED)
    assert [receipt.step for receipt in case.receipts] == [Step.LOCK_ACCOUNT]
    assert replay(hub.events(case_id)) == case


def test_the_custom_status_asks_for_a_review_of_exactly_this_assessment(hub: Hub) -> None:
    case_id = hub.start()
    case = hub.until_status(case_id, Status.AWAITING_REVIEW)
    shown = _until_message(hub, case_id, "Awaiting analyst review (risk=0.90, attempt 1)")
    assert shown["assessment_hash"] == case.assessment_hash
    assert len(json.dumps(shown)) < 2000


def test_approving_clear_touches_nothing(tmp_path: Path) -> None:
    actions = FakeActions()
    with open_hub(tmp_path, actions=actions) as hub:
        case_id = hub.start()
        hub.until_status(case_id, Status.AWAITING_REVIEW)
        hub.submit(case_id, action=Action.CLEAR)
        assert hub.result(case_id)["action_taken"] == "clear"
        assert hub.case(case_id).outcome is Outcome.CLEARED
    assert actions.asked == []


def test_a_rejection_sends_the_same_session_back_with_its_memory(tmp_path: Path) -> None:
    analyst = FakeAnalyst()
    with open_hub(tmp_path, analyst=analyst) as hub:
        case_id = hub.start()
        hub.until_status(case_id, Status.AWAITING_REVIEW)
        first = hub.submit(case_id, approved=False, action=None, feedback="check if VPN usage")
        case = hub.until(case_id, lambda case: case.attempt == 2 and case.status is Status.AWAITING_REVIEW)
        hub.tell(case_id, first)  # a duplicate of the first decision must not answer the second review
        hub.submit(case_id, action=Action.LOCK_ACCOUNT)
        assert hub.result(case_id)["review_attempts"] == 2
        entity = hub.client.get_entity(_session(case_id))
    again = [request for request in analyst.asked if request.attempt == 2]
    assert {request.feedback for request in again} == {("check if VPN usage",)}
    assert all("what was seen" in request.history[0] for request in again)
    assert case.feedback == "check if VPN usage"
    state = json.loads(entity.get_state())
    assert state["schemaVersion"] == "1.1.0"
    history = state["data"]["conversationHistory"]
    assert [entry["$type"] for entry in history] == ["request", "response"] * 2
    assert history[2]["messages"][0]["contents"][0]["text"] == "check if VPN usage"


def test_rejecting_every_attempt_ends_in_the_senior_queue(hub: Hub) -> None:
    case_id = hub.start(_terms(max_attempts=2))
    for attempt in (1, 2):
        hub.until(case_id, lambda c, n=attempt: c.attempt == n and c.status is Status.AWAITING_REVIEW)
        hub.submit(case_id, approved=False, action=None, feedback=f"no {attempt}")
    case = hub.until_status(case_id, Status.ESCALATED)
    assert case.escalation is EscalationReason.ATTEMPTS_EXHAUSTED
    assert case.review is not None and case.review.stage is Stage.SENIOR
    hub.submit(case_id, SENIOR, action=Action.CLEAR)
    assert hub.result(case_id)["action_taken"] == "clear"


def test_silence_escalates_and_a_seniors_silence_closes_without_an_action(hub: Hub) -> None:
    case_id = hub.start(_terms(decision_deadline_seconds=0.2, senior_deadline_seconds=0.2))
    result = hub.result(case_id)
    assert (result["action_taken"], result["success"]) == ("escalate_timeout", False)
    case = hub.case(case_id)
    assert (case.outcome, case.action_taken, case.receipts) == (Outcome.UNANSWERED, None, ())
    assert "notification_sent" in _kinds(hub, case_id)


def test_exhausted_attempts_that_nobody_takes_up_say_so(hub: Hub) -> None:
    case_id = hub.start(_terms(max_attempts=1, senior_deadline_seconds=0.2))
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    hub.submit(case_id, approved=False, action=None, feedback="no")
    assert hub.result(case_id)["action_taken"] == "max_attempts_exhausted"


def test_a_decision_accepted_before_the_deadline_wins_although_its_event_never_came(hub: Hub) -> None:
    case_id = hub.start(_terms(decision_deadline_seconds=1.5))
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    hub.submit(case_id, tell=False)
    assert hub.result(case_id)["action_taken"] == "lock_account"
    assert "escalated" not in _kinds(hub, case_id)


def test_a_decision_that_answers_nothing_is_ignored(hub: Hub) -> None:
    case_id = hub.start()
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    hub.client.raise_orchestration_event(case_id, names.DECISION_EVENT, data={"nonsense": True})
    hub.client.raise_orchestration_event(case_id, names.DECISION_EVENT, data="words")
    hub.submit(case_id)
    assert hub.result(case_id)["success"] is True


def test_an_event_without_an_accepted_decision_moves_nothing(hub: Hub) -> None:
    case_id = hub.start()
    case = hub.until_status(case_id, Status.AWAITING_REVIEW)
    assert case.review is not None
    forged = {
        "decision_id": "x",
        "review": 1,
        "stage": "analyst",
        "attempt": 1,
        "assessment_hash": case.review.assessment_hash,
        "approved": True,
        "action": "both",
        "actor": make_person().model_dump(mode="json"),
        "decided_at": "2026-11-23T00:00:00Z",
    }
    hub.client.raise_orchestration_event(case_id, names.DECISION_EVENT, data={"decision": forged})
    hub.submit(case_id, action=Action.CLEAR)
    assert hub.result(case_id)["action_taken"] == "clear"


def test_a_withdrawn_approval_is_not_executed_and_the_question_is_put_again(tmp_path: Path) -> None:
    actions = FakeActions()
    with open_hub(tmp_path, actions=actions) as hub:
        case_id = hub.start(_terms(hold_seconds=30))
        hub.until_status(case_id, Status.AWAITING_REVIEW)
        hub.submit(case_id)
        hub.until_status(case_id, Status.HELD)
        hub.withdraw(case_id)
        case = hub.until(case_id, lambda c: c.status is Status.AWAITING_REVIEW and c.review.number == 2)
        assert case.attempt == 1
        assert actions.asked == []


def test_a_hold_that_runs_out_executes(hub: Hub) -> None:
    case_id = hub.start(_terms(hold_seconds=0.3))
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    hub.submit(case_id)
    assert hub.result(case_id)["action_taken"] == "lock_account"


def test_a_withdrawal_that_was_accepted_wins_over_the_end_of_the_hold(hub: Hub) -> None:
    case_id = hub.start(_terms(hold_seconds=1))
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    hub.submit(case_id)
    hub.until_status(case_id, Status.HELD)
    hub.withdraw(case_id)
    hub.until(case_id, lambda c: c.review is not None and c.review.number == 2)
    assert "action_started" not in _kinds(hub, case_id)


def test_a_large_amount_needs_a_second_person_who_may_decline(tmp_path: Path) -> None:
    ann, bob = make_person("ann", Role.SENIOR), make_person("bob", Role.SENIOR)
    with open_hub(tmp_path, policy=Policy()) as hub:
        case_id = hub.start(amount="9000.00")
        hub.until_status(case_id, Status.AWAITING_REVIEW)
        hub.submit(case_id, ann, action=Action.REFUND_CHARGES)
        case = hub.until_status(case_id, Status.AWAITING_SECOND)
        assert case.review is not None and case.review.proposed is not None
        hub.submit(case_id, bob, approved=False, action=None, feedback="not convinced")
        case = hub.until(case_id, lambda c: c.status is Status.AWAITING_REVIEW and c.review.number == 3)
        assert case.attempt == 1
        hub.submit(case_id, ann, action=Action.REFUND_CHARGES)
        hub.until_status(case_id, Status.AWAITING_SECOND)
        hub.submit(case_id, bob, action=Action.REFUND_CHARGES)
        assert hub.result(case_id)["action_taken"] == "refund_charges"


def test_an_action_out_of_reach_is_tried_again_under_the_same_id(tmp_path: Path) -> None:
    left = iter([UnavailableError("busy")])
    actions = FakeActions(fail=lambda _order: next(left, None))
    with open_hub(tmp_path, actions=actions) as hub:
        case_id = hub.start()
        hub.until_status(case_id, Status.AWAITING_REVIEW)
        hub.submit(case_id)
        assert hub.result(case_id)["action_taken"] == "lock_account"
    assert len(actions.asked) == 2
    assert len({order.action_id for order in actions.asked}) == 1


def test_a_failed_step_undoes_the_ones_before_and_a_senior_can_order_it_again(tmp_path: Path) -> None:
    broken = threading.Event()
    broken.set()

    def refuse(order: ActionOrder) -> CaseworkError | None:
        refused = order.step is Step.REFUND_CHARGES and broken.is_set()
        return ActionRefusedError("no such charge") if refused else None

    actions = FakeActions(fail=refuse)
    with open_hub(tmp_path, actions=actions) as hub:
        case_id = hub.start()
        hub.until_status(case_id, Status.AWAITING_REVIEW)
        hub.submit(case_id, action=Action.BOTH)
        case = hub.until_status(case_id, Status.ESCALATED)
        assert case.escalation is EscalationReason.ACTION_FAILED
        kinds = _kinds(hub, case_id)
        assert kinds.index("action_reversed") < kinds.index("action_failed") < kinds.index("escalated")
        assert [order.step for order in actions.asked] == [
            Step.LOCK_ACCOUNT,
            Step.REFUND_CHARGES,
            Step.UNLOCK_ACCOUNT,
        ]
        broken.clear()
        hub.submit(case_id, SENIOR, action=Action.BOTH)
        assert hub.result(case_id)["action_taken"] == "both"
        case = hub.case(case_id)
    assert case.outcome is Outcome.ACTIONED
    locks = [order.action_id for order in actions.asked if order.step is Step.LOCK_ACCOUNT]
    assert len(set(locks)) == 2  # the lock that was undone is a new lock, not the old receipt


def test_an_agent_past_its_deadline_leaves_the_case_to_a_person(tmp_path: Path) -> None:
    analyst = FakeAnalyst(risk=0.1, seconds=30)
    with open_hub(tmp_path, analyst=analyst) as hub:
        case_id = hub.start(_terms(agent_deadline_seconds=0.3))
        case = hub.until_status(case_id, Status.AWAITING_REVIEW)
    assert case.assessment is not None
    assert {brief.status for brief in case.assessment.findings} == {FindingStatus.NOT_EVALUABLE}
    assert case.risk == 0.6


def test_one_failing_specialist_is_not_evaluable_and_the_others_count(tmp_path: Path) -> None:
    def fail(request: Any) -> None:
        if request.specialist is Specialist.USAGE:
            raise RuntimeError("boom")

    with open_hub(tmp_path, analyst=FakeAnalyst(risk=0.2, on_ask=fail)) as hub:
        case = hub.until_status(hub.start(), Status.AWAITING_REVIEW)
    assert case.assessment is not None
    by_name = {brief.specialist: brief for brief in case.assessment.findings}
    assert by_name[Specialist.USAGE].status is FindingStatus.NOT_EVALUABLE
    assert "boom" in by_name[Specialist.USAGE].summary
    assert by_name[Specialist.LOCATION].risk == 0.2


def test_a_severe_alert_reaches_a_person_however_low_the_score(tmp_path: Path) -> None:
    with open_hub(tmp_path, analyst=FakeAnalyst(risk=0.0)) as hub:
        case = hub.until_status(hub.start(severity=Severity.HIGH), Status.AWAITING_REVIEW)
    assert case.risk == 0.6


def test_an_executed_action_can_be_reversed_once_after_the_case_is_closed(tmp_path: Path) -> None:
    actions = FakeActions()
    with open_hub(tmp_path, actions=actions) as hub:
        case_id = hub.start()
        hub.until_status(case_id, Status.AWAITING_REVIEW)
        hub.submit(case_id)
        hub.result(case_id)
        action_id = hub.case(case_id).receipts[0].action_id
        order = hub.order_reversal(case_id, action_id, SENIOR, "wrong person")
        for instance in ("reverse:1", "reverse:2"):
            hub.client.schedule_new_orchestration(
                names.REVERSAL_ORCHESTRATION, input=order.model_dump(mode="json"), instance_id=instance
            )
            assert hub.result(instance)["success"] is True
        events = [event for event in hub.events(case_id) if event.body.type == "action_reversed"]
    assert [event.actor.actor_id for event in events] == [SENIOR.actor_id]
    assert [order.step for order in actions.asked] == [Step.LOCK_ACCOUNT, Step.UNLOCK_ACCOUNT]


def test_reversing_what_was_never_executed_fails_with_a_reason(hub: Hub) -> None:
    case_id = hub.start()
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    order = ReversalOrder(case_id=case_id, action_id="nothing", requested_by=SENIOR)
    hub.client.schedule_new_orchestration(
        names.REVERSAL_ORCHESTRATION, input=order.model_dump(mode="json"), instance_id="reverse:x"
    )
    result = hub.result("reverse:x")
    assert result["success"] is False
    assert "awaiting_review" in result["error"]


def test_every_tool_call_is_in_the_record_before_the_finding_that_used_it(tmp_path: Path) -> None:
    tools = FakeTools()
    with open_hub(tmp_path, tools=tools) as hub:
        case_id = hub.start()
        hub.until_status(case_id, Status.AWAITING_REVIEW)
        kinds = _kinds(hub, case_id)
    assert kinds.count("tool_called") == len(tools.called) == 3
    assert kinds[:2] == ["opened", "investigation_started"]
    assert kinds.index("tool_called") < kinds.index("finding_recorded")


def _session(case_id: str) -> Any:
    from durabletask.entities import EntityInstanceId  # noqa: PLC0415

    return EntityInstanceId(names.AGENT_ENTITY, case_id)


def _until_message(hub: Hub, case_id: str, message: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}

    def told(_case: Any) -> bool:
        nonlocal shown
        shown = hub.custom_status(case_id)
        return bool(shown["message"] == message)

    hub.until(case_id, told)
    return shown

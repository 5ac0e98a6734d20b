"""An analyst's escalation, driven by the flow: once, to a senior, and never answering a later question."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from casework.action import Action
from casework.actor import Role
from casework.decision import Stage
from casework.errors import AlreadyDecidedError
from casework.events import EscalationReason
from casework.transitions import Status
from tests.builders import make_person
from tests.worker.hub import NO_HOLD, Hub, open_hub

SENIOR = make_person("sue", Role.SENIOR)
UP = {"approved": False, "action": None, "escalate": True, "feedback": "a relative of mine"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with open_hub(tmp_path) as opened:
        yield opened


def _count(hub: Hub, case_id: str, kind: str) -> int:
    return sum(event.body.type == kind for event in hub.events(case_id))


def test_an_escalated_case_goes_to_a_senior_at_once_and_they_decide(hub: Hub) -> None:
    case_id = hub.start()
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    hub.submit(case_id, **UP)
    case = hub.until_status(case_id, Status.ESCALATED)
    assert (case.escalation, case.attempt) == (EscalationReason.ANALYST, 1)
    assert case.review is not None
    assert case.review.stage is Stage.SENIOR
    hub.submit(case_id, SENIOR, action=Action.LOCK_ACCOUNT)
    assert hub.result(case_id)["action_taken"] == "lock_account"


def test_an_escalation_heard_twice_and_late_answers_no_later_question(hub: Hub) -> None:
    case_id = hub.start()
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    first = hub.submit(case_id, **UP)
    hub.tell(case_id, first)
    hub.until_status(case_id, Status.ESCALATED)
    hub.tell(case_id, first)
    hub.submit(case_id, SENIOR, approved=False, action=None, feedback="look at Lagos")
    hub.until(case_id, lambda case: case.attempt == 2 and case.status is Status.AWAITING_REVIEW)
    hub.tell(case_id, first)
    hub.submit(case_id, action=Action.CLEAR)
    assert hub.result(case_id)["action_taken"] == "clear"
    assert _count(hub, case_id, "escalated") == 1


def test_an_escalation_whose_event_never_came_is_found_when_the_deadline_passes(tmp_path: Path) -> None:
    with open_hub(tmp_path) as hub:
        case_id = hub.start(NO_HOLD.model_copy(update={"decision_deadline_seconds": 1.5}))
        hub.until_status(case_id, Status.AWAITING_REVIEW)
        hub.submit(case_id, tell=False, **UP)
        case = hub.until_status(case_id, Status.ESCALATED)
        assert case.escalation is EscalationReason.ANALYST
        hub.submit(case_id, SENIOR, action=Action.CLEAR)
        assert hub.result(case_id)["action_taken"] == "clear"
        assert _count(hub, case_id, "escalated") == 1


def test_a_decision_that_was_first_is_carried_out_although_an_escalation_is_heard(hub: Hub) -> None:
    case_id = hub.start()
    hub.until_status(case_id, Status.AWAITING_REVIEW)
    made = hub.submit(case_id, tell=False)
    with pytest.raises(AlreadyDecidedError, match="approved"):
        hub.submit(case_id, make_person("bob"), **UP)
    passed_on = made.decision.model_copy(update={"escalate": True, "approved": False})
    hub.tell(case_id, made.model_copy(update={"decision": passed_on}))
    assert hub.result(case_id)["action_taken"] == "lock_account"
    assert _count(hub, case_id, "escalated") == 0

"""Write access to the task hub alone moves nothing: on the real hub, with the SDK's own client."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from backends.signing import new_key, signer_from_pem
from casework import durable_names as names
from casework.action import Action
from casework.case import Case
from casework.decision import Decision, decision_id_for
from casework.events import DecisionSubmitted, NewEvent, OrderRefused, seal
from casework.ports import DecisionEvent, ReversalOrder, WithdrawalEvent
from casework.signing import signed
from casework.transitions import Status
from tests.builders import make_person
from tests.taskhub.launcher import running_hub
from tests.worker.hub import FakeActions, Hub, Terms, open_hub

ANN, EVE = make_person("ann"), make_person("eve")
NO_HOLD = Terms(hold_seconds=0, agent_deadline_seconds=20)
LONG_HOLD = Terms(hold_seconds=3600, agent_deadline_seconds=20)


@pytest.fixture(scope="module")
def actions() -> FakeActions:
    return FakeActions()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, actions: FakeActions) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("forged")
    with running_hub(folder) as process, open_hub(folder, actions=actions, address=process.address) as opened:
        yield opened


def waiting(hub: Hub, name: str, terms: Terms = NO_HOLD) -> Case:
    """A case that waits for an analyst."""
    return hub.until_status(hub.start(terms, alert_id=name), Status.AWAITING_REVIEW)


def forged(case: Case, **changes: Any) -> Decision:
    """An approval of exactly what is under review, which nobody gave."""
    assert case.review is not None
    fields = {
        "decision_id": decision_id_for(case.case_id, case.review.number),
        "review": case.review.number,
        "stage": case.review.stage,
        "attempt": case.review.attempt,
        "assessment_hash": case.review.assessment_hash,
        "approved": True,
        "action": Action.LOCK_ACCOUNT,
        "actor": EVE,
        "decided_at": datetime.now(UTC),
    }
    return Decision(**{**fields, **changes})


def as_recorded(case: Case, decision: Decision, signer: Any) -> str:
    """The text of the record that a decision would be, signed by somebody."""
    new = NewEvent(
        event_id=decision.decision_id,
        occurred_at=decision.decided_at,
        actor=decision.actor,
        body=DecisionSubmitted(decision=decision),
    )
    event = signed((new,), case, signer)[0]
    return seal(event, case.case_id, case.seq + 1, case.head_hash).link.text


def raise_raw(hub: Hub, case_id: str, data: Any, name: str = names.DECISION_EVENT) -> None:
    hub.client.raise_orchestration_event(case_id, name, data=data)


def refusal(hub: Hub, case_id: str, number: int = 1) -> OrderRefused:
    """The record of a refusal, as soon as there are so many."""
    hub.until(case_id, lambda case: case.refused >= number)
    found = [event.body for event in hub.events(case_id) if isinstance(event.body, OrderRefused)]
    return found[number - 1]


def still_waits_and_then_closes(hub: Hub, before: Case) -> None:
    """Nothing was decided, the deadline is the one it was, and a real decision ends the case."""
    after = hub.case(before.case_id)
    assert (after.status, after.review, after.decision) == (before.status, before.review, None)
    hub.submit(before.case_id, ANN, action=Action.CLEAR)
    assert hub.result(before.case_id)["success"] is True
    history = hub.client.get_orchestration_history(before.case_id)
    deadlines = [event for event in history if type(event).__name__ == "TimerCreatedEvent"]
    assert len(deadlines) == 2, "the agent's and the review's, however often the wait was entered"


def test_a_decision_raised_past_the_server_is_refused_and_the_case_waits_on(
    hub: Hub, actions: FakeActions
) -> None:
    case = waiting(hub, "PLAIN")
    raise_raw(hub, case.case_id, DecisionEvent(decision=forged(case)).model_dump(mode="json"))
    told = refusal(hub, case.case_id)
    assert (told.order, told.reason, told.claims) == ("decision", "it carries no signed record", "eve")
    still_waits_and_then_closes(hub, case)
    assert not [order for order in actions.asked if order.case_id == case.case_id]


@pytest.mark.parametrize(
    "data", [None, 7, "approve", [], {"decision": {"approved": True}}, {"x": "y" * 300_000}]
)
def test_whatever_else_is_raised_is_refused_too(hub: Hub, data: Any) -> None:
    case = waiting(hub, f"SHAPE-{len(str(data))}")
    raise_raw(hub, case.case_id, data)
    assert refusal(hub, case.case_id).reason == "it has not the form of a decision"
    still_waits_and_then_closes(hub, case)


def test_a_key_of_ones_own_does_not_help(hub: Hub) -> None:
    case = waiting(hub, "OWN-KEY")
    decision = forged(case)
    text = as_recorded(case, decision, signer_from_pem(new_key(), "eve's"))
    raise_raw(hub, case.case_id, DecisionEvent(decision=decision, record=text).model_dump(mode="json"))
    assert "which is not among AUDIT_TRUSTED_KEYS" in refusal(hub, case.case_id).reason
    still_waits_and_then_closes(hub, case)


def test_a_good_signature_under_an_altered_actor_does_not_fit(hub: Hub) -> None:
    case = waiting(hub, "ACTOR")
    text = as_recorded(case, forged(case, actor=ANN), hub.signer)
    altered = text.replace('"local:ann"', '"local:eve"').replace('"ann"', '"eve"')
    event = DecisionEvent(decision=forged(case), record=altered)
    raise_raw(hub, case.case_id, event.model_dump(mode="json"))
    assert refusal(hub, case.case_id).reason == "its signature does not fit what it says"
    still_waits_and_then_closes(hub, case)


def test_a_good_record_with_another_decision_beside_it_is_refused(hub: Hub) -> None:
    case = waiting(hub, "BESIDE")
    text = as_recorded(case, forged(case, actor=ANN, action=Action.CLEAR), hub.signer)
    raise_raw(hub, case.case_id, DecisionEvent(decision=forged(case), record=text).model_dump(mode="json"))
    assert refusal(hub, case.case_id).reason == "it does not say what was signed"
    still_waits_and_then_closes(hub, case)


def test_a_signed_decision_that_the_record_does_not_hold_is_refused(hub: Hub) -> None:
    case = waiting(hub, "UNRECORDED")
    decision = forged(case, actor=ANN)
    event = DecisionEvent(decision=decision, record=as_recorded(case, decision, hub.signer))
    raise_raw(hub, case.case_id, event.model_dump(mode="json"))
    assert refusal(hub, case.case_id).reason == "it is not in the case's record"
    still_waits_and_then_closes(hub, case)


def test_a_decision_signed_for_one_case_is_worth_nothing_in_another(hub: Hub) -> None:
    other, case = waiting(hub, "SOURCE"), waiting(hub, "TARGET")
    event = hub.submit(other.case_id, ANN)
    moved = event.decision.model_copy(
        update={"assessment_hash": case.assessment_hash, "decision_id": decision_id_for(case.case_id, 1)}
    )
    for number, decision in enumerate((event.decision, moved), start=1):
        replayed = DecisionEvent(decision=decision, record=event.record)
        raise_raw(hub, case.case_id, replayed.model_dump(mode="json"))
        assert refusal(hub, case.case_id, number).reason == f"it was signed for case {other.case_id}"
    still_waits_and_then_closes(hub, case)


def test_an_old_decision_of_the_same_case_decides_no_later_attempt(hub: Hub) -> None:
    case = waiting(hub, "AGAIN")
    old = hub.submit(case.case_id, ANN, approved=False, action=None, feedback="look again")
    second = hub.until(case.case_id, lambda now: now.attempt == 2 and now.status is Status.AWAITING_REVIEW)
    raise_raw(hub, case.case_id, old.model_dump(mode="json"))
    relabelled = DecisionEvent(decision=forged(second, actor=ANN), record=old.record)
    raise_raw(hub, case.case_id, relabelled.model_dump(mode="json"))
    assert refusal(hub, case.case_id).reason == "it does not say what was signed"
    after = hub.case(case.case_id)
    assert (after.status, after.review, after.refused) == (Status.AWAITING_REVIEW, second.review, 1)
    hub.submit(case.case_id, ANN, action=Action.CLEAR)
    assert hub.result(case.case_id)["review_attempts"] == 2


def test_a_forged_withdrawal_does_not_end_a_hold(hub: Hub) -> None:
    case = waiting(hub, "HELD", LONG_HOLD)
    hub.submit(case.case_id, ANN)
    held = hub.until_status(case.case_id, Status.HELD)
    raise_raw(hub, case.case_id, WithdrawalEvent(review=1).model_dump(mode="json"), names.WITHDRAWAL_EVENT)
    told = refusal(hub, case.case_id)
    assert (told.order, told.reason) == ("withdrawal", "it carries no signed record")
    after = hub.case(case.case_id)
    assert (after.status, after.hold_until) == (Status.HELD, held.hold_until)
    hub.withdraw(case.case_id, ANN)
    hub.until(case.case_id, lambda now: now.status is Status.AWAITING_REVIEW and now.refused == 1)


def test_nobody_undoes_an_action_that_nobody_ordered_undone(hub: Hub, actions: FakeActions) -> None:
    case = waiting(hub, "UNDO")
    hub.submit(case.case_id, ANN)
    hub.result(case.case_id)
    action_id = hub.case(case.case_id).receipts[0].action_id
    order = ReversalOrder(case_id=case.case_id, action_id=action_id, requested_by=EVE)
    hub.client.schedule_new_orchestration(
        names.REVERSAL_ORCHESTRATION, input=order.model_dump(mode="json"), instance_id="reverse:forged"
    )
    result = hub.result("reverse:forged")
    assert (result["success"], result["error"]) == (False, "nobody ordered that in the record")
    assert refusal(hub, case.case_id).claims == "eve"
    assert [o.action_id for o in actions.asked if o.case_id == case.case_id] == [action_id]


def test_a_flood_of_forgeries_fills_no_record(hub: Hub) -> None:
    case = waiting(hub, "FLOOD")
    for number in range(25):
        raise_raw(hub, case.case_id, {"number": number})
    hub.until(case.case_id, lambda now: now.refused == 20)
    hub.submit(case.case_id, ANN, action=Action.CLEAR)
    hub.result(case.case_id)
    assert hub.case(case.case_id).refused == 20


def test_a_decision_slipped_into_the_store_without_a_signature_is_not_carried_out(
    hub: Hub, actions: FakeActions
) -> None:
    case = waiting(hub, "SLIPPED")
    decision = forged(case, actor=ANN)
    slipped = NewEvent(
        event_id=decision.decision_id,
        occurred_at=decision.decided_at,
        actor=ANN,
        body=DecisionSubmitted(decision=decision),
    )
    text = hub.bridge.call(hub.desk.cases.append(case.case_id, [slipped]), 10).events[0].link.text
    hub.tell(case.case_id, DecisionEvent(decision=decision, record=text))
    assert refusal(hub, case.case_id).reason == "it is not signed"
    hub.client.terminate_orchestration(case.case_id)
    assert hub.case(case.case_id).decision_applied is False
    assert not [order for order in actions.asked if order.case_id == case.case_id]

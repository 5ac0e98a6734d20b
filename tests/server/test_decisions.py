"""Deciding: bound, once, by the right person, and never lost."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from casework.action import Action, ActionReceipt, Step, order_id
from casework.case import Case
from casework.decision import Stage
from casework.events import (
    ActionExecuted,
    ActionStarted,
    AssessmentRecorded,
    CaseClosed,
    DecisionApplied,
    HoldStarted,
    InvestigationStarted,
    NotificationSent,
    Outcome,
)
from tests.builders import NOW, event, make_assessment, review_requested
from tests.server.desk import Running, decision_body, running

URL = "/api/v1/cases/fraud-A-1/decision"


async def test_an_approval_is_recorded_and_then_handed_to_the_engine(server: Running) -> None:
    case = await server.put_review()
    answer = await server.http.post(URL, json=decision_body(case), headers={"X-Operator": "maria"})
    assert answer.status_code == 202
    assert answer.json()["status"] == "decided"
    assert "maria approved lock account" in answer.json()["decided"]
    ((case_id, raised),) = server.flow.decided
    assert case_id == case.case_id
    assert raised.decision.actor.actor_id == "local:maria"
    stored = await server.cases.load(case.case_id)
    assert stored.decision == raised.decision


async def test_a_decision_is_accepted_while_the_engine_is_away(server: Running) -> None:
    case = await server.put_review()
    server.flow.away = True
    assert (await server.http.post(URL, json=decision_body(case))).status_code == 202
    assert server.flow.decided == []
    server.flow.away = False
    server.clock.now += timedelta(minutes=1)
    await server.desk.sweep.once()
    assert [case_id for case_id, _ in server.flow.decided] == [case.case_id]


async def test_an_engine_that_hangs_delays_an_answer_only_so_long(tmp_path: Path) -> None:
    async with running(tmp_path, flow_patience_seconds=0.05) as server:
        case = await server.put_review()
        server.flow.hangs = True
        assert (await server.http.post(URL, json=decision_body(case))).status_code == 202


async def test_of_many_at_once_exactly_one_wins_and_the_others_learn_who(server: Running) -> None:
    case = await server.put_review()

    async def decide(number: int) -> Any:
        return await server.http.post(
            URL, json=decision_body(case), headers={"X-Operator": f"analyst{number}"}
        )

    answers = await asyncio.gather(*(decide(number) for number in range(16)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [202] + [409] * 15
    decision = (await server.cases.load(case.case_id)).decision
    assert decision is not None
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "/problems/already-decided"
            assert decision.summary in answer.json()["detail"]
    assert (await server.events_of()).count("decision_submitted") == 1
    assert len(server.flow.decided) == 1


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"attempt": 2}, 409, None),
        ({"assessment_hash": "0" * 64}, 409, None),
        ({"assessment_hash": "xyz"}, 422, "assessment_hash"),
        ({"attempt": 0}, 422, "attempt"),
        ({"attempt": "one"}, 422, "attempt"),
        ({"approved": None}, 422, "approved"),
        ({"action": "delete_everything"}, 422, "action"),
        ({"action": None}, 422, "body"),
        ({"approved": False, "feedback": "  "}, 422, "body"),
        ({"analyst_id": "somebody-else"}, 422, "analyst_id"),
        ({"notes": "x" * 4001}, 422, "notes"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_written(
    server: Running, change: dict[str, Any], status: int, field: str | None
) -> None:
    case = await server.put_review()
    answer = await server.http.post(URL, json=decision_body(case, **change))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if field is not None:
        assert field in {error["field"] for error in answer.json()["errors"]}
    assert (await server.cases.load(case.case_id)).seq == case.seq
    assert server.flow.decided == []


async def test_deciding_on_an_unknown_case_is_not_found(server: Running) -> None:
    case = await server.put_review()
    answer = await server.http.post("/api/v1/cases/fraud-none/decision", json=decision_body(case))
    assert answer.status_code == 404
    assert "fraud-none" in answer.json()["detail"]


async def test_a_repeated_key_is_answered_as_the_first_time_however_far_the_case_went(
    server: Running,
) -> None:
    case = await server.put_review()
    body = decision_body(case, approved=False, action=None, feedback="check the VPN")
    headers = {"Idempotency-Key": "intent-1"}
    assert (await server.http.post(URL, json=body, headers=headers)).status_code == 202
    await server.put(
        [
            event(DecisionApplied(decision_id="fraud-A-1:decision:1", review=1), "applied:1"),
            event(InvestigationStarted(attempt=2, feedback="check the VPN"), "started:2"),
        ]
    )
    repeated = await server.http.post(URL, json=body, headers=headers)
    assert (repeated.status_code, repeated.json()["attempt"]) == (202, 2)
    assert (await server.events_of()).count("decision_submitted") == 1
    without = await server.http.post(URL, json=body)
    assert without.status_code == 409


async def test_a_key_cannot_be_used_for_another_decision(server: Running) -> None:
    case = await server.put_review()
    headers = {"Idempotency-Key": "intent-1"}
    assert (await server.http.post(URL, json=decision_body(case), headers=headers)).status_code == 202
    other = await server.http.post(URL, json=decision_body(case, action="clear"), headers=headers)
    assert other.status_code == 409
    assert "Idempotency-Key" in other.json()["detail"]


@pytest.mark.parametrize("change", [{"notes": "and more"}, {"feedback": "another hint"}])
async def test_a_key_hides_no_words_that_were_not_recorded(server: Running, change: dict[str, str]) -> None:
    case = await server.put_review()
    body = decision_body(case, approved=False, action=None, feedback="check the VPN")
    headers = {"Idempotency-Key": "intent-1"}
    assert (await server.http.post(URL, json=body, headers=headers)).status_code == 202
    for sent in (headers, {}):
        assert (await server.http.post(URL, json={**body, **change}, headers=sent)).status_code == 409


async def test_a_key_of_an_earlier_review_decides_no_later_one(server: Running) -> None:
    case = await server.put_review()
    headers = {"Idempotency-Key": "intent-1"}
    first = decision_body(case, approved=False, action=None, feedback="check the VPN")
    assert (await server.http.post(URL, json=first, headers=headers)).status_code == 202
    again = make_assessment(attempt=2)
    later = await server.put(
        [
            event(DecisionApplied(decision_id="fraud-A-1:decision:1", review=1), "applied:1"),
            event(InvestigationStarted(attempt=2, feedback="check the VPN"), "started:2"),
            event(AssessmentRecorded(assessment=again, assessment_hash=again.hash), "assessment:2"),
            event(review_requested(again, 2), "review:2"),
        ]
    )
    answer = await server.http.post(URL, json=decision_body(later), headers=headers)
    assert answer.status_code == 409
    assert "Idempotency-Key" in answer.json()["detail"]
    assert (await server.cases.load(case.case_id)).decision is None


async def test_a_key_is_ones_own(server: Running) -> None:
    case = await server.put_review()
    key = {"Idempotency-Key": "same"}
    first = await server.http.post(URL, json=decision_body(case), headers={**key, "X-Operator": "ann"})
    second = await server.http.post(URL, json=decision_body(case), headers={**key, "X-Operator": "bob"})
    assert (first.status_code, second.status_code) == (202, 409)


@pytest.mark.parametrize("key", ["", "with space", "x" * 201])
async def test_a_malformed_key_is_refused(server: Running, key: str) -> None:
    case = await server.put_review()
    answer = await server.http.post(URL, json=decision_body(case), headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_a_second_approver_must_be_somebody_else(server: Running) -> None:
    case = await server.put_review()
    await server.http.post(URL, json=decision_body(case), headers={"X-Operator": "ann"})
    decided = await server.cases.load(case.case_id)
    second = review_requested(make_assessment(), 2, Stage.SECOND, proposed=decided.decision)
    await server.put([event(second, "review:2")])
    same = await server.http.post(URL, json=decision_body(case), headers={"X-Operator": "ann"})
    assert same.status_code == 403
    assert "four-eyes" in same.json()["detail"]
    other = await server.http.post(URL, json=decision_body(case), headers={"X-Operator": "bob"})
    assert other.status_code == 202


async def _hold(server: Running) -> None:
    case = await server.put_review()
    await server.http.post(URL, json=decision_body(case), headers={"X-Operator": "ann"})
    until = NOW + timedelta(hours=2)
    await server.put(
        [
            event(DecisionApplied(decision_id="fraud-A-1:decision:1", review=1), "applied:1"),
            event(HoldStarted(review=1, action=Action.LOCK_ACCOUNT, until=until), "hold:1"),
        ]
    )


async def test_a_held_approval_can_be_withdrawn_once(server: Running) -> None:
    await _hold(server)
    for _ in range(2):
        answer = await server.http.post(
            "/api/v1/cases/fraud-A-1/withdraw", json={"reason": "wrong"}, headers={"X-Operator": "ann"}
        )
        assert (answer.status_code, answer.json()["status"]) == (202, "withdrawn")
    assert (await server.events_of()).count("decision_withdrawn") == 1
    assert server.flow.withdrawn[0][1].review == 1


async def test_nothing_is_withdrawn_that_is_not_held(server: Running) -> None:
    await server.put_review()
    answer = await server.http.post("/api/v1/cases/fraud-A-1/withdraw")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/transition")


async def _close_actioned(server: Running) -> str:
    await _hold(server)
    action_id = order_id("fraud-A-1", 1, Step.LOCK_ACCOUNT)
    receipt = ActionReceipt(action_id=action_id, step=Step.LOCK_ACCOUNT, executed_at=NOW, reference="lock-1")
    await server.put(
        [
            event(ActionStarted(action=Action.LOCK_ACCOUNT, attempt=1), "action:1"),
            event(ActionExecuted(receipt=receipt), "executed:1"),
            event(NotificationSent(channel="log", text="done"), "notified"),
            event(CaseClosed(outcome=Outcome.ACTIONED, action=Action.LOCK_ACCOUNT), "closed"),
        ]
    )
    return action_id


async def test_an_executed_step_of_a_closed_case_can_be_undone(server: Running) -> None:
    action_id = await _close_actioned(server)
    body = {"action_id": action_id, "reason": "the customer called"}
    answer = await server.http.post(
        "/api/v1/cases/fraud-A-1/reverse", json=body, headers={"X-Operator": "lea"}
    )
    assert answer.status_code == 202
    (order,) = server.flow.reversed
    assert (order.action_id, order.requested_by.name) == (action_id, "lea")


async def test_what_was_not_executed_cannot_be_undone(server: Running) -> None:
    await _close_actioned(server)
    body = {"action_id": "fraud-A-1:1:refund_charges", "reason": "x"}
    answer = await server.http.post("/api/v1/cases/fraud-A-1/reverse", json=body)
    assert answer.status_code == 404


async def test_undoing_needs_the_engine_now(server: Running) -> None:
    action_id = await _close_actioned(server)
    server.flow.away = True
    body = {"action_id": action_id, "reason": "x"}
    answer = await server.http.post("/api/v1/cases/fraud-A-1/reverse", json=body)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def test_a_bulk_answers_each_item_as_if_alone(server: Running) -> None:
    first = await server.put_review("A-1")
    second = await server.put_review("A-2")
    items = [
        {"case_id": first.case_id, **decision_body(first)},
        {"case_id": second.case_id, **decision_body(second, attempt=7)},
        {"case_id": "fraud-none", **decision_body(first)},
        {"case_id": first.case_id, **decision_body(first, action="clear")},
    ]
    answer = await server.http.post("/api/v1/decisions", json={"items": items})
    assert answer.status_code == 200
    report = answer.json()
    assert [result["status"] for result in report["results"]] == [202, 409, 404, 409]
    assert (report["accepted"], report["refused"]) == (1, 3)
    assert [case_id for case_id, _ in server.flow.decided] == [first.case_id]


async def test_a_repeated_bulk_decides_each_item_once_however_far_each_case_went(server: Running) -> None:
    first, second, third = [await server.put_review(f"A-{number}") for number in (1, 2, 3)]
    words = {"approved": False, "action": None, "feedback": "check the VPN"}
    bodies = {case.case_id: decision_body(case, **words) for case in (first, second, third)}
    headers = {"Idempotency-Key": "intent-1"}

    async def send(*cases: Case) -> list[int]:
        items = [{"case_id": case.case_id, **bodies[case.case_id]} for case in cases]
        answer = await server.http.post("/api/v1/decisions", json={"items": items}, headers=headers)
        return [result["status"] for result in answer.json()["results"]]

    assert await send(first, second) == [202, 202]
    await server.put(
        [
            event(DecisionApplied(decision_id="fraud-A-1:decision:1", review=1), "applied:1"),
            event(InvestigationStarted(attempt=2, feedback="check the VPN"), "started:2"),
        ]
    )
    assert await send(first, second, third) == [202, 202, 202], "as after a request that broke off half way"
    for case_id in bodies:
        assert (await server.events_of(case_id)).count("decision_submitted") == 1


async def test_a_malformed_bulk_is_refused_whole(server: Running) -> None:
    case = await server.put_review()
    items = [{"case_id": case.case_id, **decision_body(case)}, {"case_id": case.case_id}]
    answer = await server.http.post("/api/v1/decisions", json={"items": items})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} >= {"items.1.attempt"}
    assert (await server.cases.load(case.case_id)).decision is None

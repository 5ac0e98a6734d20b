"""Passing a case on to the senior queue over HTTP: recorded first, delivered surely, decided once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from casework import flow
from casework.decision import Stage
from casework.events import Escalated, EscalationReason
from casework.policy import Policy
from tests.builders import event, make_assessment, review_requested
from tests.server.desk import Running, decision_body

URL = "/api/v1/cases/fraud-A-1/decision"
UP = {"approved": False, "action": None, "escalate": True, "feedback": "a relative of mine"}


async def test_an_escalation_is_recorded_and_handed_to_the_engine_once(server: Running) -> None:
    case = await server.put_review()
    for _ in range(2):
        body = decision_body(case, **UP, reason_code="conflict_of_interest")
        answer = await server.http.post(URL, json=body, headers={"X-Operator": "ann"})
        assert (answer.status_code, answer.json()["decided"][:13]) == (202, "ann escalated")
    (_, told), *_again = server.flow.decided
    assert (told.decision.escalate, told.decision.reason_code) == (True, "conflict_of_interest")
    assert (await server.events_of()).count("decision_submitted") == 1


async def test_an_escalation_accepted_while_the_engine_is_away_is_delivered_later(server: Running) -> None:
    case = await server.put_review()
    server.flow.away = True
    assert (await server.http.post(URL, json=decision_body(case, **UP))).status_code == 202
    server.flow.away = False
    server.clock.now += timedelta(minutes=2)
    await server.desk.sweep.once()
    assert [told.decision.escalate for _, told in server.flow.decided] == [True]


async def test_of_an_escalation_and_approvals_at_once_one_is_accepted(server: Running) -> None:
    case = await server.put_review()

    async def ask(name: str, **changes: Any) -> Any:
        body = decision_body(case, **changes)
        return await server.http.post(URL, json=body, headers={"X-Operator": name})

    answers = await asyncio.gather(ask("ann", **UP), ask("bob"), ask("cat", **UP), ask("dan"))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]


async def test_a_bulk_may_pass_cases_on(server: Running) -> None:
    case = await server.put_review()
    items = [{"case_id": case.case_id, **decision_body(case, **UP)}]
    answer = await server.http.post("/api/v1/decisions", json={"items": items})
    assert (answer.json()["accepted"], "escalated" in answer.json()["results"][0]["detail"]) == (1, True)


async def test_what_is_with_a_senior_goes_no_higher(server: Running) -> None:
    await server.put_review()
    senior = review_requested(make_assessment(), 2, Stage.SENIOR)
    escalated = Escalated(reason=EscalationReason.TIMEOUT)
    case = await server.put([event(escalated, "escalated:1"), event(senior, "review:2")])
    answer = await server.http.post(URL, json=decision_body(case, **UP))
    assert answer.status_code == 409


@pytest.mark.parametrize(
    "changes",
    [
        {"escalate": True},
        {**UP, "feedback": ""},
        {**UP, "reason_code": "wrong_risk"},
        {"reason_code": "because"},
        {"action": "clear", "reason_code": "known_pattern"},
    ],
)
async def test_what_contradicts_itself_is_refused_and_nothing_is_written(
    server: Running, changes: dict[str, Any]
) -> None:
    case = await server.put_review()
    answer = await server.http.post(URL, json=decision_body(case, **changes))
    assert answer.status_code == 422
    assert "decision_submitted" not in await server.events_of()


async def test_the_same_key_with_another_code_is_another_decision(server: Running) -> None:
    case = await server.put_review()
    headers = {"Idempotency-Key": "k"}
    first = await server.http.post(URL, json=decision_body(case), headers=headers)
    other = decision_body(case, reason_code="precaution")
    second = await server.http.post(URL, json=other, headers=headers)
    assert (first.status_code, second.status_code) == (202, 409)


async def test_who_passed_a_case_on_is_handed_every_other_one_first(server: Running) -> None:
    """A second pair of eyes is the point, also where the first belongs to a senior."""
    case = await server.put_review()
    await server.put_review("A-2")
    await server.http.post(URL, json=decision_body(case, **UP), headers={"X-Operator": "ann"})
    passed_on = await server.cases.load(case.case_id)
    await server.put(flow.apply_decision(passed_on, Policy(), passed_on.updated_at))

    async def ask(name: str) -> Any:
        return (await server.http.post("/api/v1/cases/next", headers={"X-Operator": name})).json()

    assert [(await ask("ann"))["case_id"], (await ask("ann"))["case_id"]] == ["fraud-A-2", "fraud-A-1"]
    await server.http.delete("/api/v1/cases/fraud-A-1/claim", headers={"X-Operator": "ann"})
    assert (await ask("bob"))["case_id"] == "fraud-A-1"

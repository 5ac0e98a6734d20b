"""The demo's routes as its page calls them, and what the demo got wrong put right."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from casework.decision import Stage
from casework.events import Escalated, EscalationReason
from casework.places import at
from tests.builders import event, make_assessment, review_requested
from tests.server.desk import Running, running, until

START = {
    "alert_id": "ALERT-001",
    "customer_id": 1,
    "alert_type": "multi_country_login",
    "description": "Login attempts from USA and Russia within 2 hours",
    "severity": "high",
    "approval_timeout_hours": 0.05,
}


async def test_the_three_alerts_are_a_bare_array(server: Running) -> None:
    alerts = (await server.http.get("/api/alerts")).json()
    assert [(a["alert_id"], a["customer_id"], a["alert_type"], a["severity"]) for a in alerts] == [
        ("ALERT-001", 1, "multi_country_login", "high"),
        ("ALERT-002", 2, "data_spike", "medium"),
        ("ALERT-003", 3, "unusual_charges", "high"),
    ]
    assert all(set(a) == {"alert_id", "customer_id", "alert_type", "description", "severity"} for a in alerts)


async def test_every_sample_alert_can_be_started(server: Running) -> None:
    for alert in (await server.http.get("/api/alerts")).json():
        answer = await server.http.post("/api/workflow/start", json=alert)
        assert answer.json()["status"] == "started"


async def test_starting_twice_is_starting_once(server: Running) -> None:
    first = await server.http.post("/api/workflow/start", json=START)
    server.clock.now += timedelta(seconds=5)
    second = await server.http.post("/api/workflow/start", json=START)
    assert first.json() == second.json()
    assert first.json() == {
        "instance_id": "fraud-ALERT-001",
        "alert_id": "ALERT-001",
        "status": "started",
    }
    assert {start.case_id for start in server.flow.started} == {"fraud-ALERT-001"}
    assert await server.events_of("fraud-ALERT-001") == ["opened"]


async def test_the_pages_timeout_becomes_the_terms(server: Running) -> None:
    await server.http.post("/api/workflow/start", json=START)
    terms = (await server.cases.load("fraud-ALERT-001")).terms
    assert (terms.decision_deadline_seconds, terms.senior_deadline_seconds) == (180.0, 180.0)
    await server.http.post(
        "/api/workflow/start", json={**START, "alert_id": "L", "approval_timeout_hours": 72}
    )
    assert (await server.cases.load("fraud-L")).terms.senior_deadline_seconds == 24 * 3600


async def test_a_case_is_started_later_when_the_engine_is_away(server: Running) -> None:
    server.flow.away = True
    assert (await server.http.post("/api/workflow/start", json=START)).status_code == 200
    server.flow.away = False
    server.clock.now += timedelta(minutes=1)
    await server.desk.sweep.once()
    assert [start.case_id for start in server.flow.started] == ["fraud-ALERT-001"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"alert_id": "../x"}, "alert_id"),
        ({"customer_id": "one"}, "customer_id"),
        ({"severity": "awful"}, "severity"),
        ({"approval_timeout_hours": 0}, "approval_timeout_hours"),
        ({"approval_timeout_hours": -1}, "approval_timeout_hours"),
        ({"alert_type": "Not A Label"}, "alert_type"),
        ({"description": "x" * 2001}, "description"),
    ],
)
async def test_a_wrong_start_writes_nothing(server: Running, change: dict[str, Any], field: str) -> None:
    answer = await server.http.post("/api/workflow/start", json={**START, **change})
    assert answer.status_code == 422
    assert field in answer.json()["detail"]
    assert sum((await server.cases.counts()).values()) == 0


async def test_the_status_is_encoded_twice_and_carries_the_steps(server: Running) -> None:
    await server.put_review()
    status = (await server.http.get("/api/workflow/status/fraud-A-1")).json()
    assert set(status) == {"instance_id", "status", "custom_status", "result"}
    assert (status["status"], status["result"]) == ("RUNNING", None)
    inner = json.loads(json.loads(status["custom_status"]))
    assert inner["message"] == "Awaiting analyst review (risk=0.70, attempt 1)"
    assert inner["risk_score"] == pytest.approx(0.7)
    assert inner["step_details"]["location_analysis_executor"]["status"] == "completed"


async def test_an_unknown_instance_says_so_in_the_demos_words(server: Running) -> None:
    status = await server.http.get("/api/workflow/status/nothing")
    decision = await server.http.post("/api/workflow/decision", json={"instance_id": "nothing"})
    for answer in (status, decision):
        assert (answer.status_code, answer.json()["detail"]) == (404, "Orchestration not found")


async def _decide(server: Running, **changes: Any) -> Any:
    body = {
        "instance_id": "fraud-A-1",
        "alert_id": "A-1",
        "approved": True,
        "approved_action": "lock_account",
    }
    return await server.http.post("/api/workflow/decision", json={**body, **changes})


async def test_a_decision_is_bound_to_the_review_that_waits(server: Running) -> None:
    case = await server.put_review()
    answer = await _decide(server, analyst_notes="seen before", analyst_id="analyst_ui")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "submitted", "instance_id": "fraud-A-1"},
    )
    decision = (await server.cases.load("fraud-A-1")).decision
    assert decision is not None
    assert decision.assessment_hash == case.assessment_hash
    assert (decision.actor.actor_id, decision.notes) == ("local:operator", "seen before")


async def test_a_rejection_ignores_the_action_the_page_sends_along(server: Running) -> None:
    await server.put_review()
    assert (await _decide(server, approved=False, approved_action="clear")).status_code == 200
    decision = (await server.cases.load("fraud-A-1")).decision
    assert decision is not None
    assert (decision.approved, decision.action) == (False, None)
    assert decision.feedback == "(no feedback given)"


async def test_an_unknown_action_is_not_a_success(server: Running) -> None:
    case = await server.put_review()
    answer = await _decide(server, approved_action="explode")
    assert answer.status_code == 422
    assert (await server.cases.load("fraud-A-1")).seq == case.seq


async def test_early_duplicate_and_late_decisions_are_conflicts(server: Running) -> None:
    await server.http.post("/api/workflow/start", json=START)
    early = await _decide(server, instance_id="fraud-ALERT-001", alert_id="ALERT-001")
    assert early.status_code == 409
    await server.put_review()
    assert (await _decide(server)).status_code == 200
    duplicate = await _decide(server, approved=False, feedback="no")
    assert duplicate.status_code == 409
    assert "operator approved lock account" in duplicate.json()["detail"]
    assert (await server.events_of("fraud-A-1")).count("decision_submitted") == 1


async def test_a_senior_review_takes_the_demos_decision_too(server: Running) -> None:
    await server.put_review()
    senior = review_requested(make_assessment(), 2, Stage.SENIOR)
    await server.put(
        [event(Escalated(reason=EscalationReason.TIMEOUT), "escalated"), event(senior, "review:2")]
    )
    assert (await _decide(server, approved_action="clear")).status_code == 200


async def test_a_decision_about_another_alert_is_refused(server: Running) -> None:
    await server.put_review()
    assert (await _decide(server, alert_id="A-2")).status_code == 422


async def test_the_producer_is_switched_on_and_off(tmp_path: Path) -> None:
    async with running(tmp_path, event_interval_seconds=0.05, anomaly_probability=0.5) as server:
        status = (await server.http.get("/api/producer/status")).json()
        assert status == {"running": False, "interval_seconds": 0.05, "anomaly_probability": 0.5}
        assert (await server.http.post("/api/producer/start")).json() == {"running": True}
        assert (await server.http.post("/api/producer/start")).json() == {"running": True}
        await until(lambda: server.desk.live.hub.position.telemetry.covers(at(4)), "telemetry to flow")
        assert (await server.http.post("/api/producer/stop")).json() == {"running": False}
        assert (await server.http.post("/api/producer/stop")).json() == {"running": False}


async def test_health_names_what_is_away(server: Running) -> None:
    answer = await server.http.get("/health")
    checks = answer.json()["checks"]
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
    assert checks["dts"]["ok"] is True
    assert checks["mcp"]["ok"] is False
    assert checks["mcp"]["error"]
    assert (checks["mcp"]["host"], checks["mcp"]["port"]) == ("127.0.0.1", 9)
    assert checks["openai_auth"]["ok"] is True


async def test_the_root_says_what_this_is_or_serves_the_page(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        assert (await server.http.get("/")).json()["message"] == "Durable Fraud Detection API"
        assert "window.__CONFIG__" in (await server.http.get("/config.js")).text
    (tmp_path / "static" / "assets").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("<html>page</html>")
    (tmp_path / "static" / "assets" / "app.js").write_text("1")
    async with running(tmp_path) as server:
        assert "page" in (await server.http.get("/")).text
        assert (await server.http.get("/assets/app.js")).status_code == 200
        assert (await server.http.get("/assets/..%2f..%2fcases.db")).status_code == 404

"""The desk at a glance: who am I, numbers, audit, health, and the published description."""

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from casework import events as ev
from casework.finding import TokenUsage
from casework.hub_picture import HubPicture
from server.openapi import REQUEST_EXAMPLES
from tests.builders import NOW, event, make_finding, make_hub_picture
from tests.server.desk import Running, decision_body, running, until


async def test_the_operator_is_who_the_header_says(server: Running) -> None:
    me = (await server.http.get("/api/v1/me", headers={"X-Operator": "maria@ops"})).json()
    assert (me["actor"]["actor_id"], me["actor"]["role"]) == ("local:maria@ops", "lead")
    assert (me["authenticated"], me["environment"]) == (False, "local")


async def test_the_numbers_count_decisions_and_how_long_they_took(server: Running) -> None:
    case = await server.put_review()
    await server.put_review("A-2")
    await server.http.post("/api/v1/cases/fraud-A-1/decision", json=decision_body(case))
    await until(lambda: server.desk.tally.decisions == 1, "the decision to be counted")
    stats = (await server.http.get("/api/v1/stats")).json()
    assert stats["decisions_accepted"] == 1
    assert stats["median_decision_seconds"] == 3600.0
    assert (stats["open_total"], stats["awaiting_total"]) == (2, 1)
    assert stats["oldest_waiting_seconds"] == 3600.0
    assert stats["next_deadline"] is not None


async def test_where_nothing_waits_no_wait_is_told(server: Running) -> None:
    stats = (await server.http.get("/api/v1/stats")).json()
    assert (stats["awaiting_total"], stats["oldest_waiting_seconds"], stats["next_deadline"]) == (
        0,
        None,
        None,
    )


async def test_the_numbers_survive_a_restart(tmp_path: Path) -> None:
    usage = TokenUsage(input_tokens=10, output_tokens=5)
    async with running(tmp_path) as server:
        opened = ev.Opened(alert=(await server.put_review("probe")).alert, terms=server.desk.policy.terms)
        await server.put(
            [
                event(opened, "opened"),
                event(ev.InvestigationStarted(attempt=1), "started"),
                event(ev.FindingRecorded(finding=make_finding(usage=usage)), "finding"),
            ]
        )
        case = await server.put_review("A-2")
        await server.http.post("/api/v1/cases/fraud-A-2/decision", json=decision_body(case))
    async with running(tmp_path) as server:
        await until(lambda: server.desk.tally.complete, "history to be counted")
        stats = (await server.http.get("/api/v1/stats")).json()
        assert (stats["decisions_accepted"], stats["usage"]["input_tokens"]) == (1, 10)


async def test_an_intact_record_verifies(server: Running) -> None:
    first = await server.put_review("A-1")
    second = await server.put_review("A-2")
    whole = (await server.http.get("/api/v1/audit/verify")).json()
    assert whole == {"cases": 2, "events": first.seq + second.seq, "broken": []}
    one = (await server.http.get("/api/v1/audit/verify", params={"case_id": "fraud-A-1"})).json()
    assert one == {"cases": 1, "events": first.seq, "broken": []}
    unknown = await server.http.get("/api/v1/audit/verify", params={"case_id": "fraud-none"})
    assert unknown.status_code == 404


async def test_the_whole_record_is_verified_for_one_at_a_time(server: Running) -> None:
    await server.put_review()
    async with server.desk.verifying:
        busy = await server.http.get("/api/v1/audit/verify")
        one = await server.http.get("/api/v1/audit/verify", params={"case_id": "fraud-A-1"})
    assert (busy.status_code, one.status_code) == (429, 200)
    assert (await server.http.get("/api/v1/audit/verify")).json()["cases"] == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE case_events SET text = replace(text, 'what was seen', 'what was sEEn') WHERE seq = 3",
        "DELETE FROM case_events WHERE seq = 7",
        "UPDATE case_events SET hash = '0' WHERE seq = 2",
        "UPDATE cases SET projection = replace(projection, '\"notes\":0', '\"notes\":5')",
        "UPDATE cases SET projection = '{'",
    ],
)
async def test_damage_is_found_and_named(server: Running, tmp_path: Path, damage: str) -> None:
    await server.put_review()
    with sqlite3.connect(tmp_path / "cases.db") as database:
        assert database.execute(damage).rowcount > 0
    database.close()
    report = (await server.http.get("/api/v1/audit/verify")).json()
    (broken,) = report["broken"]
    assert broken["case_id"] == "fraud-A-1"
    assert broken["reason"]


async def test_health_is_well_without_the_tools_and_ill_without_the_engine(server: Running) -> None:
    well = await server.http.get("/api/v1/health")
    assert (well.status_code, well.json()["status"]) == (200, "healthy")
    assert well.json()["seams"]["tools"]["ok"] is False
    server.flow.away = True
    ill = await server.http.get("/api/v1/health")
    assert (ill.status_code, ill.json()["seams"]["task_hub"]["ok"]) == (503, False)
    assert "connection refused" in ill.json()["seams"]["task_hub"]["detail"]


async def test_health_shows_the_picture_of_the_task_hub(server: Running) -> None:
    server.hub_watch.picture = make_hub_picture()
    told = (await server.http.get("/api/v1/health")).json()
    assert told["status"] == "healthy"
    assert told["task_hub"]["source"] == server.hub_watch.source
    assert HubPicture.model_validate(told["task_hub"]["picture"]) == server.hub_watch.picture


async def test_a_hub_whose_figures_are_not_known_may_be_well_and_the_reason_is_said(server: Running) -> None:
    answer = await server.http.get("/api/v1/health")
    told = answer.json()
    assert (answer.status_code, told["status"], told["task_hub"]["picture"]) == (200, "healthy", None)
    assert "nobody listens there" in told["task_hub"]["not_known"]


async def test_a_hub_that_cannot_write_is_not_well(server: Running) -> None:
    server.hub_watch.picture = make_hub_picture(storage_healthy=False, storage_failure="disk is full")
    answer = await server.http.get("/api/v1/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")


def _operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


async def test_every_route_describes_its_refusals_with_an_example(server: Running) -> None:
    schema = (await server.http.get("/openapi.json")).json()
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    operations = _operations(schema)
    assert len([path for path, *_ in operations if path.startswith("/api/v1")]) >= 20
    for path, method, operation in operations:
        assert operation.get("summary"), (path, method)
        refusals = {s: r for s, r in operation["responses"].items() if s[0] in "45"}
        assert refusals, (path, method)
        for status, refusal in refusals.items():
            content = refusal["content"]["application/problem+json"]
            assert content["example"]["status"] == int(status)
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


async def test_a_decision_can_be_copied_from_the_description(server: Running) -> None:
    schema = (await server.http.get("/openapi.json")).json()
    for path, method, operation in _operations(schema):
        if path.startswith("/api/v1") and "requestBody" in operation:
            media = operation["requestBody"]["content"]["application/json"]
            assert media.get("example") or media.get("examples"), (path, method)


async def test_a_clock_that_moves_expires_claims_in_every_view(server: Running) -> None:
    await server.put_review()
    await server.http.post("/api/v1/cases/fraud-A-1/claim")
    server.clock.now = NOW + timedelta(days=1)
    shown = (await server.http.get("/api/v1/cases/fraud-A-1")).json()
    assert shown["summary"]["claim"] is None


async def test_the_examples_of_the_description_are_valid(server: Running) -> None:
    for path, example in REQUEST_EXAMPLES.items():
        url = path.replace("{case_id}", "fraud-nothing")
        answer = await server.http.post(url, json=example)
        assert answer.status_code in (200, 202, 404, 409), (path, answer.text)

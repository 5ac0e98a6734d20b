"""Deferring a case over HTTP, and its return without anybody asking."""

from datetime import timedelta
from typing import Any

import pytest

from tests.server.desk import Running, decision_body

URL = "/api/v1/cases/fraud-A-1/deferral"
ANN = {"X-Operator": "ann"}


async def _defer(server: Running, **changes: Any) -> Any:
    until = server.clock.now + timedelta(hours=2)
    return await server.http.post(URL, json={"until": until.isoformat(), **changes}, headers=ANN)


async def _listed(server: Running, deferred: bool) -> int:
    answer = await server.http.get("/api/v1/cases", params={"deferred": deferred})
    return int(answer.json()["total"])


async def test_a_case_is_put_off_by_whoever_asked_and_is_on_record(server: Running) -> None:
    await server.put_review()
    for _ in range(2):
        answer = await _defer(server, reason="calls back")
        deferral = answer.json()["deferral"]
        assert (answer.status_code, deferral["name"], deferral["reason"]) == (200, "ann", "calls back")
    assert (await server.events_of()).count("deferred") == 1
    assert (await _listed(server, True), await _listed(server, False)) == (1, 0)


async def test_get_next_passes_over_what_is_put_off_until_its_time(server: Running) -> None:
    await server.put_review()
    await _defer(server)
    assert (await server.http.post("/api/v1/cases/next")).status_code == 404
    server.clock.now += timedelta(hours=2)
    assert (await server.http.post("/api/v1/cases/next")).status_code == 200


async def test_the_sweep_says_in_the_record_that_the_time_has_come(server: Running) -> None:
    await server.put_review()
    await _defer(server)
    await server.desk.sweep.once()
    assert (await server.events_of())[-1] == "deferred"
    server.clock.now += timedelta(hours=2)
    for _ in range(2):
        await server.desk.sweep.once()
    assert (await server.events_of())[-2:] == ["deferred", "deferral_ended"]


async def test_a_deferral_is_taken_back(server: Running) -> None:
    await server.put_review()
    await _defer(server)
    for _ in range(2):
        answer = await server.http.request("DELETE", URL, headers={"X-Operator": "bob"})
        assert (answer.status_code, answer.json()["deferral"]) == (200, None)
    assert (await server.events_of()).count("deferral_ended") == 1


async def test_releasing_a_deferred_case_brings_it_back(server: Running) -> None:
    await server.put_review()
    await _defer(server)
    answer = await server.http.request("DELETE", "/api/v1/cases/fraud-A-1/claim", headers=ANN)
    assert (answer.status_code, answer.json()["deferral"]) == (200, None)


@pytest.mark.parametrize("hours", [-1, 24 * 80])
async def test_a_time_past_or_beyond_the_deadline_is_refused_with_a_sentence(
    server: Running, hours: int
) -> None:
    await server.put_review()
    until = server.clock.now + timedelta(hours=hours)
    answer = await _defer(server, until=until.isoformat())
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "until")
    assert "deferred" not in await server.events_of()


@pytest.mark.parametrize("until", ["soon", "2026-03-02T14:30:00", None])
async def test_what_is_no_moment_is_refused(server: Running, until: object) -> None:
    await server.put_review()
    assert (await _defer(server, until=until)).status_code == 422


async def test_what_another_works_on_or_is_decided_is_a_conflict(server: Running) -> None:
    case = await server.put_review()
    await server.http.post("/api/v1/cases/fraud-A-1/claim", headers={"X-Operator": "bob"})
    claimed = await _defer(server)
    assert (claimed.status_code, claimed.json()["type"]) == (409, "/problems/claimed")
    await server.http.post("/api/v1/cases/fraud-A-1/decision", json=decision_body(case))
    assert (await _defer(server)).status_code == 409


async def test_an_unknown_case_cannot_be_put_off(server: Running) -> None:
    assert (await _defer(server)).status_code == 404

"""What stands before the routes: hosts, origins, sizes, deadlines, and how errors look."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from casework.errors import OverloadedError, UnavailableError
from tests.server.desk import Running, decision_body, listening, running


async def test_two_hosts_are_none(server: Running) -> None:
    headers = [("Host", "localhost"), ("Host", "evil.example")]
    answer = await server.http.get("/api/v1/me", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")


@pytest.mark.parametrize("host", ["localhost", "localhost:8001", "127.0.0.1:8001", "[::1]:8001", "LOCALHOST"])
async def test_loopback_names_are_answered(server: Running, host: str) -> None:
    assert (await server.http.get("/api/v1/me", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.168.0.7:8001", ""])
async def test_another_host_name_is_not(server: Running, host: str) -> None:
    answer = await server.http.get("/api/v1/me", headers={"Host": host})
    assert (answer.status_code, answer.json()["type"]) == (421, "/problems/unknown-host")


async def test_a_configured_host_name_is_answered(tmp_path: Path) -> None:
    async with running(tmp_path, allowed_hosts="fraud.internal, other") as server:
        assert (await server.http.get("/api/v1/me", headers={"Host": "fraud.internal"})).status_code == 200


async def test_a_foreign_page_can_change_nothing(server: Running) -> None:
    case = await server.put_review()
    foreign = {"Origin": "https://evil.example"}
    claim = await server.http.post("/api/v1/cases/fraud-A-1/claim", headers=foreign)
    decision = await server.http.post(
        "/api/v1/cases/fraud-A-1/decision", json=decision_body(case), headers=foreign
    )
    assert (claim.status_code, decision.status_code) == (403, 403)
    assert (await server.cases.load(case.case_id)).seq == case.seq


@pytest.mark.parametrize(
    "origin",
    [
        "http://[",
        "http://[::1",
        "file://localhost",
        "chrome-extension://localhost",
        "http://evil@localhost",
        "",
    ],
)
async def test_what_no_page_of_ours_sends_as_origin_is_foreign(server: Running, origin: str) -> None:
    await server.put_review()
    answer = await server.http.post("/api/v1/cases/fraud-A-1/claim", headers={"Origin": origin})
    assert answer.status_code == 403


async def test_of_two_origins_none_may_be_foreign(server: Running) -> None:
    await server.put_review()
    headers = [("Origin", "http://localhost"), ("Origin", "https://evil.example")]
    answer = await server.http.post("/api/v1/cases/fraud-A-1/claim", headers=headers)
    assert answer.status_code == 403


async def test_the_servers_own_page_and_the_demos_may(server: Running) -> None:
    await server.put_review()
    for origin in ("http://localhost", "http://localhost:5173"):
        answer = await server.http.post("/api/v1/cases/fraud-A-1/claim", headers={"Origin": origin})
        assert answer.status_code == 200


async def test_the_demos_origins_are_allowed_by_cors_with_credentials(server: Running) -> None:
    preflight = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    answer = await server.http.options("/api/workflow/start", headers=preflight)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert answer.headers["access-control-allow-credentials"] == "true"
    foreign = {**preflight, "Origin": "https://evil.example"}
    answer = await server.http.options("/api/workflow/start", headers=foreign)
    assert "access-control-allow-origin" not in answer.headers


async def test_a_large_body_is_refused_with_and_without_a_length(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 1024

    async with running(tmp_path, body_limit_bytes=16 * 1024) as server:
        case = await server.put_review()
        url, json_type = "/api/v1/cases/fraud-A-1/notes", {"Content-Type": "application/json"}
        whole = await server.http.post(url, content=b" " * 40_000, headers=json_type)
        chunked = await server.http.post(url, content=chunks(), headers=json_type)
        for answer in (whole, chunked):
            assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
        assert (await server.cases.load(case.case_id)).seq == case.seq


async def test_a_body_that_never_ends_arriving_is_given_up(tmp_path: Path) -> None:
    async with (
        running(tmp_path, body_timeout_seconds=0.1) as server,
        listening(server) as web,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(web.url).port)
        writer.write(
            b"POST /api/v1/telemetry HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        async with asyncio.timeout(20):
            status = await reader.readline()
        writer.close()
        assert b" 408 " in status


async def test_a_request_that_takes_too_long_is_answered(tmp_path: Path) -> None:
    async with running(tmp_path, request_timeout_seconds=0.1, flow_patience_seconds=20) as server:
        case = await server.put_review()
        server.flow.hangs = True
        answer = await server.http.post("/api/v1/cases/fraud-A-1/decision", json=decision_body(case))
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/timeout")
        assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (UnavailableError("cases.db: disk full"), 503, "unavailable"),
        (OverloadedError("too many writes"), 429, "overloaded"),
        (RuntimeError("secret inside"), 500, "internal"),
    ],
)
async def test_failures_of_a_store_are_told_apart(
    server: Running, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, slug: str
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(server.cases, "find", broken)
    answer = await server.http.get("/api/v1/cases")
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status in (429, 503))


async def test_writes_given_up_while_they_wait_do_not_stop_the_store(server: Running) -> None:
    await server.put_review()
    url = "/api/v1/cases/fraud-A-1/notes"
    given_up = [asyncio.ensure_future(server.http.post(url, json={"text": f"{n}"})) for n in range(20)]
    for turns, task in enumerate(given_up):
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    async with asyncio.timeout(20):
        assert (await server.http.post(url, json={"text": "last"})).status_code == 201


async def test_unknown_routes_and_methods_are_problems_too(server: Running) -> None:
    nothing = await server.http.get("/api/v1/nothing")
    wrong = await server.http.put("/api/v1/cases")
    for answer, status in ((nothing, 404), (wrong, 405)):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "GET" in wrong.headers["allow"]


@pytest.mark.parametrize("name", ["", "a b", "x" * 61, "<script>", "bob\t"])
async def test_an_impossible_operator_name_is_refused(server: Running, name: str) -> None:
    answer = await server.http.get("/api/v1/me", headers={"X-Operator": name})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "X-Operator"


async def test_a_form_is_not_json(server: Running) -> None:
    await server.put_review()
    answer = await server.http.post(
        "/api/v1/cases/fraud-A-1/notes",
        content=b'{"text":"x"}',
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status_code == 415

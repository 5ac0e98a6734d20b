"""Whatever a body holds: an answer in our words, never a crash, and nothing written on a refusal."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.desk import Running, running

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "attempt", "assessment_hash", "approved", "action", "feedback", "notes", "text", "items", "events",
    "case_id", "alert_id", "customer_id", "alert_type", "severity", "instance_id", "approved_action",
)  # fmt: skip
BODIES = JSON | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8)
PATHS = (
    "/api/v1/cases/fraud-A-1/decision",
    "/api/v1/cases/fraud-A-1/withdraw",
    "/api/v1/cases/fraud-A-1/reverse",
    "/api/v1/cases/fraud-A-1/notes",
    "/api/v1/decisions",
    "/api/v1/telemetry",
    "/api/workflow/start",
    "/api/workflow/decision",
)


@pytest.fixture
def loop_and_server(tmp_path: Path) -> Iterator[tuple[asyncio.Runner, Running]]:
    with asyncio.Runner() as runner:
        context = running(tmp_path)
        server = runner.run(context.__aenter__())
        runner.run(server.put_review())
        yield runner, server
        runner.run(context.__aexit__(None, None, None))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), body=BODIES)
def test_any_json_is_answered_in_our_words(
    loop_and_server: tuple[asyncio.Runner, Running], path: str, body: object
) -> None:
    runner, server = loop_and_server

    async def post() -> None:
        before = await server.cases.head(), await server.backends.telemetry.head()
        answer = await server.http.post(path, json=body)
        after = await server.cases.head(), await server.backends.telemetry.head()
        assert answer.status_code < 500, (path, body, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"]
            assert after == before

    runner.run(post())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), content=st.binary(max_size=200))
def test_any_bytes_are_answered_in_our_words(
    loop_and_server: tuple[asyncio.Runner, Running], path: str, content: bytes
) -> None:
    runner, server = loop_and_server

    async def post() -> None:
        before = await server.cases.head()
        headers = {"Content-Type": "application/json"}
        answer = await server.http.post(path, content=content, headers=headers)
        assert answer.status_code < 500, (path, content, answer.text)
        if answer.status_code >= 400:
            assert await server.cases.head() == before

    runner.run(post())

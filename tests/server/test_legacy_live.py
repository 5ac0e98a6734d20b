"""The demo's socket and event stream, over real connections."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from casework import events as ev
from casework.action import Action, ActionReceipt, Step
from casework.canonical import GENESIS
from casework.events import (
    ActionExecuted,
    ActionStarted,
    CaseClosed,
    DecisionApplied,
    Escalated,
    EscalationReason,
    HoldStarted,
    NewEvent,
    NotificationSent,
    Outcome,
)
from casework.telemetry import TELEMETRY
from server.legacy.frames import local_time
from server.legacy.projection import DemoProjection
from tests.builders import NOW, event, story_until_review
from tests.server.desk import Running, decision_body, listening, running
from tests.server.test_telemetry import record

NEEDLES = (
    "Running fraud analysis",
    "Re-investigating",
    "Awaiting analyst",
    "Executing",
    "Auto-clearing",
    "Sending notification",
    "Completed",
)


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as server, listening(server) as started:
        yield started


@asynccontextmanager
async def watching(web: Running, path: str = "/ws/fraud-A-1") -> AsyncIterator[ClientConnection]:
    async with connect(web.url.replace("http", "ws") + path, proxy=None) as socket:
        yield socket


async def _next(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(20):
        message = json.loads(await socket.recv())
    assert isinstance(message, dict)
    return message


def after_approval() -> list[NewEvent]:
    receipt = ActionReceipt(
        action_id="fraud-A-1:1:lock_account", step=Step.LOCK_ACCOUNT, executed_at=NOW, reference="lock-1"
    )
    held_until = NOW + timedelta(hours=2)
    return [
        event(DecisionApplied(decision_id="fraud-A-1:decision:1", review=1), "applied:1"),
        event(HoldStarted(review=1, action=Action.LOCK_ACCOUNT, until=held_until), "hold:1"),
        event(ActionStarted(action=Action.LOCK_ACCOUNT, attempt=1), "action:1"),
        event(ActionExecuted(receipt=receipt), "executed:1"),
        event(NotificationSent(channel="log", text="Completed the lock"), "notified"),
        event(CaseClosed(outcome=Outcome.ACTIONED, action=Action.LOCK_ACCOUNT), "closed"),
    ]


@pytest.mark.parametrize("path", ["/ws/fraud-A-1", "/api/workflow/ws/fraud-A-1"])
async def test_a_late_joiner_gets_all_it_needs_to_draw_the_case(web: Running, path: str) -> None:
    await web.put_review()
    async with watching(web, path) as socket:
        first = await _next(socket)
    assert (first["type"], first["instance_id"], first["status"]) == (
        "initial_status",
        "fraud-A-1",
        "RUNNING",
    )
    assert isinstance(first["custom_status"], str)
    assert [needle for needle in NEEDLES if needle in first["custom_status"]] == ["Awaiting analyst"]
    assert first["decision_required"] is True
    assert first["step_details"]["usage_pattern_executor"]["risk_score"] == 0.7


async def test_a_whole_case_is_told_in_the_demos_words(web: Running) -> None:
    case = await web.put_review()
    async with watching(web) as socket:
        await _next(socket)
        await web.http.post("/api/v1/cases/fraud-A-1/decision", json=decision_body(case))
        submitted = await _next(socket)
        assert (submitted["type"], submitted["action"]) == ("decision_submitted", "lock_account")
        await web.put(after_approval())
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["status"] != "COMPLETED":
            messages.append(await _next(socket))
    assert {message["type"] for message in messages} == {"status_update"}
    assert all(isinstance(message["custom_status"], str) for message in messages)
    told = list(dict.fromkeys(message["custom_status"] for message in messages))
    assert told == ["Executing analyst-approved action", "Sending notification", "Completed"]
    assert not any("decision_required" in message for message in messages)
    result = messages[-1]["result"]
    assert (result["action_taken"], result["success"], result["status"]) == (
        "lock_account",
        True,
        "completed",
    )
    assert result["step_details"]["fraud_action_executor"]["status"] == "completed"


async def test_a_refused_decision_is_not_announced(web: Running) -> None:
    case = await web.put_review()
    async with watching(web) as socket:
        await _next(socket)
        stale = decision_body(case, attempt=9)
        assert (await web.http.post("/api/v1/cases/fraud-A-1/decision", json=stale)).status_code == 409
        await socket.send(json.dumps({"type": "ping"}))
        assert (await _next(socket))["type"] == "pong"


async def test_a_socket_may_come_before_its_case(web: Running) -> None:
    async with watching(web) as socket:
        await socket.send(json.dumps({"type": "ping"}))
        assert (await _next(socket))["type"] == "pong"
        await web.put_review()
        update = await _next(socket)
        assert (update["type"], update["status"]) == ("status_update", "PENDING")


@pytest.mark.parametrize("said", ["", "not json", "[]", '"ping"', "[" * 5000, '{"type": "shutdown"}'])
async def test_whatever_else_a_client_says_is_ignored(web: Running, said: str) -> None:
    async with watching(web) as socket:
        await socket.send(said)
        await socket.send(json.dumps({"type": "ping"}))
        assert (await _next(socket))["type"] == "pong"


async def test_a_foreign_page_gets_no_socket(web: Running) -> None:
    url = web.url.replace("http", "ws") + "/ws/fraud-A-1"
    with pytest.raises(InvalidStatus):
        async with connect(url, origin="https://evil.example", proxy=None):  # type: ignore[arg-type]
            pass


async def test_sockets_are_closed_when_the_server_is_told_to_stop(web: Running) -> None:
    async with watching(web) as socket:
        await socket.send(json.dumps({"type": "ping"}))
        await _next(socket)
        web.desk.close_streams()
        with pytest.raises(ConnectionClosed):
            await _next(socket)


async def test_a_socket_that_left_is_forgotten(web: Running) -> None:
    async with watching(web) as socket:
        await socket.send(json.dumps({"type": "ping"}))
        await _next(socket)
        assert len(web.desk.watchers) == 1
    async with asyncio.timeout(20):
        while len(web.desk.watchers):  # noqa: ASYNC110 - nothing rings when a set shrinks
            await asyncio.sleep(0.01)


async def _demo_frames(web: Running, count: int) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    async with web.http.stream("GET", "/api/events/stream") as response, asyncio.timeout(40):
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["cache-control"] == "no-cache"
        events = [TELEMETRY.validate_python(record(n)) for n in (1, 2)]
        failures = {"method": "password", "reason": "wrong", "ip": "203.0.113.9"}
        for number in (3, 4, 5):
            changes = {"event_type": "auth_failure", "details": failures}
            events.append(TELEMETRY.validate_python(record(number, **changes)))
        await web.backends.telemetry.publish(events)
        async for line in response.aiter_lines():
            assert not line.startswith("event:"), "the page hears only unnamed events"
            if line.startswith("data: "):
                frames.append(json.loads(line.removeprefix("data: ")))
                if len(frames) == count:
                    break
    return frames


async def test_the_demos_stream_marks_anomalies_and_announces_cases(tmp_path: Path) -> None:
    async with running(tmp_path, detection_enabled=True) as server, listening(server) as web:
        frames = await _demo_frames(web, 7)
    by_id = {frame["id"]: frame for frame in frames}
    keys = {
        "id", "timestamp", "customer_id", "customer_name", "event_type", "details",
        "is_anomaly", "anomaly_rule", "alert_triggered",
    }  # fmt: skip
    assert all(set(frame) == keys for frame in frames)
    assert [by_id[f"E-{n}"]["is_anomaly"] for n in (1, 2, 3, 4, 5)] == [False, False, False, False, True]
    assert by_id["E-5"]["anomaly_rule"] == "rapid_auth_failures"
    assert by_id["E-5"]["alert_triggered"] is True
    banners = [frame for frame in frames if frame["event_type"] == "workflow_auto_started"]
    assert len(banners) == 2, "the last event sets off two rules"
    banner = banners[0]
    details = banner["details"]
    assert set(details) == {"instance_id", "alert_id", "alert_type", "description", "severity"}
    assert banner["id"] == f"WF-{details['alert_id']}"
    assert details["instance_id"] == f"fraud-{details['alert_id']}"
    assert banner["is_anomaly"] is True


@pytest.mark.parametrize("hours", [-14, 14])
@pytest.mark.parametrize("year", [1, 9999])
def test_times_at_the_ends_of_the_calendar_can_be_shown(year: int, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    month = 1 if year == 1 else 12
    assert local_time(datetime(year, month, 1 if year == 1 else 31, 12, tzinfo=zone))


def _view_after(*events: NewEvent) -> Any:
    sealed, previous = [], GENESIS
    for seq, new in enumerate([*story_until_review(), *events], start=1):
        sealed.append(ev.seal(new, "fraud-A-1", seq, previous))
        previous = sealed[-1].hash
    view = DemoProjection(sealed).view()
    assert view is not None
    return view


def test_a_case_nobody_answered_ends_as_a_timeout_without_an_action() -> None:
    view = _view_after(
        event(Escalated(reason=EscalationReason.TIMEOUT), "escalated"),
        event(CaseClosed(outcome=Outcome.UNANSWERED), "closed"),
    )
    assert view.result.action_taken == "escalate_timeout"
    assert view.result.success is False
    assert view.step_details["fraud_action_executor"]["status"] == "skipped"


def test_a_failed_case_is_failed_for_the_page() -> None:
    view = _view_after(event(CaseClosed(outcome=Outcome.FAILED, detail="terminated"), "closed"))
    assert (view.status, view.result) == ("FAILED", None)

"""Telemetry to cases: once per alert, after restarts too, and never held up by what cannot be handled."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from casework.errors import ConflictError, UnavailableError
from casework.rules import parse_rules
from casework.telemetry import TELEMETRY, Telemetry
from casework.transitions import Status
from server.ingest import Ingest
from server.observed import Observed
from tests.builders import NOW
from tests.server.desk import Running, eventually, running, until
from tests.server.test_telemetry import record

RULES = """
[[rule]]
id = "rapid_auth_failures"
kind = "count"
title = "Failed sign-ins in a row"
description = "{count} failed sign-ins"
severity = "high"
event_type = "auth_failure"
window = "5m"
threshold = 3
dedup = "5m"
"""


def failure(number: int, customer: int = 7, seconds: int = 0) -> Telemetry:
    details = {"method": "password", "reason": "wrong", "ip": "203.0.113.9"}
    changes = {
        "event_type": "auth_failure",
        "details": details,
        "customer_id": customer,
        "occurred_at": NOW + timedelta(seconds=seconds or number),
    }
    return TELEMETRY.validate_python(record(number, **changes))


def login(number: int) -> Telemetry:
    return TELEMETRY.validate_python(record(number))


def rules_file(tmp_path: Path, mode: str = "active") -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULES + f'mode = "{mode}"\n')
    return path


@pytest.fixture
async def detecting(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, detection_enabled=True, rules_file=rules_file(tmp_path)) as server:
        yield server


async def _case_ids(server: Running) -> tuple[str, ...] | None:
    return await server.cases.case_ids() or None


async def test_a_detection_opens_a_case_and_starts_its_flow(detecting: Running) -> None:
    await detecting.backends.telemetry.publish([failure(n) for n in (1, 2, 3)])
    (case_id,) = await eventually(lambda: _case_ids(detecting), "a case")
    case = await detecting.cases.load(case_id)
    assert (case.status, case.alert.rule_id) == (Status.OPEN, "rapid_auth_failures")
    assert case.alert.event_ids == ("E-1", "E-2", "E-3")
    await until(lambda: len(detecting.flow.started) == 1, "the flow to be started")
    listed = (await detecting.http.get("/api/v1/rules")).json()["items"]
    assert [(item["rule"]["id"], item["hits"], item["cases"]) for item in listed] == [
        ("rapid_auth_failures", 1, 1)
    ]


async def test_a_case_keeps_the_telemetry_that_raised_its_alert(detecting: Running) -> None:
    await detecting.backends.telemetry.publish([failure(n) for n in (1, 2, 3)])
    (case_id,) = await eventually(lambda: _case_ids(detecting), "a case")
    evidence = (await detecting.http.get(f"/api/v1/cases/{case_id}/evidence")).json()
    assert [seen["event_id"] for seen in evidence["triggers"]] == ["E-1", "E-2", "E-3"]
    assert evidence["triggers"][0]["details"]["ip"] == "203.0.113.9"


async def test_a_restart_replays_the_window_and_opens_nothing_twice(tmp_path: Path) -> None:
    options: dict[str, Any] = {"detection_enabled": True, "rules_file": rules_file(tmp_path)}
    async with running(tmp_path, **options) as server:
        await server.backends.telemetry.publish([failure(1), failure(2)])
        await until(lambda: server.desk.ingest.events_seen == 2, "both events to be looked at")
    async with running(tmp_path, **options) as server:
        await server.backends.telemetry.publish([failure(3)])
        first = await eventually(lambda: _case_ids(server), "a case over the restart")
    async with running(tmp_path, **options) as server:
        await until(lambda: server.desk.ingest.events_seen >= 3, "the window to be replayed")
        assert await server.cases.case_ids() == first
        assert await server.events_of(first[0]) == ["opened"]


async def test_a_shadow_rule_is_counted_and_opens_nothing(tmp_path: Path) -> None:
    shadow = rules_file(tmp_path, "shadow")
    async with running(tmp_path, detection_enabled=True, rules_file=shadow) as server:
        await server.backends.telemetry.publish([failure(n) for n in (1, 2, 3)])
        await until(lambda: server.desk.ingest.events_seen == 3, "the events to be looked at")
        assert await server.cases.case_ids() == ()
        stats = (await server.http.get("/api/v1/stats")).json()
        assert stats["shadow_hits_by_rule"] == {"rapid_auth_failures": 1}


async def test_the_engine_being_away_does_not_stop_detection(detecting: Running) -> None:
    detecting.flow.away = True
    events = [failure(n * 3 + k, customer=n + 1) for n in range(5) for k in range(3)]
    await detecting.backends.telemetry.publish(events)
    await until(lambda: detecting.desk.ingest.events_seen == 15, "all events to be looked at")
    assert len(await detecting.cases.case_ids()) == 5
    detecting.flow.away = False
    detecting.clock.now += timedelta(minutes=1)
    await detecting.desk.sweep.once()
    assert len({start.case_id for start in detecting.flow.started}) == 5


class _Batch:
    def __init__(self, events: list[Telemetry]) -> None:
        self.events = events
        self.traces: dict[str, str] = {}
        self.finished = False

    async def done(self) -> None:
        self.finished = True


class _Detector:
    """Chokes on one event, as a rule with a defect would."""

    def __init__(self, poison: str) -> None:
        self._poison = poison
        self.seen: list[str] = []

    def observe(self, event: Telemetry) -> tuple[()]:
        if event.event_id == self._poison:
            raise ZeroDivisionError("a defect")
        self.seen.append(event.event_id)
        return ()


def _ingest(server: Running) -> Ingest:
    backends = server.backends
    return Ingest(
        parse_rules(RULES, "rules"),
        backends.telemetry,
        backends.cases,
        backends.flow,
        terms=server.desk.policy.terms,
        clock=server.clock,
        observed=Observed(),
        patience_seconds=1,
    )


async def test_a_poison_event_is_parked_and_the_rest_goes_on(server: Running) -> None:
    ingest, batch, detector = _ingest(server), _Batch([login(1), login(2), login(3)]), _Detector("E-2")
    await ingest._take(detector, batch)  # type: ignore[arg-type]
    assert detector.seen == ["E-1", "E-3"]
    assert batch.finished
    (parked,) = ingest.parked
    assert (parked.event_id, parked.reason) == ("E-2", "ZeroDivisionError: a defect")


async def test_an_alert_the_store_refuses_is_parked(
    detecting: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise ConflictError("refused")

    monkeypatch.setattr(detecting.cases, "append", refuse)
    await detecting.backends.telemetry.publish([failure(n) for n in (1, 2, 3)])
    await until(lambda: detecting.desk.ingest.parked_total == 1, "the alert to be parked")
    assert detecting.desk.ingest.parked[0].reason == "refused"


async def test_nothing_is_skipped_while_the_store_is_away(
    detecting: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, tries = detecting.cases.append, 0

    async def sometimes(*args: Any, **kwargs: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise UnavailableError("disk full")
        return await append(*args, **kwargs)

    monkeypatch.setattr(detecting.cases, "append", sometimes)
    await detecting.backends.telemetry.publish([failure(n) for n in (1, 2, 3)])
    assert await eventually(lambda: _case_ids(detecting), "the case, at the third try")
    assert tries == 3

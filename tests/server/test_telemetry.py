"""Telemetry over HTTP: good records once, bad ones by index, malformed envelopes not at all."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import NOW
from tests.server.desk import Running

URL = "/api/v1/telemetry"


def record(number: int = 1, **changes: Any) -> dict[str, Any]:
    base = {
        "event_id": f"E-{number}",
        "event_type": "login",
        "customer_id": 7,
        "occurred_at": NOW.isoformat(),
        "details": {"country": "USA", "ip": "203.0.113.7", "success": True},
    }
    return {**base, **changes}


async def test_good_records_are_taken_once_and_bad_ones_named(server: Running) -> None:
    batch = [record(1), record(2, customer_id="seven"), record(3, event_type="teleport"), record(1), "text"]
    answer = await server.http.post(URL, json={"events": batch})
    assert answer.status_code == 202
    receipt = answer.json()
    assert (receipt["accepted"], receipt["duplicates"]) == (1, 1)
    assert [(bad["index"], bad["event_id"]) for bad in receipt["rejected"]] == [
        (1, "E-2"),
        (2, "E-3"),
        (4, None),
    ]
    assert receipt["rejected"][0]["field"] == "customer_id"
    assert receipt["rejected"][1]["field"] == "event_type"
    again = (await server.http.post(URL, json={"events": [record(1)]})).json()
    assert (again["accepted"], again["duplicates"]) == (0, 1)
    assert await server.backends.telemetry.head() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "2026-11-20T12:00:00"}, "occurred_at"),
        ({"occurred_at": (NOW + timedelta(days=3)).isoformat()}, "occurred_at"),
        ({"event_id": "has space"}, "event_id"),
        ({"event_id": ""}, "event_id"),
        ({"details": {"country": "USA", "ip": "x", "success": "yes"}}, "details.success"),
        ({"details": {"country": "USA", "ip": "x"}}, "details.success"),
        ({"surprise": 1}, "surprise"),
        ({"customer_id": 2**60}, "customer_id"),
        ({"occurred_at": (NOW + timedelta(hours=1, minutes=6)).isoformat()}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"occurred_at": "9999-12-31T23:59:59-14:00"}, "occurred_at"),
        ({"customer_name": "\ud800"}, "record"),
        ({"event_id": "\ud800"}, "record"),
        ({"\ud800": 1}, "record"),
        ({"details": {"country": "USA", "ip": "x", "success": float("1e999")}}, "details.success"),
        ({"surprise": json.loads("[" * 400 + "]" * 400)}, "record"),
    ],
)
async def test_a_wrong_record_names_its_field(server: Running, change: dict[str, Any], field: str) -> None:
    wrong = json.dumps({"events": [record(2), record(**change), record(3)]}).replace("Infinity", "1e999")
    answer = await server.http.post(URL, content=wrong, headers={"Content-Type": "application/json"})
    receipt = answer.json()
    assert receipt["accepted"] == 2
    (rejected,) = receipt["rejected"]
    assert (rejected["index"], rejected["field"]) == (1, field)
    assert rejected["reason"]
    assert await server.backends.telemetry.head() == 2


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"events": 5}', 422),
        (b'{"events": []}', 422),
        (b'{"events": [], "more": 1}', 422),
        (b'{"events": [{}', 400),
        (b"\xff\xfe", 400),
        (b'{"events": [{"a": 1, "a": 2}]}', 400),
        (b'{"events": [NaN]}', 400),
        (b'{"events": [1' + b"0" * 5000 + b"]}", 400),
        (b'{"events": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    ],
)
async def test_a_malformed_envelope_is_refused_whole(server: Running, content: bytes, status: int) -> None:
    answer = await server.http.post(URL, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert await server.backends.telemetry.head() == 0


async def test_too_many_records_are_refused_whole(server: Running) -> None:
    answer = await server.http.post(URL, json={"events": [1] * 5001})
    assert answer.status_code == 422
    assert await server.backends.telemetry.head() == 0


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_numbers_that_are_none_reach_no_window(server: Running, literal: str) -> None:
    body = (
        '{"events":[{"event_id":"E-1","event_type":"transaction","customer_id":7,'
        f'"occurred_at":"{NOW.isoformat()}","details":{{"amount":{literal},"currency":"USD","merchant":"m"}}}}]}}'
    )
    answer = await server.http.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (202, 400, 422)
    assert await server.backends.telemetry.head() == 0

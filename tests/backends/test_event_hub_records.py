"""Telemetry in the bodies of events, and what is remembered of it: no hub needed."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis.strategies import binary, text

from backends.azure.recent_telemetry import RecentTelemetry
from backends.azure.telemetry_records import (
    MOST_BODY_BYTES,
    MOST_RECORD_BYTES,
    MOST_RECORDS,
    Poison,
    Record,
    pack,
    unpack,
)
from backends.event_hub_settings import EventHubSettings
from backends.settings import BackendSettings
from casework.telemetry import Login, LoginDetails
from tests.builders import NOW


def record(number: int, ip: str = "192.0.2.1") -> Record:
    details = LoginDetails(country="Germany", ip=ip, success=True)
    event = Login(event_id=f"E-{number:05}", customer_id=1, occurred_at=NOW, details=details)
    return Record(event, event.model_dump_json().encode())


def test_packs_are_bounded_and_lose_nothing() -> None:
    records = [record(number, "x" * (number % 200)) for number in range(1000)]
    bodies = list(pack(records))
    assert all(len(body) <= MOST_BODY_BYTES for body in bodies)
    assert all(len(body.splitlines()) <= MOST_RECORDS for body in bodies)
    assert [found for body in bodies for found in unpack(body, NOW)] == records
    assert list(pack([])) == []


@pytest.mark.parametrize("shape", ["line", "pretty", "list", "lines with gaps"])
def test_other_producers_may_write_their_records_as_they_like(shape: str) -> None:
    one, two = record(1), record(2)
    documents = [json.loads(one.text), json.loads(two.text)]
    body = {
        "line": one.text,
        "pretty": json.dumps(documents[0], indent=2).encode(),
        "list": json.dumps(documents, indent=2).encode(),
        "lines with gaps": one.text + b"\r\n\r\n" + two.text + b"\n",
    }[shape]
    found = [item.event for item in unpack(body, NOW) if isinstance(item, Record)]
    assert found == [one.event, two.event][: len(found)]
    assert len(found) == (1 if shape in ("line", "pretty") else 2)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"\xff\x00", "not JSON"),
        (b"[1,", "not JSON"),
        (b"[1]", "event_type"),
        (b'{"event_type": "login"}', "event_id: Field required"),
        (record(1).text.replace(b'"customer_id":1', b'"customer_id":"1"'), "customer_id"),
        (b"x" * (MOST_RECORD_BYTES + 1), "too large"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, reason: str) -> None:
    (found,) = unpack(body, NOW)
    assert isinstance(found, Poison)
    assert reason in found.reason


@given(
    binary(max_size=200) | text(max_size=50).map(lambda inner: json.dumps([inner, {inner: inner}]).encode())
)
def test_no_body_whatever_raises(body: bytes) -> None:
    assert all(isinstance(found, (Record, Poison)) for found in unpack(body, NOW))


def test_an_event_from_the_future_ends_nobodys_windows() -> None:
    (found,) = unpack(record(1).text, NOW - timedelta(minutes=6))
    assert isinstance(found, Poison)
    assert "after it arrived" in found.reason


def test_the_window_forgets_the_oldest_and_says_so_by_having_them_no_longer() -> None:
    clock = [1_000_000]
    recent = RecentTelemetry(100, lambda: clock[0])
    recent.add(record(number) for number in range(200))
    assert "E-00000" not in recent
    assert [event.event_id for event in recent.find(["E-00199", "E-00000", "E-00150"])] == [
        "E-00150",
        "E-00199",
    ]
    assert [stored.event.event_id for stored in recent.after(recent.head - 2, 10)] == ["E-00198", "E-00199"]
    clock[0] += 5_000_000
    recent.add([record(300), record(300)])
    assert recent.head == clock[0]
    assert recent.seen == 201


def test_what_is_read_again_is_evidence_but_no_news() -> None:
    recent = RecentTelemetry(100)
    recent.add([record(1)], again=True)
    assert (recent.head, recent.after(0, 10), recent.seen) == (0, (), 0)
    recent.add([record(1), record(2)])
    assert [stored.event.event_id for stored in recent.after(0, 10)] == ["E-00002"]
    assert len(recent.find(["E-00001", "E-00002"])) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"eventhub_namespace": "n"}, "CHECKPOINT_BLOB_URL"),
        ({"eventhub_namespace": "n", "eventhub_connection_string": "x"}, "not both"),
        ({"eventhub_namespace": "https://n"}, "host name"),
        ({"eventhub_balance_seconds": 20}, "EVENTHUB_OWNERSHIP_SECONDS"),
        ({"checkpoint_container": "Bad_Name"}, "checkpoint_container"),
    ],
)
def test_settings_that_do_not_fit_say_which(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        EventHubSettings(**values)  # type: ignore[arg-type]


def test_a_variable_that_is_empty_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates of deployments pass every name on, with nothing in those that are not used."""
    for name in BackendSettings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert BackendSettings() == BackendSettings.model_construct(**_defaults())


def _defaults() -> dict[str, object]:
    return {name: field.get_default() for name, field in BackendSettings.model_fields.items()}

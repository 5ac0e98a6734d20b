"""Traces and metrics arrive where the settings say, without customer data, and never hold a process up."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from backends.observability.settings import ObservabilitySettings
from tests.peers.appinsights import Ingestion
from tests.peers.certificates import write_certificates
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.otlp import Collector
from tests.peers.tokens import Issuer

QUICK = {"EXPORT_FLUSH_SECONDS": "10"}
ISSUER = "https://login.example/tenant/v2.0"


def _report(**environment: str) -> dict[str, Any]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "tests.observability.reporting"],
        env={**kept, **QUICK, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_without_a_setting_nothing_is_loaded() -> None:
    assert _report() == {"sent": True, "seconds": pytest.approx(0, abs=1), "loaded": []}


def test_a_collector_gets_spans_and_metrics_on_the_way_out() -> None:
    collector = Collector()
    with collector.running() as environment:
        told = _report(**environment)
    assert told["sent"] is True
    assert told["loaded"] == ["opentelemetry.sdk"]
    (span,) = collector.spans
    assert (span.service, span.name, span.attributes["fraud.case_id"]) == ("reporter", "work", "fraud-A-1")
    assert span.attributes["note"] == "[masked]"
    assert [(point.name, point.value) for point in collector.points] == [("fraud.alerts", 2.0)]


def test_a_collector_that_does_not_answer_costs_no_more_than_the_flush() -> None:
    collector = Collector()
    collector.hold.clear()
    with collector.running() as environment:
        told = _report(**environment, EXPORT_FLUSH_SECONDS="0.3")
        collector.hold.set()
    assert told["sent"] is False
    assert told["seconds"] < 2


def test_application_insights_gets_them_and_nobody_else_is_asked() -> None:
    ingestion = Ingestion()
    with ingestion.running() as environment:
        told = _report(**environment)
        ingestion.until(lambda seen: seen.of("MetricData"), "the metric")
    assert told["sent"] is True
    (span,) = ingestion.of("RemoteDependencyData")
    assert span["name"] == "work"
    assert span["properties"]["fraud.case_id"] == "fraud-A-1"
    assert "q@example.org" not in json.dumps(ingestion.envelopes)
    roles = {item["tags"]["ai.cloud.role"] for item in ingestion.envelopes}
    assert roles == {"fraud-console.reporter"}


def test_application_insights_takes_a_token_where_one_is_asked_for(tmp_path: Path) -> None:
    identity = ManagedIdentity(Issuer(ISSUER))
    claims = identity.issuer.claims("x", identity.name)
    ingestion = Ingestion(issuer=identity.issuer, publishers=frozenset({claims["oid"]}))
    certificates = write_certificates(tmp_path)
    with ingestion.running(certificates=certificates) as environment, identity.running() as managed:
        _report(**environment)
        assert ingestion.envelopes == []
        _report(**environment, **managed, APPLICATIONINSIGHTS_AUTH="entra")
    assert ingestion.of("RemoteDependencyData")
    assert set(identity.asked) == {"https://monitor.azure.com/"}


def test_what_application_insights_refuses_is_not_sent_for_ever() -> None:
    ingestion = Ingestion(refuse_items={"RemoteDependencyData": 400})
    with ingestion.running() as environment:
        told = _report(**environment)
    assert told["sent"] is True
    assert ingestion.of("RemoteDependencyData") == []
    assert ingestion.requests <= 4


@pytest.mark.parametrize("status", [402, 429, 503])
def test_a_throttled_ingestion_does_not_keep_a_process_from_ending(status: int) -> None:
    ingestion = Ingestion(refuse=status)
    with ingestion.running() as environment:
        told = _report(**environment, EXPORT_FLUSH_SECONDS="1")
    assert told["seconds"] < 4


def test_a_connection_string_that_names_no_resource_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", "IngestionEndpoint=https://x")
    with pytest.raises(ValidationError, match="InstrumentationKey"):
        ObservabilitySettings()

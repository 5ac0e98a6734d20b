"""What the tests of production do again and again: run, send, find."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from casework.telemetry import TELEMETRY
from devstack.simulator.generator import Generator
from devstack.stories import STORIES
from devstack.stories.story import Story
from tests.e2e.product import DEADLINE_SECONDS, Product, eventually
from tests.peers.appinsights import Ingestion
from tests.peers.azure import FEED, Azure

KEPT = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
FLOW = "orchestration:fraud_detection_orchestration"
SPANS = ("RequestData", "RemoteDependencyData")


def command(azure: Azure, identity: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """One of the product's programs, as somebody with an identity of the tenant runs it."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        env={**KEPT, **azure.environment, **azure.as_identity(identity), "FRAUD_CONSOLE_CONFIG": "", **more},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def send(azure: Azure, product: Product, folder: Path, story: Story, run_id: str) -> None:
    """A story's telemetry by `fraud-console ingest`, as the service that may send it."""
    events = Generator((), Random(1), run_id=run_id).play(story, datetime.now(UTC))
    file = folder / f"{run_id}.jsonl"
    file.write_text("".join(f"{TELEMETRY.dump_json(event).decode()}\n" for event in events))
    signed_in = {"FRAUD_CONSOLE_IDENTITY": "service", "FRAUD_CONSOLE_SERVER": str(product.http.base_url)}
    done = command(azure, FEED, "devstack", "ingest", str(file), **signed_in)
    assert done.returncode == 0, done.stderr


def case_of(product: Product, story: Story) -> str:
    """The case that the story's telemetry has opened."""

    def look() -> str | None:
        answer = product.http.get("/api/v1/cases", params={"customer": story.customer_id})
        rows = answer.json()["items"]
        return next((str(row["case_id"]) for row in rows if row["alert_type"] == story.expected_rule), None)

    return eventually(look, f"the case of {story.key}")


def story_of(key: str) -> Story:
    return next(story for story in STORIES if story.key == key)


def token(azure: Azure, role: str) -> str:
    """A token of somebody with that role, as the issuer makes it."""
    person = azure.provider.directory.person(role)
    assert person is not None
    return azure.provider.token_for(person)


def trace_of(ingestion: Ingestion, case_id: str) -> dict[str, dict[str, Any]] | None:
    """The spans of the trace in which the case's orchestration ran, once that is over."""
    spans = [_span(one) for one in ingestion.envelopes if one["data"]["baseType"] in SPANS]
    ended = next((s for s in spans if s["name"].startswith(FLOW) and s["case"] == case_id), None)
    if ended is None:
        return None
    trace = {span["id"]: span for span in spans if span["trace"] == ended["trace"]}
    whole = all(span["parent"] in trace for span in trace.values() if span["parent"])
    return trace if whole else None


def _span(envelope: dict[str, Any]) -> dict[str, Any]:
    data, tags = envelope["data"]["baseData"], envelope["tags"]
    properties = data.get("properties") or {}
    return {
        "id": data["id"],
        "name": data["name"],
        "trace": tags["ai.operation.id"],
        "parent": tags.get("ai.operation.parentId", ""),
        "role": tags["ai.cloud.role"],
        "case": properties.get("durabletask.task.instance_id", properties.get("fraud.case_id")),
    }

"""The dashboard and the metrics, as a browser and Prometheus see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from durabletask.internal import orchestrator_service_pb2 as pb
from prometheus_client.parser import text_string_to_metric_families

from tests.taskhub.conftest import QUIET, BareStub, ended, eventually, run, working
from tests.taskhub.launcher import HubProcess, free_port, running_hub

NASTY = "<script>alert('x')</script>&"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubProcess, Client, httpx.Client]]:
    """A hub with a dashboard and a worker, and a browser."""
    port = free_port()
    settings = {"TASKHUB_DASHBOARD_PORT": str(port), "TASKHUB_MAX_DELIVERIES": "1"}
    with (
        running_hub(tmp_path_factory.mktemp("seen"), settings) as hub,
        working(hub),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as browser,
    ):
        yield hub, Client(**hub.connection, logger=QUIET), browser


def metric(browser: httpx.Client, name: str, **labels: str) -> float | None:
    """The present value of one metric."""
    answer = browser.get("/metrics")
    assert answer.status_code == 200
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None


def test_metrics_count_instances_items_and_workers(
    seen: tuple[HubProcess, Client, httpx.Client],
) -> None:
    _, client, browser = seen
    run(client, "chain", 1)
    eventually(lambda: metric(browser, "taskhub_instances", hub="default", status="completed"), "the count")
    assert metric(browser, "taskhub_workers", hub="default") == 1
    assert metric(browser, "taskhub_storage_healthy") == 1
    assert (metric(browser, "taskhub_items_completed_total", kind="activity") or 0) >= 3
    assert (metric(browser, "taskhub_commits_total") or 0) > 0
    assert (metric(browser, "process_resident_memory_bytes") or 0) > 1_000_000


def test_the_overview_shows_what_waits_and_for_how_long(
    seen: tuple[HubProcess, Client, httpx.Client],
) -> None:
    _, client, browser = seen
    client.schedule_new_orchestration("sleeping", input=3600, instance_id="asleep")
    client.schedule_new_orchestration("unknown to every worker", instance_id="unheard of")
    run(client, "echo", 1)
    eventually(lambda: "1 timers, the next at" in browser.get("/").text, "the timer")
    assert "Workers connected" in browser.get("/").text


def test_programs_read_the_overview_as_json(seen: tuple[HubProcess, Client, httpx.Client]) -> None:
    hub, client, browser = seen
    client.schedule_new_orchestration("sleeping", input=3600)
    unattended = Client(**{**hub.connection, "taskhub": "unattended"}, logger=QUIET)
    unattended.schedule_new_orchestration("echo", input=1)

    def told() -> dict[str, Any]:
        answer = browser.get("/snapshot.json")
        assert answer.headers["content-type"] == "application/json"
        found: dict[str, Any] = answer.json()
        return {**found, "hubs": {one.pop("name"): one for one in found["hubs"]}}

    def complete() -> dict[str, Any] | None:
        found = told()
        return found if found["timers"] and "unattended" in found["hubs"] else None

    found = eventually(complete, "the timer and the other hub")
    waiting = {"workers": 0, "instances": {"pending": 1}, "waiting": {"orchestration": 1}, "entities": 0}
    assert found["hubs"]["unattended"] == waiting
    assert found["hubs"]["default"]["workers"] == 1
    assert found["hubs_total"] >= 2
    assert found["oldest_item_age_seconds"]["orchestration"] >= 0
    assert 0 < found["next_timer_seconds"] <= 3600
    assert (found["storage_healthy"], found["storage_failure"]) == (True, "")
    assert found["database_bytes"] > 0


def test_an_instance_is_told_as_a_timeline_and_nothing_in_it_is_html(
    seen: tuple[HubProcess, Client, httpx.Client],
) -> None:
    _, client, browser = seen
    instance_id = f"{NASTY}/../ok?#"
    client.schedule_new_orchestration("waiting", input=1, instance_id=instance_id)
    client.raise_orchestration_event(instance_id, "Next", data=NASTY)
    ended(client, instance_id)
    listed = eventually(lambda: browser.get("/instances", params={"q": "<script"}).text, "the list")
    assert "<script" not in listed
    link = listed.split('href="/instances/default/', 1)[1].split('"', 1)[0]
    page = browser.get(f"/instances/default/{link}")
    assert page.status_code == 200
    assert "event &#x27;Next&#x27; received" in page.text
    assert "<script" not in page.text
    assert "script" in page.text


def test_a_given_up_item_is_shown_with_its_reason(seen: tuple[HubProcess, Client, httpx.Client]) -> None:
    hub, _, browser = seen
    other = Client(**{**hub.connection, "taskhub": "poisoned"}, logger=QUIET)
    other.schedule_new_orchestration("poison", instance_id="the poisoned one")
    with BareStub(hub) as stub:
        items = stub.GetWorkItems(pb.GetWorkItemsRequest(), metadata=(("taskhub", "poisoned"),))
        assert next(items).orchestratorRequest.instanceId == "the poisoned one"
        items.cancel()
    eventually(lambda: "it is not delivered again" in browser.get("/").text, "the reason")
    page = browser.get("/").text
    assert "the poisoned one" in page
    assert metric(browser, "taskhub_items_parked_total", kind="orchestration") == 1
    (note,) = browser.get("/snapshot.json").json()["parked"]
    assert (note["hub"], note["owner"]) == ("poisoned", "the poisoned one")
    assert "it is not delivered again" in note["reason"]


def test_pages_load_nothing_from_elsewhere_and_allow_nothing(
    seen: tuple[HubProcess, Client, httpx.Client],
) -> None:
    browser = seen[2]
    answer = browser.get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "src=" not in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text


def test_a_foreign_host_name_is_not_answered(seen: tuple[HubProcess, Client, httpx.Client]) -> None:
    refused = seen[2].get("/", headers={"host": "evil.example"})
    assert refused.status_code == 400
    assert "Instances" not in refused.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_dashboard_changes_nothing(seen: tuple[HubProcess, Client, httpx.Client], method: str) -> None:
    assert seen[2].request(method, "/instances/default/asleep").status_code == 405


@pytest.mark.parametrize(
    ("path", "code"),
    [("/instances/default/nobody", 404), ("/instances?status=runing", 400), ("/elsewhere", 404)],
)
def test_what_does_not_exist_gets_its_status(
    seen: tuple[HubProcess, Client, httpx.Client], path: str, code: int
) -> None:
    assert seen[2].get(path).status_code == code


def test_asking_often_costs_one_look_at_the_file(seen: tuple[HubProcess, Client, httpx.Client]) -> None:
    browser = seen[2]
    pages = {browser.get("/").text.split("as of ")[1][:29] for _ in range(20)}
    assert len(pages) < 20


def test_a_busy_dashboard_port_does_not_stop_the_hub(
    seen: tuple[HubProcess, Client, httpx.Client], tmp_path: Path
) -> None:
    taken = str(seen[2].base_url.port)
    with running_hub(tmp_path, {"TASKHUB_DASHBOARD_PORT": taken}) as other:
        assert "no_dashboard" in other.log.read_text("utf-8")
        assert other.stop() == 0


def test_a_hub_with_a_dashboard_stops_at_once(tmp_path: Path) -> None:
    port = free_port()
    with (
        running_hub(tmp_path, {"TASKHUB_DASHBOARD_PORT": str(port)}) as hub,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as browser,
    ):
        assert browser.get("/").status_code == 200
        assert hub.stop(seconds=10) == 0

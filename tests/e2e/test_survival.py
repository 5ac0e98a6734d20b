"""kill -9 at every stage: afterwards every case ends exactly once, with one action."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.e2e.product import Product, eventually, running_product

CASES = 50


@pytest.fixture
def fragile(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A product of one's own, to be broken."""
    with running_product(tmp_path / "data", HOLD_SECONDS="0.2") as running:
        yield running


def seen(product: Product, case_id: str, kind: str) -> None:
    """Return as soon as something of that kind happened to a case."""
    eventually(lambda: kind in product.kinds(case_id) or None, f"{kind} in {case_id}")


def finish(product: Product, case_id: str) -> None:
    """Bring a case to its end, whatever it waits for."""
    row = product.wait_for_status(case_id, "awaiting_review", "escalated", "closed", seconds=120)
    if row["status"] != "closed":
        product.approve(case_id)
    row = product.wait_for_status(case_id, "closed", seconds=120)
    assert (row["outcome"], row["action_taken"]) == ("actioned", "lock_account")
    product.check_closed_once(case_id)
    assert product.kinds(case_id).count("action_executed") == 1


def test_a_worker_killed_inside_a_specialist_reuses_what_was_found(fragile: Product) -> None:
    case_id = fragile.open_case("K1")
    seen(fragile, case_id, "tool_called")
    fragile.restart("worker")
    finish(fragile, case_id)
    findings = [
        (item["body"]["finding"]["attempt"], item["body"]["finding"]["specialist"])
        for item in fragile.timeline(case_id)
        if item["body"]["type"] == "finding_recorded"
    ]
    assert len(findings) == len(set(findings)) == 3


@pytest.mark.parametrize("stage", ["decision_submitted", "hold_started", "action_started", "action_executed"])
def test_a_worker_killed_around_the_action_executes_it_once(fragile: Product, stage: str) -> None:
    case_id = fragile.open_case("K2")
    fragile.wait_for_status(case_id, "awaiting_review")
    fragile.approve(case_id)
    seen(fragile, case_id, stage)
    fragile.restart("worker")
    fragile.wait_for_status(case_id, "closed")
    finish(fragile, case_id)


def test_a_decision_accepted_while_the_hub_is_down_is_delivered(fragile: Product) -> None:
    case_id = fragile.open_case("K3")
    fragile.wait_for_status(case_id, "awaiting_review")
    fragile.kill("taskhub")
    fragile.approve(case_id)
    fragile.kill("server")
    fragile.start("taskhub", "server")
    finish(fragile, case_id)


def test_an_alert_accepted_while_the_hub_is_down_is_investigated(fragile: Product) -> None:
    fragile.kill("taskhub")
    case_id = fragile.open_case("K4")
    fragile.start("taskhub")
    finish(fragile, case_id)


@pytest.mark.timeout(400)
def test_fifty_waiting_cases_survive_the_hub_and_then_everything(fragile: Product) -> None:
    ids = [fragile.open_case(f"K5-{number:02}") for number in range(CASES)]
    for case_id in ids:
        fragile.wait_for_status(case_id, "awaiting_review", seconds=180)
    fragile.restart("taskhub")
    for case_id in ids[: CASES // 2]:
        fragile.approve(case_id)
    for name in ("server", "worker", "taskhub", "mcp_tools"):
        fragile.kill(name)
    fragile.start("taskhub", "mcp_tools", "worker", "server")
    for case_id in ids[CASES // 2 :]:
        fragile.approve(case_id)
    for case_id in ids:
        finish(fragile, case_id)
    executed = [action_id for action_id, _step in fragile.receipts()]
    assert len(executed) == len(set(executed)) == CASES


def test_two_workers_share_the_load_and_one_may_die(fragile: Product, tmp_path: Path) -> None:
    other = replace(fragile.process("worker").service, health_url=None, port=None)
    second = fragile.again(other, tmp_path, WORKER_HEALTH_PORT="0")
    second.start()
    try:
        ids = [fragile.open_case(f"K6-{number:02}") for number in range(20)]
        seen(fragile, ids[0], "tool_called")
        fragile.kill("worker")
        for case_id in ids:
            finish(fragile, case_id)
    finally:
        assert second.popen is not None
        second.popen.kill()
        second.popen.wait(10)


def test_mcp_down_is_not_low_risk(fragile: Product) -> None:
    fragile.kill("mcp_tools")
    case_id = fragile.open_case("K7", severity="medium", alert_type="data_spike", customer_id=2)
    row = fragile.wait_for_status(case_id, "awaiting_review", seconds=200)
    findings = fragile.detail(case_id)["findings"]
    assert {finding["status"] for finding in findings} == {"not_evaluable"}
    assert row["risk"] >= 0.6


def test_many_clients_deciding_at_once_while_the_server_restarts(fragile: Product) -> None:
    ids = [fragile.open_case(f"K8-{number}") for number in range(6)]
    for case_id in ids:
        fragile.wait_for_status(case_id, "awaiting_review")

    def insist(case_id: str) -> None:
        def attempt() -> bool | None:
            try:
                return fragile.decide(case_id).status_code in (202, 409) or None
            except (httpx.TransportError, AssertionError):
                return None

        eventually(attempt, f"a decision on {case_id} to be taken")

    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(insist, case_id) for case_id in ids]
        fragile.restart("server")
        for item in waiting:
            item.result(120)
    for case_id in ids:
        finish(fragile, case_id)


def test_a_silent_case_ends_even_when_everything_was_down_at_its_deadline(fragile: Product) -> None:
    case_id = fragile.open_case("K9", approval_timeout_hours=2 / 3600)
    fragile.wait_for_status(case_id, "awaiting_review")
    for name in ("worker", "taskhub"):
        fragile.kill(name)
    fragile.start("taskhub", "worker")
    row = fragile.wait_for_status(case_id, "closed", seconds=120)
    assert row["outcome"] == "unanswered"
    fragile.check_closed_once(case_id)

"""The demo's four scenarios and the timeout, over the wire, on the real thing."""

from typing import Any

from tests.e2e.product import Product, eventually


def test_a_harmless_alert_clears_itself(product: Product) -> None:
    case_id = product.open_case(
        "S1-ambient",
        customer_id=2,
        alert_type="data_spike",
        severity="medium",
        description="Data usage increased by 500% in last 24 hours",
    )
    row = product.wait_for_status(case_id, "closed")
    assert row["outcome"] == "auto_cleared"
    status = product.http.get(f"/api/workflow/status/{case_id}").json()
    assert status["status"] == "COMPLETED"
    assert status["result"]["action_taken"] == "auto_clear"
    product.check_closed_once(case_id)


def test_an_approved_lock_is_executed_once(product: Product) -> None:
    case_id = product.open_case("S2-approve")
    waiting = product.wait_for_status(case_id, "awaiting_review")
    assert waiting["risk"] >= 0.6
    product.approve(case_id)
    row = product.wait_for_status(case_id, "closed")
    assert (row["outcome"], row["action_taken"]) == ("actioned", "lock_account")
    assert [step for action_id, step in product.receipts() if action_id.startswith(case_id)] == [
        "lock_account"
    ]
    product.check_closed_once(case_id)


def test_a_rejection_re_investigates_with_memory_and_comes_back(product: Product) -> None:
    case_id = product.open_case("S3-reject")
    first = product.wait_for_status(case_id, "awaiting_review")
    product.reject(case_id, "check if VPN usage explains it")
    second = product.wait_for_status(case_id, "awaiting_review")
    assert second["attempt"] == 2
    assert second["assessment_hash"] != first["assessment_hash"]
    product.approve(case_id)
    row = product.wait_for_status(case_id, "closed")
    assert row["outcome"] == "actioned"
    started = [
        item["body"] for item in product.timeline(case_id) if item["body"]["type"] == "investigation_started"
    ]
    assert [(body["attempt"], body["feedback"]) for body in started] == [
        (1, ""),
        (2, "check if VPN usage explains it"),
    ]
    attempts = {finding["attempt"] for finding in product.detail(case_id)["findings"]}
    assert attempts == {1, 2}
    product.check_closed_once(case_id)


def test_a_worker_killed_while_waiting_is_not_missed(product: Product) -> None:
    case_id = product.open_case("S4-restart")
    product.wait_for_status(case_id, "awaiting_review")
    calls = product.kinds(case_id).count("tool_called")
    product.restart("worker")
    product.approve(case_id)
    product.wait_for_status(case_id, "closed")
    assert product.kinds(case_id).count("tool_called") == calls
    product.check_closed_once(case_id)


def test_silence_escalates_and_ends(product: Product) -> None:
    case_id = product.open_case("S5-timeout", approval_timeout_hours=1 / 3600)
    row = product.wait_for_status(case_id, "closed")
    assert row["outcome"] == "unanswered"
    assert "escalated" in product.kinds(case_id)
    result = product.http.get(f"/api/workflow/status/{case_id}").json()["result"]
    assert result["action_taken"] == "escalate_timeout"
    assert product.kinds(case_id).count("action_executed") == 0
    product.check_closed_once(case_id)


def test_a_senior_can_still_act_after_the_escalation(product: Product) -> None:
    case_id = product.open_case("S6-senior", approval_timeout_hours=3 / 3600)
    product.wait_for_status(case_id, "escalated")
    product.approve(case_id, action="clear")
    row = product.wait_for_status(case_id, "closed")
    assert (row["outcome"], row["action_taken"]) == ("cleared", "clear")


def test_starting_twice_is_starting_once(product: Product) -> None:
    first = product.open_case("S7-twice")
    assert product.open_case("S7-twice") == first
    product.wait_for_status(first, "awaiting_review")
    assert product.kinds(first).count("opened") == 1
    assert product.kinds(first).count("investigation_started") == 1


def test_the_health_answer_shows_the_task_hub_its_worker_and_its_instances(product: Product) -> None:
    product.wait_for_status(product.open_case("S-figures"), "awaiting_review")

    def hub() -> dict[str, Any] | None:
        picture = product.http.get("/api/v1/health").json()["task_hub"]["picture"]
        found = next((one for one in picture["hubs"] if one["name"] == "default"), None)
        return found if found and found["instances"].get("running") else None

    found = eventually(hub, "the case's instance to be counted")
    assert found["workers"] == 1
    assert found["entities"] >= 1

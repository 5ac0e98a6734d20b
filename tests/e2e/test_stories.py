"""Every fraud story, from its telemetry to its answer, through every process."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from casework.telemetry import TELEMETRY
from devstack.simulator.generator import Generator
from devstack.stories import STORIES
from devstack.stories.story import Story
from tests.e2e.product import Product, eventually

ENOUGH = ("awaiting_review", "closed")


@pytest.fixture(scope="module")
def played(product: Product) -> Product:
    """The product after all stories' telemetry has arrived, in one batch each."""
    generator = Generator((), Random(1), run_id="e2e")
    now = datetime.now(UTC)
    for story in STORIES:
        events = [TELEMETRY.dump_python(event, mode="json") for event in generator.play(story, now)]
        answer = product.http.post("/api/v1/telemetry", json={"events": events})
        assert answer.status_code == 202, answer.text
        assert answer.json()["rejected"] == []
    return product


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.key)
def test_a_story_reaches_its_answer(played: Product, story: Story) -> None:
    row = eventually(lambda: _case_of(played, story), f"the case of {story.key}")
    answer = story.answer
    assert answer.risk_at_least <= row["evidence_risk"] <= answer.risk_at_most
    assert row["recommended_action"] == answer.recommended_action
    assert (row["outcome"] == "auto_cleared") == (answer.route == "auto_clear")
    findings = played.detail(row["case_id"])["findings"]
    cited = {ref["table"] for finding in findings for claim in finding["claims"] for ref in claim["rows"]}
    assert set(answer.must_cite) <= cited
    statuses = {finding["specialist"]: finding["status"] for finding in findings}
    assert {name for name, status in statuses.items() if status == "not_evaluable"} == set(
        answer.not_evaluable
    )
    assert ("contradicted" in statuses.values()) == answer.contradicted


def _case_of(product: Product, story: Story) -> dict[str, Any] | None:
    """The story's case, once it was assessed."""
    wanted = {"customer": story.customer_id, "type": story.expected_rule, "limit": 100}
    for row in product.http.get("/api/v1/cases", params=wanted).json()["items"]:
        if row["status"] in ENOUGH and row["alert_id"].startswith("AUTO-"):
            return dict(row)
    return None


def test_a_costly_action_needs_a_second_person_and_can_be_undone(played: Product) -> None:
    story = next(item for item in STORIES if item.key == "shopping_spree")
    row = eventually(lambda: _case_of(played, story), "the costly case")
    case_id = row["case_id"]
    played.approve(case_id, who="ann", action="both")
    waiting = played.wait_for_status(case_id, "awaiting_second")
    assert waiting["proposed"].startswith("ann approved lock account and refund charges")
    assert played.decide(case_id, who="ann", action="both").status_code == 403
    played.approve(case_id, who="bob", action="both")
    played.wait_for_status(case_id, "closed")
    receipts = played.detail(case_id)["case"]["receipts"]
    assert [receipt["step"] for receipt in receipts] == ["lock_account", "refund_charges"]

    order = {"action_id": receipts[0]["action_id"], "reason": "it was the customer after all"}
    assert played.http.post(f"/api/v1/cases/{case_id}/reverse", json=order).status_code == 202
    eventually(lambda: "action_reversed" in played.kinds(case_id) or None, "the lock to be undone")
    assert played.http.post(f"/api/v1/cases/{case_id}/reverse", json=order).status_code == 409
    assert played.kinds(case_id).count("action_reversed") == 1
    played.check_closed_once(case_id)

"""Duplicate, early, late, stale and concurrent decisions."""

from concurrent.futures import ThreadPoolExecutor

from tests.e2e.product import Product


def test_of_concurrent_decisions_one_wins_and_the_others_learn_who(product: Product) -> None:
    case_id = product.open_case("D1-race")
    product.wait_for_status(case_id, "awaiting_review")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: product.decide(case_id, who=f"analyst{n}"), range(8)))
    accepted = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 409]
    assert (len(accepted), len(refused)) == (1, 7)
    winner = product.detail(case_id)["case"]["decision"]["actor"]["name"]
    assert all(winner in answer.json()["detail"] for answer in refused)
    product.wait_for_status(case_id, "closed")
    product.check_closed_once(case_id)


def test_a_repeated_decision_is_the_same_decision(product: Product) -> None:
    case_id = product.open_case("D2-repeat")
    row = product.wait_for_status(case_id, "awaiting_review")
    body = {
        "attempt": row["attempt"],
        "assessment_hash": row["assessment_hash"],
        "approved": True,
        "action": "clear",
    }
    for _ in range(3):
        answer = product.http.post(
            f"/api/v1/cases/{case_id}/decision", json=body, headers={"Idempotency-Key": "one-intent"}
        )
        assert answer.status_code == 202, answer.text
    product.wait_for_status(case_id, "closed")
    assert product.kinds(case_id).count("decision_submitted") == 1


def test_a_decision_before_the_review_is_refused_and_skips_nothing(product: Product) -> None:
    case_id = product.open_case("D3-early")
    early = product.http.post(
        f"/api/v1/cases/{case_id}/decision",
        json={"attempt": 1, "assessment_hash": "0" * 64, "approved": True, "action": "clear"},
    )
    assert early.status_code == 409
    product.wait_for_status(case_id, "awaiting_review")
    assert "decision_submitted" not in product.kinds(case_id)


def test_a_late_duplicate_rejection_does_not_eat_the_next_round(product: Product) -> None:
    case_id = product.open_case("D4-late")
    row = product.wait_for_status(case_id, "awaiting_review")
    body = {
        "attempt": row["attempt"],
        "assessment_hash": row["assessment_hash"],
        "approved": False,
        "feedback": "look again",
    }
    assert product.http.post(f"/api/v1/cases/{case_id}/decision", json=body).status_code == 202
    second = product.wait_for_status(case_id, "awaiting_review")
    assert second["attempt"] == 2
    late = product.http.post(f"/api/v1/cases/{case_id}/decision", json=body)
    assert late.status_code == 409
    assert product.summary(case_id)["attempt"] == 2


def test_a_held_decision_can_be_withdrawn_and_made_again(patient_product: Product) -> None:
    case_id = patient_product.open_case("D5-withdraw")
    patient_product.wait_for_status(case_id, "awaiting_review")
    patient_product.approve(case_id)
    patient_product.wait_for_status(case_id, "held")
    answer = patient_product.http.post(
        f"/api/v1/cases/{case_id}/withdraw", json={"reason": "wrong case"}, headers={"X-Operator": "ann"}
    )
    assert answer.status_code == 202, answer.text
    patient_product.wait_for_status(case_id, "awaiting_review")
    patient_product.approve(case_id, action="refund_charges")
    patient_product.wait_for_status(case_id, "held")
    assert "action_started" not in patient_product.kinds(case_id)

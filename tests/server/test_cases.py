"""The queue, single cases, claims, get-next and notes."""

import asyncio
import base64
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from casework.alert import Severity
from casework.decision import Stage
from casework.events import Claimed, FindingRecorded, NewEvent
from casework.finding import ToolCall
from tests.builders import (
    NOW,
    event,
    make_alert,
    make_assessment,
    make_finding,
    make_person,
    review_requested,
    story_until_review,
)
from tests.server.desk import Running, decision_body


def token(parts: list[Any]) -> str:
    """A list cursor made by hand."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


async def _ids(server: Running, **params: Any) -> list[str]:
    answer = await server.http.get("/api/v1/cases", params=params)
    assert answer.status_code == 200, answer.text
    return [item["case_id"] for item in answer.json()["items"]]


async def test_the_queue_is_filtered_and_paged(server: Running) -> None:
    for number in range(1, 6):
        await server.put_review(f"A-{number}", customer_id=number, severity=Severity.LOW)
    await server.put_review("B-1", customer_id=9, alert_type="sim_swap")
    assert len(await _ids(server)) == 6
    assert await _ids(server, type="sim_swap") == ["fraud-B-1"]
    assert await _ids(server, customer=3) == ["fraud-A-3"]
    assert await _ids(server, q="sim_swap b-1") == ["fraud-B-1"]
    assert len(await _ids(server, status="waiting", severity="low")) == 5
    assert await _ids(server, status="closed,held") == []
    assert await _ids(server, min_risk=0.99) == []
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": "4", **({"cursor": cursor} if cursor else {})}
        page = (await server.http.get("/api/v1/cases", params=params)).json()
        assert page["total"] == 6
        seen += [item["case_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(await _ids(server))


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"status": "opne"}, "status"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"sort": "colour"}, "sort"),
        ({"min_risk": 2}, "min_risk"),
        ({"min_risk": "nan"}, "min_risk"),
        ({"customer": -1}, "customer"),
        ({"type": "'; drop table cases"}, "type"),
        ({"cursor": "garbage"}, "cursor"),
        ({"cursor": token(["deadline", False, 10**310, "fraud-A-1"])}, "cursor"),
        ({"cursor": token(["deadline", False, 1, "\ud800"])}, "cursor"),
        ({"severity": "terrible"}, "severity"),
    ],
)
async def test_a_wrong_filter_is_named(server: Running, params: dict[str, Any], field: str) -> None:
    answer = await server.http.get("/api/v1/cases", params=params)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_place_in_a_record_beyond_any_record_is_refused(server: Running) -> None:
    await server.put_review()
    answer = await server.http.get("/api/v1/cases/fraud-A-1/timeline", params={"after": 10**22})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["after"]


async def test_the_queue_understands_the_consoles_filter_language(server: Running) -> None:
    for number in range(1, 8):
        await server.put_review(f"A-{number}", customer_id=number, severity=Severity.LOW)
    await server.put_review("B-1", customer_id=9, alert_type="sim_swap")
    assert await _ids(server, filter="type:sim -severity:low") == ["fraud-B-1"]
    assert await _ids(server, filter="customer:3") == ["fraud-A-3"]
    assert await _ids(server, filter="status:closed") == []
    assert await _ids(server, filter="-customer>1", severity="low") == ["fraud-A-1"]
    assert len(await _ids(server, filter="unclaimed")) == 8


async def test_matching_cases_come_in_pages_that_miss_and_repeat_nothing(server: Running) -> None:
    for number in range(1, 10):
        kind = "sim_swap" if number % 3 else "refund_abuse"
        await server.put_review(f"A-{number}", customer_id=number, alert_type=kind)
    seen: list[str] = []
    params: dict[str, str] = {"limit": "2", "filter": "type:sim"}
    while True:
        page = (await server.http.get("/api/v1/cases", params=params)).json()
        seen += [item["case_id"] for item in page["items"]]
        assert len(page["items"]) <= 2
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert sorted(seen) == [f"fraud-A-{number}" for number in (1, 2, 4, 5, 7, 8)]


async def test_a_filter_that_makes_no_sense_is_named_with_what_there_is(server: Running) -> None:
    answer = await server.http.get("/api/v1/cases", params={"filter": "colour:red"})
    assert answer.status_code == 422
    assert "colour: no such field" in answer.text


async def test_counts_name_the_cursor_to_join_the_stream_at(server: Running) -> None:
    await server.put_review()
    counts = (await server.http.get("/api/v1/cases/counts")).json()
    assert (counts["total"], counts["by_status"]["awaiting_review"]) == (1, 1)
    assert counts["cursor"].startswith("c")


async def test_a_case_is_shown_whole(server: Running) -> None:
    await server.put_review("A-1")
    await server.put_review("A-2")
    shown = (await server.http.get("/api/v1/cases/fraud-A-1")).json()
    assert [finding["specialist"] for finding in shown["findings"]] == ["usage", "location", "billing"]
    assert [other["case_id"] for other in shown["related"]] == ["fraud-A-2"]
    evidence = (await server.http.get("/api/v1/cases/fraud-A-1/evidence")).json()
    assert evidence["findings"] == shown["findings"]
    assert {claim["verdict"] for claim in evidence["claims"]} == {"not verified"}
    assert evidence["customer"]["series"][0]["missing"] == "not looked up"


async def test_the_timeline_comes_in_pages_without_gaps(server: Running) -> None:
    case = await server.put_review()
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = await server.http.get("/api/v1/cases/fraud-A-1/timeline", params={"after": after, "limit": 3})
        seen += [item["seq"] for item in page.json()["items"]]
        after = page.json()["next_after"]
    assert seen == list(range(1, case.seq + 1))


def linking(customer_id: int) -> NewEvent:
    """A finding that the case's customer and another one use the same device."""
    device = {"shared": "device", "value": "D-1", "evidence": []}
    result = {"links": [{"customer_id": customer_id, "in_common": [device]}], "more_links": 0}
    linked = ToolCall(call_id="c", tool="get_linked_entities", result=result)
    return event(FindingRecorded(finding=make_finding(tool_calls=(linked,))), "f")


async def test_the_rows_of_two_linked_customers_name_each_other(server: Running) -> None:
    for alert_id, customer, other in (("A-1", 7, 9), ("B-1", 9, 7), ("C-1", 10, 7)):
        story = story_until_review(alert=make_alert(alert_id=alert_id, customer_id=customer))
        found = [linking(other)] if customer != 10 else []
        await server.put([*story[:2], *found], f"fraud-{alert_id}")
    items = (await server.http.get("/api/v1/cases")).json()["items"]
    assert {item["customer_id"]: item["linked_customers"] for item in items} == {7: [9], 9: [7], 10: []}
    shown = (await server.http.get("/api/v1/cases/fraud-B-1")).json()
    assert (shown["summary"]["linked_customers"], shown["case"]["linked_customers"]) == ([7], [7])


async def test_cases_of_linked_customers_are_named(server: Running) -> None:
    await server.put([*story_until_review()[:2], linking(9)])
    await server.put_review("B-1", customer_id=9)
    await server.put_review("C-1", customer_id=10)
    shown = (await server.http.get("/api/v1/cases/fraud-A-1")).json()
    assert [case["case_id"] for case in shown["linked_cases"]] == ["fraud-B-1"]


@pytest.mark.parametrize("path", ["", "/timeline", "/evidence"])
async def test_an_unknown_case_is_not_found(server: Running, path: str) -> None:
    answer = await server.http.get(f"/api/v1/cases/fraud-none{path}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


@pytest.mark.parametrize("case_id", ["..%2f..%2fetc%2fpasswd", "a%00b", "%F0%9F%98%80", "a" * 200])
async def test_an_impossible_id_reaches_no_store(server: Running, case_id: str) -> None:
    assert (await server.http.get(f"/api/v1/cases/{case_id}")).status_code in (404, 422)


async def test_a_claim_keeps_others_out_until_it_expires(server: Running) -> None:
    await server.put_review()
    url = "/api/v1/cases/fraud-A-1/claim"
    mine = await server.http.post(url, headers={"X-Operator": "ann"})
    assert mine.json()["claim"]["name"] == "ann"
    theirs = await server.http.post(url, headers={"X-Operator": "bob"})
    assert (theirs.status_code, theirs.json()["type"]) == (409, "/problems/claimed")
    assert "ann" in theirs.json()["detail"]
    assert await _ids(server, claimed_by="none") == []
    server.clock.now += timedelta(seconds=server.desk.policy.claim_seconds + 1)
    assert (await server.http.post(url, headers={"X-Operator": "bob"})).status_code == 200


async def test_a_released_case_is_free(server: Running) -> None:
    await server.put_review()
    url = "/api/v1/cases/fraud-A-1/claim"
    await server.http.post(url, headers={"X-Operator": "ann"})
    released = await server.http.request("DELETE", url, headers={"X-Operator": "ann"})
    assert (released.status_code, released.json()["claim"]) == (200, None)
    again = await server.http.request("DELETE", url, headers={"X-Operator": "ann"})
    assert again.status_code == 200
    assert await _ids(server, claimed_by="none") == ["fraud-A-1"]


async def test_my_cases_are_those_i_claimed(server: Running) -> None:
    await server.put_review("A-1")
    await server.put_review("A-2")
    await server.http.post("/api/v1/cases/fraud-A-2/claim", headers={"X-Operator": "ann"})
    answer = await server.http.get(
        "/api/v1/cases", params={"claimed_by": "me"}, headers={"X-Operator": "ann"}
    )
    assert [item["case_id"] for item in answer.json()["items"]] == ["fraud-A-2"]


async def test_get_next_gives_every_case_to_one_person_only(server: Running) -> None:
    for number in range(8):
        await server.put_review(f"A-{number}")

    async def ask(number: int) -> Any:
        return await server.http.post("/api/v1/cases/next", json={}, headers={"X-Operator": f"p{number}"})

    answers = await asyncio.gather(*(ask(number) for number in range(12)))
    given = Counter(answer.json()["case_id"] for answer in answers if answer.status_code == 200)
    assert sorted(given.values()) == [1] * 8
    assert sorted(answer.status_code for answer in answers) == [200] * 8 + [404] * 4


async def test_get_next_takes_the_most_urgent_that_fits(server: Running) -> None:
    await server.put_review("A-1", alert_type="sim_swap")
    await server.put_review("A-2")
    answer = await server.http.post("/api/v1/cases/next", json={"alert_type": "sim_swap"})
    assert answer.json()["case_id"] == "fraud-A-1"
    assert answer.json()["claim"]["actor_id"] == "local:operator"


async def test_get_next_takes_the_most_urgent_that_a_filter_matches(server: Running) -> None:
    await server.put_review("A-1")
    await server.put_review("A-2", alert_type="sim_swap")
    await server.put_review("A-3", alert_type="sim_swap")
    wanted = {"filter": "type:sim -case:A-2 status:waiting"}
    answer = await server.http.post("/api/v1/cases/next", json=wanted)
    assert answer.json()["case_id"] == "fraud-A-3"
    assert (await server.http.post("/api/v1/cases/next", json=wanted)).status_code == 404
    assert (await server.http.post("/api/v1/cases/next")).json()["case_id"] == "fraud-A-1"


async def test_get_next_by_a_filter_nobody_understands_takes_nothing(server: Running) -> None:
    await server.put_review("A-1")
    answer = await server.http.post("/api/v1/cases/next", json={"filter": "risky>0.7"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "filter")
    assert (await server.http.get("/api/v1/cases/fraud-A-1")).json()["case"]["claim"] is None


async def test_get_next_never_hands_the_first_approver_their_own_second_approval(server: Running) -> None:
    case = await server.put_review()
    await server.http.post(
        "/api/v1/cases/fraud-A-1/decision", json=decision_body(case), headers={"X-Operator": "ann"}
    )
    decided = await server.cases.load(case.case_id)
    second = review_requested(make_assessment(), 2, Stage.SECOND, proposed=decided.decision)
    await server.put([event(second, "review:2")])
    first = await server.http.post("/api/v1/cases/next", headers={"X-Operator": "ann"})
    other = await server.http.post("/api/v1/cases/next", headers={"X-Operator": "bob"})
    assert (first.status_code, other.status_code) == (404, 200)


async def test_an_expired_claim_does_not_hide_a_case_from_get_next(server: Running) -> None:
    await server.put_review()
    claimed = Claimed(until=NOW + timedelta(seconds=1))
    await server.put([event(claimed, "claimed:1", make_person("gone"))])
    assert (await server.http.post("/api/v1/cases/next")).status_code == 200


async def test_a_note_with_a_key_is_written_once(server: Running) -> None:
    await server.put_review()
    url, headers = "/api/v1/cases/fraud-A-1/notes", {"Idempotency-Key": "k"}
    for _ in range(2):
        answer = await server.http.post(url, json={"text": "called back"}, headers=headers)
        assert (answer.status_code, answer.json()["notes"]) == (201, 1)
    other = await server.http.post(url, json={"text": "something else"}, headers=headers)
    assert other.status_code == 409
    without = await server.http.post(url, json={"text": "called back"})
    assert without.json()["notes"] == 2


@pytest.mark.parametrize("body", [{"text": ""}, {"text": "   "}, {}, {"text": "x", "author": "me"}])
async def test_an_empty_or_forged_note_is_refused(server: Running, body: dict[str, str]) -> None:
    case = await server.put_review()
    answer = await server.http.post("/api/v1/cases/fraud-A-1/notes", json=body)
    assert answer.status_code == 422
    assert (await server.cases.load(case.case_id)).seq == case.seq

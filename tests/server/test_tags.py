"""Tags over HTTP, and in how many other cases a customer is found."""

from typing import Any

import pytest

from tests.server.desk import Running

URL = "/api/v1/cases/fraud-A-1/tags"


async def _found(server: Running, **query: Any) -> list[str]:
    answer = await server.http.get("/api/v1/cases", params={"sort": "opened", **query})
    return [item["case_id"] for item in answer.json()["items"]]


async def test_tags_are_put_on_found_and_taken_off(server: Running) -> None:
    await server.put_review("A-1")
    await server.put_review("A-2")
    for _ in range(2):
        answer = await server.http.post(URL, json={"add": ["vip", "mule"]}, headers={"X-Operator": "ann"})
        assert (answer.status_code, answer.json()["tags"]) == (200, ["mule", "vip"])
    assert await _found(server, tag="vip") == ["fraud-A-1"]
    assert await _found(server, tag=["vip", "mule"]) == ["fraud-A-1"]
    assert await _found(server, tag=["vip", "other"]) == []
    assert await _found(server, tag="vi") == []
    answer = await server.http.post(URL, json={"remove": ["vip"]})
    assert answer.json()["tags"] == ["mule"]
    assert await _found(server, tag="vip") == []
    assert (await server.events_of()).count("tags_changed") == 2


@pytest.mark.parametrize(
    "body",
    [
        {"add": ["Two Words"]},
        {"add": ["x"] * 13},
        {"add": ["vip"], "remove": ["vip"]},
        {"add": "vip"},
        {"tags": ["vip"]},
        {"add": ["vip"], "actor": "ann"},
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_written(server: Running, body: Any) -> None:
    await server.put_review()
    assert (await server.http.post(URL, json=body)).status_code == 422
    assert "tags_changed" not in await server.events_of()


async def test_a_case_takes_twelve_tags(server: Running) -> None:
    await server.put_review()
    await server.http.post(URL, json={"add": [f"t{number}" for number in range(12)]})
    answer = await server.http.post(URL, json={"add": ["more"]})
    assert (answer.status_code, "at most 12" in answer.json()["detail"]) == (422, True)


async def test_an_unknown_case_has_no_tags(server: Running) -> None:
    assert (await server.http.post(URL, json={"add": ["vip"]})).status_code == 404


async def test_every_row_says_in_how_many_other_cases_its_customer_is_found(server: Running) -> None:
    for number, customer in enumerate((7, 7, 8, 7)):
        await server.put_review(f"A-{number}", customer_id=customer)
    items = (await server.http.get("/api/v1/cases", params={"sort": "opened"})).json()["items"]
    assert {item["case_id"]: item["other_cases"] for item in items} == {
        "fraud-A-0": 2,
        "fraud-A-1": 2,
        "fraud-A-2": 0,
        "fraud-A-3": 2,
    }
    detail = (await server.http.get("/api/v1/cases/fraud-A-0")).json()
    assert [detail["summary"]["other_cases"], *(row["other_cases"] for row in detail["related"])] == [2] * 3
    claimed = await server.http.post("/api/v1/cases/fraud-A-3/claim")
    assert claimed.json()["other_cases"] == 2

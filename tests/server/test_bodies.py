"""A body that two readers could understand differently, or that is no JSON, decides nothing."""

import json

import pytest
from fastapi import HTTPException

from server.bodies import parse
from tests.server.desk import Running, decision_body

URL = "/api/v1/cases/fraud-A-1/decision"
HEADERS = {"Content-Type": "application/json"}


@pytest.mark.parametrize("url", [URL, "/api/workflow/decision"])
async def test_a_key_that_occurs_twice_is_refused_by_name(server: Running, url: str) -> None:
    case = await server.put_review()
    body = {**decision_body(case), "instance_id": case.case_id}
    content = json.dumps(body)[:-1] + ', "approved": false}'
    answer = await server.http.post(url, content=content, headers=HEADERS)
    assert answer.status_code == 400
    assert "'approved' occurs more than once" in answer.json()["detail"]
    assert await server.cases.load(case.case_id) == case


def test_among_hundreds_of_thousands_of_keys_the_second_of_a_kind_is_found_in_one_pass() -> None:
    """Searching them for each other would keep the server busy for half an hour, without a token."""
    keys = ",".join(f'"{number}":1' for number in range(400_000))
    with pytest.raises(HTTPException, match="'last' occurs more than once"):
        parse(f'{{{keys},"last":1,"last":2}}'.encode())


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b'{"attempt": NaN}', "NaN"),
        (b'{"attempt": -Infinity}', "-Infinity"),
        (b'{"notes": "\xff"}', "UTF-8"),
        (b"[" * 100_000, "deeply"),
        (b'{"attempt": 1' + b"0" * 5000 + b"}", "digits"),
        (b'{"attempt": 1,}', "character"),
    ],
)
async def test_what_is_no_json_is_told_why(server: Running, content: bytes, word: str) -> None:
    case = await server.put_review()
    answer = await server.http.post(URL, content=content, headers=HEADERS)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]
    assert await server.cases.load(case.case_id) == case


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_of_another_type_is_refused_by_name(server: Running, content_type: str) -> None:
    case = await server.put_review()
    content = json.dumps(decision_body(case))
    answer = await server.http.post(URL, content=content, headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]
    assert await server.cases.load(case.case_id) == case


async def test_json_by_any_of_its_names_is_read(server: Running) -> None:
    case = await server.put_review()
    content = b"\xef\xbb\xbf" + json.dumps(decision_body(case)).encode()
    headers = {"Content-Type": "application/vnd.example+json; charset=utf-8"}
    assert (await server.http.post(URL, content=content, headers=headers)).status_code == 202

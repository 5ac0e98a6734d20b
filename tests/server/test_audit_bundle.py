"""A case leaves the server as a file that verifies without it, and what was signed is verified there too."""

from dataclasses import replace
from pathlib import Path

from backends.bundle_check import check_file
from backends.signing import KeyRing, new_key, signer_from_pem
from casework.signing import signed_message
from tests.server.desk import Running, decision_body

SIGNER = signer_from_pem(new_key(), "a test's key")


def with_key(server: Running) -> None:
    """Let the running server sign from now on."""
    keys = KeyRing(lambda: frozenset({SIGNER.key}))
    backends = replace(server.backends, signer=SIGNER, verifier=keys)
    server.app.state.desk = replace(server.desk, backends=backends)


async def test_a_decision_is_signed_delivered_with_its_record_and_exported(
    server: Running, tmp_path: Path
) -> None:
    with_key(server)
    case = await server.put_review()
    decided = await server.http.post(f"/api/v1/cases/{case.case_id}/decision", json=decision_body(case))
    assert decided.status_code == 202
    (_, event) = server.flow.decided[0]
    message, signature = signed_message(event.record)
    assert signature is not None
    assert KeyRing().fits(signature, message)
    assert event.record == (await server.cases.links(case.case_id))[-1].text
    report = (await server.http.get("/api/v1/audit/verify")).json()
    assert report["broken"] == []
    answer = await server.http.get("/api/v1/audit/bundle", params={"case_id": case.case_id})
    assert answer.headers["content-type"] == "application/zip"
    (tmp_path / "case.zip").write_bytes(answer.content)
    found = check_file(tmp_path / "case.zip", frozenset({SIGNER.key_id}))
    assert (found.problem, found.case_id) == (None, case.case_id)


async def test_a_decision_without_a_signature_is_named_by_the_audit(server: Running) -> None:
    case = await server.put_review()
    await server.http.post(f"/api/v1/cases/{case.case_id}/decision", json=decision_body(case))
    with_key(server)
    (broken,) = (await server.http.get("/api/v1/audit/verify")).json()["broken"]
    assert "it is not signed" in broken["reason"]


async def test_there_is_no_bundle_of_an_unknown_case(server: Running) -> None:
    answer = await server.http.get("/api/v1/audit/bundle", params={"case_id": "fraud-none"})
    assert answer.status_code == 404


async def test_older_records_keep_their_text_when_nothing_is_signed(server: Running) -> None:
    case = await server.put_review()
    for link in await server.cases.links(case.case_id):
        assert '"signature"' not in link.text

"""An exported case verifies by itself; whatever is changed, removed, moved or cut off is found and named."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from backends import bundle_check
from backends.bundle_check import SEAL, SUMS, check_file, check_members, read_members
from backends.bundles import export_case, zipped
from backends.signing import Ed25519Signer, new_key, public_pem, signer_from_pem
from casework.canonical import Link, canonical_json, digest_text
from casework.errors import TamperedError
from casework.signing import ORDERS
from tests.builders import CASE_ID, NOW
from tests.casework.test_signing import LINKS, RECORD, SIGNER

Members = dict[str, bytes]
TRUSTED = frozenset({SIGNER.key_id})
BUNDLE = export_case(CASE_ID, LINKS, now=NOW, by="ann", signer=SIGNER)


def members_of(content: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


MEMBERS = members_of(BUNDLE)
DECISION = f"events/{len(LINKS):06}.json"


def resealed(members: Members, signer: Ed25519Signer | None) -> Members:
    """The same members listed anew, as somebody would who wants to hide a change."""
    kept = {name: content for name, content in sorted(members.items()) if name not in (SUMS, SEAL)}
    sums = "".join(f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in kept.items()).encode()
    sealed = {**kept, SUMS: sums}
    if signer is not None:
        signature = signer.sign(b"fraud-console/bundle/v1\n" + sums)
        sealed[SEAL] = canonical_json(signature.model_dump()).encode()
    return sealed


def test_a_whole_bundle_verifies_and_says_whose_key_it_was(tmp_path: Path) -> None:
    path = tmp_path / "case.zip"
    path.write_bytes(BUNDLE)
    for trusted in (None, TRUSTED):
        found = check_file(path, trusted)
        assert (found.problem, found.case_id, found.records) == (None, CASE_ID, len(LINKS))
        assert found.keys == (SIGNER.key_id,)


def test_records_are_in_it_byte_for_byte_as_stored_and_the_assessment_as_it_was_named() -> None:
    for link, event in zip(LINKS, RECORD, strict=True):
        assert MEMBERS[f"events/{event.seq:06}.json"] == link.text.encode()
        assert hashlib.sha256(MEMBERS[f"events/{event.seq:06}.json"]).hexdigest() == link.hash
    decision = json.loads(MEMBERS[DECISION])["body"]["decision"]
    shown = hashlib.sha256(MEMBERS["assessment/attempt-1.json"]).hexdigest()
    assert shown == decision["assessment_hash"]
    assert b"Risk 0.70" in MEMBERS["assessment/attempt-1.txt"]
    for specialist in ("usage", "location", "billing"):
        assert f"evidence/attempt-1-{specialist}.json" in MEMBERS


def test_what_openssl_would_check_fits() -> None:
    public = load_pem_public_key(MEMBERS[f"keys/{SIGNER.key_id}.pem"])
    stem = f"signed/{len(LINKS):06}"
    public.verify(MEMBERS[f"{stem}.sig"], MEMBERS[f"{stem}.message"])  # type: ignore[union-attr,call-arg]


def test_the_script_in_it_needs_nothing_of_ours(tmp_path: Path) -> None:
    for name in ("verify.py", "good.zip", "bad.zip"):
        (tmp_path / name).write_bytes(MEMBERS.get(name, BUNDLE))
    changed = {**MEMBERS, DECISION: MEMBERS[DECISION].replace(b"lock_account", b"lock_accounT")}
    (tmp_path / "bad.zip").write_bytes(zipped(resealed(changed, None)))
    (tmp_path / "key.pem").write_bytes(public_pem(SIGNER.key))

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-I", "verify.py", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=50)
        return done.returncode, done.stdout + done.stderr

    code, told = run("good.zip", "--trust", "key.pem")
    assert (code, f"case {CASE_ID}: {len(LINKS)} records, every one verifies" in told) == (0, True), told
    code, told = run("bad.zip")
    assert (code, "BROKEN SHA256SUMS.sig: is missing" in told) == (1, True), told
    for wrong in ("0" * 10, "nowhere.pem", "good.zip"):
        code, told = run("good.zip", "--trust", wrong)
        assert (code, "is neither a key id" in told) == (2, True), told
    code, told = run(".")
    assert (code, "it is a folder; name the zip file" in told) == (1, True), told
    code, told = run("good.zip", "--trust", "0" * 64)
    assert (code, "which is not trusted" in told) == (1, True), told


@given(st.data())
@settings(max_examples=150)
def test_any_flipped_byte_of_any_member_is_found_and_the_member_named(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(MEMBERS)))
    content = bytearray(MEMBERS[name])
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    found = check_members({**MEMBERS, name: bytes(content)}, TRUSTED).problem
    assert found is not None
    if name not in (SUMS, SEAL):
        assert found.member == name
    if name.startswith("events/"):
        assert found.seq == int(name[7:13])


def test_a_seal_that_says_the_same_in_another_spelling_is_found() -> None:
    found = check_members({**MEMBERS, SEAL: MEMBERS[SEAL].replace(b",", b", ")}, TRUSTED).problem
    assert found is not None
    assert found.member == SEAL
    shouted = MEMBERS[SEAL].replace(SIGNER.key.encode(), SIGNER.key.upper().encode())
    told = check_members({**MEMBERS, SEAL: shouted}, TRUSTED).problem
    assert told is not None
    assert told.member == SEAL


@given(st.data())
@settings(max_examples=60)
def test_any_byte_flipped_in_the_file_itself_does_no_harm_or_is_found(data: st.DataObject) -> None:
    content = bytearray(BUNDLE)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        with zipfile.ZipFile(io.BytesIO(bytes(content))) as bundle:
            members = {info.filename: bundle.read(info) for info in bundle.infolist()}
    except Exception:  # whatever the library thinks of a broken zip is a finding
        return
    assert members == MEMBERS or check_members(members, TRUSTED).problem is not None


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_every_missing_member_is_found(name: str) -> None:
    without = {other: content for other, content in MEMBERS.items() if other != name}
    found = check_members(without, TRUSTED).problem
    assert found is not None
    assert name in (found.member, SUMS) or found.member == SUMS


def test_an_additional_member_is_found() -> None:
    found = check_members({**MEMBERS, "events/000099.json": b"{}"}, TRUSTED).problem
    assert found is not None
    assert (found.member, found.seq) == ("events/000099.json", 99)


def swapped(members: Members) -> Members:
    second, third = members["events/000002.json"], members["events/000003.json"]
    return {**members, "events/000002.json": third, "events/000003.json": second}


def removed(members: Members) -> Members:
    return {name: content for name, content in members.items() if name != "events/000004.json"}


def cut_off(members: Members) -> Members:
    return {name: content for name, content in members.items() if name != DECISION}


def edited(members: Members) -> Members:
    return {**members, DECISION: members[DECISION].replace(b'"ann"', b'"eve"')}


def unsigned(members: Members) -> Members:
    event = json.loads(members[DECISION])
    del event["signature"]
    text = canonical_json(event)
    manifest = json.loads(members["manifest.json"])
    manifest["head_hash"] = digest_text(text)
    return {**members, DECISION: text.encode(), "manifest.json": canonical_json(manifest).encode()}


def other_assessment(members: Members) -> Members:
    name = "assessment/attempt-1.json"
    return {**members, name: members[name].replace(b'"risk":0.7', b'"risk":0.1')}


def other_evidence(members: Members) -> Members:
    name = "evidence/attempt-1-usage.json"
    return {**members, name: members[name].replace(b"what was seen", b"what was not")}


@pytest.mark.parametrize(
    ("change", "member", "seq"),
    [
        (swapped, "events/000002.json", 2),
        (removed, "events/000004.json", 4),
        (cut_off, "manifest.json", len(LINKS) - 1),
        (edited, "manifest.json", len(LINKS)),
        (unsigned, DECISION, len(LINKS)),
        (other_assessment, "assessment/attempt-1.json", 6),
        (other_evidence, "evidence/attempt-1-usage.json", 3),
    ],
)
def test_even_when_everything_was_listed_and_sealed_anew_the_change_is_named(
    change: Callable[[Members], Members], member: str, seq: int
) -> None:
    found = check_members(resealed(change(MEMBERS), SIGNER), TRUSTED).problem
    assert found is not None
    assert (found.member, found.seq) == (member, seq), found.reason


def test_a_record_cut_off_and_sealed_with_another_key_is_found_by_whom_one_trusts() -> None:
    eve = signer_from_pem(new_key(), "eve's")
    cut = members_of(export_case(CASE_ID, LINKS[:-1], now=NOW, by="eve", signer=eve))
    found = check_members(cut, TRUSTED).problem
    assert found is not None
    assert (found.member, "which is not trusted" in found.reason) == (SEAL, True)
    assert check_members(cut).keys == (eve.key_id,)
    bare = members_of(export_case(CASE_ID, LINKS[:-1], now=NOW, by="eve", signer=None))
    told = check_members(bare, TRUSTED).problem
    assert told is not None
    assert "may have been left out" in told.reason


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", BUNDLE[:-40], BUNDLE[40:]])
def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "case.zip"
    path.write_bytes(content)
    found = check_file(path).problem
    assert found is not None


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "case.zip"
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("a", b"one")
        bundle.writestr("a", b"two")
    with pytest.raises(ValueError, match="same name"):
        read_members(path)


def with_body(body: object) -> Members:
    """A bundle whose one record has a body of the examiner's choice; not sealed."""
    record = {"seq": 1, "prev_hash": "0" * 64, "case_id": "c", "body": body}
    text = canonical_json(record)
    manifest = {"case_id": "c", "records": 1, "head_hash": digest_text(text), "sealed_by": None}
    members = {"events/000001.json": text.encode(), "manifest.json": canonical_json(manifest).encode()}
    return resealed(members, None)


@pytest.mark.parametrize(
    "members",
    [
        with_body(None),
        with_body([]),
        with_body({}),
        with_body({"type": "assessment_recorded"}),
        resealed({**with_body({"type": "x"}), "evidence/a.json": b'["x"]'}, None),
        resealed({**with_body({"type": "x"}), "evidence/a.json": b'[{"seq": [], "body": 1}]'}, None),
        resealed({**with_body({"type": "x"}), "evidence/a.json": b"[" * 100_000}, None),
    ],
)
def test_records_of_any_form_are_judged_and_crash_nothing(members: Members) -> None:
    assert check_members(members).problem is not None


def test_what_a_bundle_says_cannot_drive_the_terminal_it_is_shown_on() -> None:
    hostile = {**with_body({"type": "x"}), "manifest.json": b'{"case_id": "\\u001b]0;owned\\u0007"}'}
    found = check_members(resealed(hostile, None))
    assert found.problem is not None
    assert (found.case_id, found.problem.reason.isprintable()) == ("?]0;owned?", True)


def rezipped(path: Path, change: Callable[[zipfile.ZipInfo], None]) -> None:
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in MEMBERS.items():
            info = zipfile.ZipInfo(name)
            change(info)
            bundle.writestr(info, content)


def test_members_that_unpack_to_links_or_elsewhere_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "case.zip"
    rezipped(path, lambda info: setattr(info, "external_attr", 0o120777 << 16))
    with pytest.raises(ValueError, match="none of a bundle's"):
        read_members(path)
    for name in ("../../etc/cron.d/x", "/etc/x", "events/..", "events/\x1b[2J", "evidence/a/b"):
        path.write_bytes(zipped(resealed({**MEMBERS, name: b"x"}, None)))
        with pytest.raises(ValueError, match="none of a bundle's"):
            read_members(path)


@pytest.mark.parametrize(("before", "behind"), [(b"MZ", b""), (b"", b"more"), (zipped({"a": b"b"}), b"")])
def test_something_around_a_bundle_is_not_passed_as_part_of_it(
    tmp_path: Path, before: bytes, behind: bytes
) -> None:
    path = tmp_path / "case.zip"
    path.write_bytes(before + BUNDLE + behind)
    assert check_file(path, TRUSTED).problem is not None


def test_many_large_members_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "case.zip"
    path.write_bytes(zipped({f"a{number}": bytes(1000) for number in range(10)}))
    monkeypatch.setattr(bundle_check, "LARGEST_BUNDLE", 9_999)
    with pytest.raises(ValueError, match="larger than any case"):
        read_members(path)


def test_an_encrypted_or_damaged_member_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "case.zip"
    encrypted = BUNDLE.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    at = BUNDLE.index(b"VERIFY.md") + len("VERIFY.md")
    damaged = BUNDLE[:at] + b"\xff" * 6 + BUNDLE[at + 6 :]
    assert encrypted != BUNDLE
    for content in (encrypted, damaged):
        path.write_bytes(content)
        assert check_file(path).problem is not None


def test_the_same_case_exported_twice_is_the_same_file() -> None:
    assert export_case(CASE_ID, LINKS, now=NOW, by="ann", signer=SIGNER) == BUNDLE


def test_a_record_that_cannot_be_read_is_not_exported() -> None:
    with pytest.raises(TamperedError, match="cannot be read"):
        export_case(CASE_ID, [Link("{}", digest_text("{}"))], now=NOW, by="ann", signer=None)


def test_the_script_knows_the_same_orders() -> None:
    from backends import bundle_check  # noqa: PLC0415

    assert frozenset(bundle_check.ORDERS) == ORDERS

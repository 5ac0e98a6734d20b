"""`fraud-console audit` on files: the first bad record is named, nothing is written, keys rotate."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backends.embedded.case_store import open_case_store
from backends.keys import KEY_FILE
from backends.signing import ensure_key, new_key, public_pem, publish, signer_from_pem
from casework import commands
from casework.recording import record
from casework.signature import Signer
from casework.signing import signed
from console.cli import app
from devstack.cli import add_commands
from tests.builders import CASE_ID, NOW, make_person, make_request, story_until_review

add_commands(app)


def audit(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


async def _fill(folder: Path, signer: Signer | None) -> None:
    async with open_case_store(folder / "cases.db") as cases:
        await cases.append(CASE_ID, story_until_review())
        await record(
            cases,
            CASE_ID,
            lambda case: signed(
                commands.submit_decision(case, make_request(case), make_person(), NOW), case, signer
            ),
        )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A data folder with one decided case, and the key that signed it."""
    signer = ensure_key(tmp_path / "audit" / KEY_FILE)
    publish(signer.key, tmp_path / "audit" / "trusted")
    asyncio.run(_fill(tmp_path, signer))
    return tmp_path


def change(store: Path, sql: str) -> None:
    db = sqlite3.connect(store / "cases.db")
    with db:
        db.execute(sql)
    db.close()


def test_a_store_verifies_without_a_server_and_is_not_written_to(store: Path) -> None:
    before = (store / "cases.db").read_bytes()
    for place in (store, store / "cases.db"):
        done = audit("verify", place)
        assert (done.exit_code, "1 case, 8 records: every one verifies" in done.output) == (0, True)
    assert (store / "cases.db").read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "seq", "reason"),
    [
        ("UPDATE case_events SET text = replace(text, 'seen', 'been') WHERE seq = 3", 3, "hash"),
        ("DELETE FROM case_events WHERE seq = 4", 4, "expected record 4, found record 5"),
        ("DELETE FROM case_events WHERE seq = 8", 7, "projection"),
        ("UPDATE cases SET projection = replace(projection, 'lock_account', 'clear')", 8, "projection"),
        ("UPDATE cases SET projection = '{'", 0, "projection cannot be read"),
        ("DELETE FROM cases", 0, "not among the cases"),
        ("UPDATE case_events SET seq = CASE seq WHEN 2 THEN 99 ELSE seq END", 2, "found record 3"),
    ],
)
def test_the_first_bad_record_of_a_store_is_named(store: Path, sql: str, seq: int, reason: str) -> None:
    change(store, sql)
    done = audit("verify", store, "--json")
    (broken,) = json.loads(done.output)["broken"]
    assert (done.exit_code, broken["case_id"], broken["seq"]) == (1, CASE_ID, seq)
    assert reason in broken["reason"]


def test_decisions_must_be_signed_by_whom_one_trusts(store: Path, tmp_path: Path) -> None:
    stranger = signer_from_pem(new_key(), "a stranger's")
    (tmp_path / "stranger.pem").write_bytes(public_pem(stranger.key))
    done = audit("verify", store, "--trust", tmp_path / "stranger.pem")
    assert (
        done.exit_code,
        "record 8: decision_submitted by ann: it is signed with a key" in done.output,
    ) == (
        1,
        True,
    )
    assert audit("verify", store, "--trust", tmp_path / "none.pem").exit_code == 1


def test_records_older_than_signatures_pass_when_that_is_said(tmp_path: Path) -> None:
    asyncio.run(_fill(tmp_path, None))
    assert "it is not signed" in audit("verify", tmp_path).output
    assert audit("verify", tmp_path, "--allow-unsigned").exit_code == 0


def test_a_case_is_exported_from_a_store_and_verified_as_a_bundle(store: Path) -> None:
    bundle = store / "case.zip"
    assert audit("export", CASE_ID, "--store", store, "-o", bundle).exit_code == 0
    keys = store / "audit" / "trusted"
    done = audit("verify", bundle, "--trust", keys, "--json")
    assert (done.exit_code, json.loads(done.output)["records"]) == (0, 8)
    again = audit("export", CASE_ID, "--store", store, "-o", bundle)
    assert (again.exit_code, "exists already" in again.output) == (1, True)
    assert audit("export", "fraud-none", "--store", store).exit_code == 3
    part = store / "part.zip"
    assert audit("export", CASE_ID[-6:], "--store", store, "-o", part).exit_code == 0
    assert json.loads(audit("verify", part, "--json").output)["records"] == 8
    bundle.write_bytes(bundle.read_bytes()[:-100])
    assert audit("verify", bundle).exit_code == 1


def test_after_a_rotation_old_decisions_verify_and_another_key_signs(store: Path) -> None:
    before = ensure_key(store / "audit" / KEY_FILE)
    done = audit("keys", "rotate", "--data-dir", store)
    after = ensure_key(store / "audit" / KEY_FILE)
    assert (done.exit_code, before.key_id in done.output, after.key != before.key) == (0, True, True)
    assert audit("verify", store).exit_code == 0
    shown = audit("keys", "show", "--data-dir", store).output
    assert f"signs    {after.key_id}" in shown
    assert shown.count("trusted  ") == 2


def test_a_key_is_made_in_a_file_of_its_own_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    assert "BEGIN PUBLIC KEY" in audit("keys", "create", path).output
    assert path.stat().st_mode & 0o777 == 0o600
    again = audit("keys", "create", path)
    assert (again.exit_code, "left as it is" in again.output or "was left" in again.output) == (1, True)


def test_programs_are_told_of_keys_and_exports_in_json(store: Path) -> None:
    def told(*arguments: object, code: int = 0) -> dict[str, object]:
        done = audit(*arguments, "--json")
        assert done.exit_code == code, done.output
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    before = told("keys", "show", "--data-dir", store)
    after = told("keys", "rotate", "--data-dir", store)
    assert after["trusted_still"] == before["signs"]
    shown = told("keys", "show", "--data-dir", store)
    assert (shown["signs"], len(shown["trusted"])) == (after["signs_from_next_start"], 2)  # type: ignore[arg-type]
    made = told("keys", "create", store / "own.pem")
    assert str(made["public_key"]).startswith("-----BEGIN PUBLIC KEY")
    assert told("keys", "create", store / "own.pem", code=1)["exit_code"] == 1
    wrote = told("export", CASE_ID, "--store", store, "-o", store / "case.zip")
    assert wrote["bytes"] == (store / "case.zip").stat().st_size
    assert "fraud-none" in str(told("export", "fraud-none", "--store", store, code=3)["error"])


def test_what_is_no_store_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "cases.db").write_bytes(b"x" * 4096)
    done = audit("verify", tmp_path / "cases.db")
    assert (done.exit_code, "cannot be read as a case store" in done.output) == (1, True)
    (tmp_path / "empty").mkdir()
    assert audit("verify", tmp_path / "empty").exit_code == 3

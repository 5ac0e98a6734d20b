"""Drafts on disk: private, per server and case, and never in the way."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from console.drafts import DraftFolder, DraftKeeper

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
HERE, THERE = "http://127.0.0.1:1", "http://127.0.0.1:2"


def test_drafts_are_kept_per_server_and_case(tmp_path: Path) -> None:
    here, there = DraftFolder(tmp_path / "d", HERE), DraftFolder(tmp_path / "d", THERE)
    here.write("case-1", {"feedback": "one", "note": "two"}, NOW)
    there.write("case-1", {"note": "elsewhere"}, NOW)
    assert here.load(NOW) == {("case-1", "feedback"): "one", ("case-1", "note"): "two"}
    here.write("case-1", {}, NOW)
    assert (here.load(NOW), there.load(NOW)) == ({}, {("case-1", "note"): "elsewhere"})


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    DraftFolder(tmp_path / "d", HERE).write("../../x", {"note": "secret"}, NOW)
    (kept,) = (tmp_path / "d").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700


def test_what_is_no_draft_is_left_alone_and_what_is_old_is_forgotten(tmp_path: Path) -> None:
    folder = DraftFolder(tmp_path, HERE)
    (tmp_path / "odd.json").write_text('{"a": 1')
    folder.write("case-1", {"note": "old"}, NOW)
    assert folder.load(NOW + timedelta(days=29)) == {("case-1", "note"): "old"}
    assert folder.load(NOW + timedelta(days=31)) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["odd.json"]


@given(text=st.text(max_size=200))
def test_any_text_comes_back_as_it_was(tmp_path_factory, text: str) -> None:  # type: ignore[no-untyped-def]
    folder = DraftFolder(tmp_path_factory.mktemp("drafts"), HERE)
    folder.write("case-1", {"note": text}, NOW)
    assert folder.load(NOW) == {("case-1", "note"): text}


def test_a_folder_that_cannot_be_written_is_told_once_per_draft(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    told: list[str] = []
    keeper = DraftKeeper(DraftFolder(tmp_path / "taken", HERE), lambda: NOW, told.append)
    keeper.changed({}, {("case-1", "note"): "text"})
    keeper.flush()
    keeper.flush()
    assert len(told) == 1 and "cannot be kept" in told[0]


def test_only_cases_that_changed_are_written(tmp_path: Path) -> None:
    folder = DraftFolder(tmp_path, HERE)
    keeper = DraftKeeper(folder, lambda: NOW, lambda text: None)
    before = {("case-1", "note"): "same", ("case-2", "note"): "a"}
    keeper.changed(before, before | {("case-2", "note"): "b"})
    keeper.flush()
    assert folder.load(NOW) == {("case-2", "note"): "b"}

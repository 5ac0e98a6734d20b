"""Handing a shift over: what is mine, what is due, what is held, what changed, safe to paste anywhere."""

import asyncio
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import now
from hypothesis import given
from hypothesis import strategies as st
from test_verbs import shell

from casework import commands
from casework.action import Action
from casework.events import HoldStarted
from casework.policy import Terms
from console.api import HttpApi
from console.handoff import gather, moment
from console.logins import LoginBook
from console.markdown import escaped
from console.problems import UsageError

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


async def shift(running: Running) -> None:
    """Case 1 is ana's, case 2 is due soon, case 3 is held, case 4 is two days old and waits."""
    record, at = running.record, now()
    for number, terms, before in (
        (1, Terms(), timedelta(minutes=9)),
        (2, Terms(decision_deadline_seconds=7200), timedelta(minutes=9)),
        (3, Terms(hold_seconds=600), timedelta(minutes=9)),
        (4, Terms(), timedelta(days=2)),
    ):
        await stories.investigated(
            record, stories.alert(number, description=f"| a `b` {number}"), at - before, terms
        )
    mine, held = record.load("fraud-ALERT-001"), record.load("fraud-ALERT-003")
    await record.append(mine.case_id, commands.claim(mine, person("ana"), at, 900))
    request = stories_request(held)
    await record.append(held.case_id, commands.submit_decision(held, request, person("ana"), at, "k"))
    decision = record.load(held.case_id).decision
    assert decision is not None
    body = HoldStarted(review=decision.review, action=Action.LOCK_ACCOUNT, until=at + timedelta(minutes=10))
    await record.append(held.case_id, [stories.event(held.case_id, "held", body, at)])


def stories_request(case: object) -> commands.DecisionRequest:
    return commands.DecisionRequest(
        attempt=case.attempt,  # type: ignore[attr-defined]
        assessment_hash=case.assessment_hash,  # type: ignore[attr-defined]
        approved=True,
        action=Action.LOCK_ACCOUNT,
    )


async def test_a_handover_sorts_the_desk_by_what_it_means(running: Running) -> None:
    await shift(running)
    api: HttpApi = running.api()
    found = await gather(api, now() - timedelta(hours=1), "given", now())
    await api.aclose()
    assert [row.customer_id for row in found.claimed] == [201]
    assert [row.customer_id for row in found.due] == [202]
    assert [row.customer_id for row in found.held] == [203]
    assert sorted(row.customer_id for row in found.changed) == [201, 202, 203]
    assert (found.opened, found.closed, sum(found.by_status.values())) == (3, 0, 4)


async def test_it_is_written_for_people_for_programs_and_as_markdown(running: Running) -> None:
    await shift(running)
    answer = await shell(running, "handoff", "--since", "1h")
    assert (answer.code, "Claimed by ana: 1 case" in answer.out) == (0, True)
    answer = await shell(running, "handoff", "--since", "1h", "--json")
    assert json.loads(answer.out)["since_is"] == "given"
    answer = await shell(running, "handoff", "--since", "1h", "--md")
    assert "## Due in 12 hours: 1 case" in answer.out
    assert r"\| a \`b\` 2" in answer.out
    answer = await shell(running, "handoff", "--since", "yesterdayish")
    assert (answer.code, "is no time" in answer.err) == (2, True)


async def test_changes_are_told_since_the_last_login_on_this_server(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shift(running)
    monkeypatch.setenv("FRAUD_CONSOLE_STATE_DIR", str(running.state_dir))
    answer = await shell(running, "handoff", "--json")
    assert json.loads(answer.out)["since_is"] == "no login known"
    book = LoginBook(running.state_dir, running.settings().server, "ana")
    await asyncio.to_thread(book.write, now() - timedelta(days=3))
    told = json.loads((await shell(running, "handoff", "--json")).out)
    assert (told["since_is"], len(told["changed"])) == ("last login", 4)


def test_a_login_is_kept_per_server_and_operator_in_a_private_file(tmp_path: Path) -> None:
    book = LoginBook(tmp_path, "http://a", "ana")
    assert book.last() is None
    book.write(NOW)
    assert book.last() == NOW
    assert LoginBook(tmp_path, "http://a", "ben").last() is None
    assert LoginBook(tmp_path, "http://b", "ana").last() is None
    (file,) = (tmp_path / "logins").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("{")
    assert book.last() is None


def test_a_second_console_belongs_to_the_shift_and_one_after_some_hours_begins_the_next(
    tmp_path: Path,
) -> None:
    book = LoginBook(tmp_path, "http://a", "ana")
    for hours in (0, 0.2, 3.9, 7.5):
        book.write(NOW + timedelta(hours=hours))
        assert book.last() == NOW
    book.write(NOW + timedelta(hours=16))
    assert book.last() == NOW + timedelta(hours=16)


async def test_a_console_that_stays_open_all_day_keeps_its_shift(tmp_path: Path) -> None:
    book = LoginBook(tmp_path, "http://a", "ana")
    book.write(NOW)
    hours = [3, 6, 9]

    def clock() -> datetime:
        if not hours:
            raise EOFError
        return NOW + timedelta(hours=hours.pop(0))

    with pytest.raises(EOFError):
        await book.keep(clock, every_seconds=0)
    book.write(NOW + timedelta(hours=12))
    assert book.last() == NOW


@pytest.mark.parametrize(
    ("text", "before"),
    [("8h", timedelta(hours=8)), ("1.5d", timedelta(days=1.5)), ("30m", timedelta(minutes=30))],
)
def test_times_may_be_written_as_how_long_ago(text: str, before: timedelta) -> None:
    assert moment(text, NOW) == NOW - before


def test_a_time_of_day_is_the_last_one_and_a_date_is_itself() -> None:
    local = NOW.astimezone()
    later = (local + timedelta(minutes=1)).strftime("%H:%M")
    assert NOW - timedelta(days=1) < moment(later, NOW) <= NOW
    assert moment("2026-01-04T06:30:00+00:00", NOW) == datetime(2026, 1, 4, 6, 30, tzinfo=UTC)
    for text in ("", "25:00", "soon", "99999999999999999999d"):
        with pytest.raises(UsageError):
            moment(text, NOW)


@given(st.text())
def test_outside_text_in_markdown_is_neither_markup_nor_html_nor_a_link(text: str) -> None:
    shown = escaped(text)
    assert not set("<>\n\r\x1b\u202e@") & set(shown)
    assert "://" not in shown and "www." not in shown.lower()
    bare = shown.replace("\\\\", "")
    assert all(bare[at - 1 : at] == "\\" for at, char in enumerate(bare) if char in "`*_[]|")

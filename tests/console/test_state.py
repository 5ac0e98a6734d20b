"""The reducer: repeated, reordered and re-read news changes nothing twice and loses nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

from fakedesk import stories
from fakedesk.app import person
from fakedesk.record import Record
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.commands import add_note
from casework.events import FindingRecorded
from casework.finding import Specialist
from casework.history import replay
from casework.telemetry import TELEMETRY
from casework.transitions import Status
from casework.views import CaseChange, CaseDetail, TelemetrySeen
from console import news as n
from console.app import coalesced
from console.reducing import reduce
from console.state import ConsoleState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def history() -> Record:
    """Three cases at different points of their lives, with telemetry in between."""

    async def live() -> Record:
        record = Record()
        first = await stories.investigated(record, stories.alert(1), NOW)
        second = await stories.opened(record, stories.alert(2, event_ids=("ev-2",)), NOW)
        await stories.begin(record, second, NOW)
        for number in range(4):
            await record.telemetry(login(number))
            await stories.look(record, second, Specialist.USAGE, number % 2, NOW)
        await record.append(first, add_note(record.load(first), person("ana"), NOW, "seen", "k1"))
        await stories.find(record, second, Specialist.USAGE, NOW)
        await stories.investigated(record, stories.alert(3), NOW)
        return record

    return asyncio.run(live())


def login(number: int) -> object:
    details = {"country": "Germany", "ip": "10.0.0.1", "success": True}
    return TELEMETRY.validate_python(
        {
            "event_id": f"ev-{number}",
            "customer_id": 7,
            "occurred_at": NOW,
            "event_type": "login",
            "details": details,
        }
    )


RECORD = history()
FRAMES = [frame for _, frame in RECORD.frames]
SECOND = "fraud-ALERT-002"


def as_news(frame: CaseChange | TelemetrySeen) -> n.News:
    if isinstance(frame, CaseChange):
        return n.CasesChanged((frame,), NOW)
    return n.TelemetryCame((frame,), NOW)


def detail(case_id: str) -> CaseDetail:
    found = tuple(e.body.finding for e in RECORD.events[case_id] if isinstance(e.body, FindingRecorded))
    return CaseDetail(
        summary=RECORD.row(case_id), case=RECORD.load(case_id), findings=found, related=(), server_time=NOW
    )


def snapshot() -> n.QueueRead:
    rows = tuple(RECORD.row(case_id) for case_id in RECORD.cases)
    return n.QueueRead(rows, (), len(rows), RECORD.cursor, NOW)


def told(*news: n.News, state: ConsoleState | None = None) -> ConsoleState:
    state = state or ConsoleState()
    for one in news:
        state = reduce(state, one)
    return state


def known(state: ConsoleState) -> object:
    """What the screens show of a state, without how often it was told."""
    opened = state.opened
    return (
        dict(state.cases),
        opened and (opened.detail, [e.seq for e in opened.events]),
        [seen.event.event_id for seen in state.telemetry.latest],
        state.telemetry.alerting,
    )


LOOKING = (n.CaseOpened(SECOND), n.CaseRead(detail(SECOND), tuple(RECORD.events[SECOND])))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(FRAMES) - 1), max_size=25), st.integers(0, len(FRAMES)))
def test_frames_that_come_again_change_nothing(again: list[int], reread_at: int) -> None:
    """Whatever old frames a reconnect repeats, and wherever a snapshot falls, the end is the same."""
    once = told(*LOOKING, *map(as_news, FRAMES), snapshot())
    before = [as_news(frame) for frame in FRAMES[:reread_at]]
    repeats = [as_news(FRAMES[index]) for index in sorted(again) if index < reread_at]
    twice = told(*before, *LOOKING, *repeats, snapshot(), *map(as_news, FRAMES), snapshot())
    assert known(twice) == known(once)


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(len(FRAMES))))
def test_the_timeline_of_the_open_case_has_every_event_once_in_order(order: list[int]) -> None:
    state = told(n.CaseOpened(SECOND), *(as_news(FRAMES[index]) for index in order), LOOKING[1])
    assert state.opened is not None
    assert [event.seq for event in state.opened.events] == [event.seq for event in RECORD.events[SECOND]]


@given(st.integers(1, 12))
def test_a_case_read_early_is_brought_up_to_date_by_the_stream(first: int) -> None:
    """The projection followed event by event equals the one the server has."""
    events = RECORD.events[SECOND]
    first = min(first, len(events))
    early = replay(events[:first])
    assert early is not None
    old = detail(SECOND).model_copy(update={"case": early, "findings": ()})
    changes = [f for f in FRAMES if isinstance(f, CaseChange) and f.event.case_id == SECOND]
    state = told(n.CaseOpened(SECOND), n.CaseRead(old, tuple(events[:first])), *map(as_news, changes))
    assert state.opened is not None and state.opened.detail is not None
    assert state.opened.detail.case == RECORD.load(SECOND)
    assert not state.opened.gap


@given(st.lists(st.integers(0, len(FRAMES) - 1), max_size=40))
def test_a_burst_joined_into_one_ends_where_its_frames_one_by_one_do(indexes: list[int]) -> None:
    burst = [as_news(FRAMES[index]) for index in indexes]
    assert known(told(*coalesced(burst))) == known(told(*burst))


def test_a_missing_change_is_noticed_and_the_case_read_again() -> None:
    events = RECORD.events[SECOND]
    early = replay(events[:3])
    old = detail(SECOND).model_copy(update={"case": early})
    later = [f for f in FRAMES if isinstance(f, CaseChange) and f.event.case_id == SECOND][-1]
    state = told(n.CaseOpened(SECOND), n.CaseRead(old, tuple(events[:3])), as_news(later))
    assert state.opened is not None and state.opened.gap
    healed = told(LOOKING[1], state=state)
    assert healed.opened is not None and not healed.opened.gap


def test_a_snapshot_forgets_open_cases_that_are_gone_but_not_the_one_on_screen() -> None:
    state = told(*map(as_news, FRAMES), *LOOKING, n.QueueRead((), (), 0, "c99.t0", NOW))
    assert list(state.cases) == [SECOND]


def test_a_snapshot_of_another_record_replaces_closed_cases_and_cases_of_the_same_id() -> None:
    before = told(*map(as_news, FRAMES))
    closed = [row.model_copy(update={"status": Status.CLOSED}) for row in snapshot().open_cases]
    before = told(n.RowsFound(tuple(closed)), state=before)
    later = NOW + timedelta(days=1)
    other = RECORD.row(SECOND).model_copy(update={"seq": 1, "opened_at": later, "updated_at": later})
    state = told(n.QueueRead((other,), (), 1, "c1.t0", later), state=before)
    assert {case_id: row.seq for case_id, row in state.cases.items()} == {SECOND: 1}
    assert (state.closed_held, state.found) == (0, {SECOND})


def test_a_case_that_is_no_more_is_forgotten_with_its_page() -> None:
    state = told(*map(as_news, FRAMES), *LOOKING, n.QueueRead((), (), 0, "c0.t0", NOW))
    state = told(n.CaseUnread(SECOND, "no case", gone=True), state=state)
    assert SECOND in state.cases
    assert told(n.CaseLeft(), state=state).cases == {}


def test_telemetry_that_raised_an_alert_is_marked() -> None:
    assert told(*map(as_news, FRAMES)).telemetry.alerting == ("ev-2",)


def test_the_line_keeps_its_age_while_the_server_is_away() -> None:
    later = NOW + timedelta(minutes=3)
    state = told(
        n.LineLive(NOW), n.LineLost(later, "gone", later), n.LineLost(later + timedelta(1), "gone", later)
    )
    assert (state.connection.phase, state.connection.heard_at, state.connection.since) == ("away", NOW, later)


def test_an_answer_older_than_what_is_known_changes_nothing() -> None:
    state = told(*map(as_news, FRAMES))
    first = next(f.summary for f in FRAMES if isinstance(f, CaseChange))
    assert reduce(state, n.CaseAnswered(first)) is state


def test_a_draft_is_kept_until_it_is_emptied() -> None:
    kept = told(n.DraftKept("c", "note", "half a thought"))
    assert kept.drafts == {("c", "note"): "half a thought"}
    assert not told(n.DraftKept("c", "note", " "), state=kept).drafts

"""Many cases and many changes: rows are light, pages come one by one, and a burst ends where it should."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from conftest import Running, until
from fakedesk import stories
from fakedesk.record import Record, now

from casework.alert import Severity
from casework.assessment import RiskLevel
from casework.events import FindingRecorded
from casework.history import replay
from casework.transitions import Status
from casework.views import CaseChange, CaseDetail, CaseSummary, ClaimView
from console import news as n
from console.app import coalesced
from console.case_list import RECOUNTED_AT_ONCE, CaseList
from console.feed import LONGEST_HOLD_SECONDS, Feed, Pace
from console.reducing import reduce
from console.rows import FIELDS, light
from console.saved_views import SAVED
from console.state import ConsoleState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CASE = "fraud-ALERT-001"


def history() -> Record:
    async def live() -> Record:
        record = Record()
        for number in (1, 2):
            await stories.investigated(record, stories.alert(number), NOW)
        return record

    return asyncio.run(live())


RECORD = history()
CHANGES = [frame for _, frame in RECORD.frames if isinstance(frame, CaseChange)]
ROW = RECORD.row(CASE)


def told(*news: n.News, state: ConsoleState | None = None) -> ConsoleState:
    state = state or ConsoleState()
    for one in news:
        state = reduce(state, one)
    return state


def many(count: int, **changes: object) -> tuple[CaseSummary, ...]:
    return tuple(ROW.model_copy(update={"case_id": f"fraud-{number}", **changes}) for number in range(count))


def test_a_light_row_says_what_the_summary_says() -> None:
    claim = ClaimView(actor_id="local:ana", name="ana", until=NOW)
    full = ROW.model_copy(
        update={"claim": claim, "severity": Severity.HIGH, "level": RiskLevel.HIGH, "degraded": ("usage",)}
    )
    kept = light(full)
    for name in FIELDS:
        assert getattr(kept, name) == getattr(full, name)
        assert type(getattr(kept, name)) is type(getattr(full, name))
    assert kept == full and kept == light(full) and hash(kept) == hash(light(full))
    assert kept != light(full.model_copy(update={"notes": 9}))


def test_amounts_stay_as_they_were_written() -> None:
    for written in ("5", "5.00", "5.0"):
        assert str(light(ROW.model_copy(update={"amount": Decimal(written)})).amount) == written


def test_a_light_row_that_is_lightened_is_the_same_row() -> None:
    kept = light(ROW)
    assert light(kept) is kept


def test_of_a_burst_of_changes_the_last_row_wins_and_its_cursor_is_ours() -> None:
    burst = [n.CasesChanged((change,), NOW) for change in CHANGES]
    state = told(*coalesced(burst))
    assert state.cursor == CHANGES[-1].cursor
    assert {case_id: row.seq for case_id, row in state.cases.items()} == {
        case_id: case.seq for case_id, case in RECORD.cases.items()
    }


def test_the_case_on_screen_gets_every_change_of_a_burst_and_notices_one_that_is_missing() -> None:
    mine = [change for change in CHANGES if change.event.case_id == CASE]
    early = replay(change.event for change in mine[:2])
    assert early is not None
    detail = CaseDetail(summary=mine[1].summary, case=early, findings=(), related=(), server_time=NOW)
    looking = (n.CaseOpened(CASE), n.CaseRead(detail, tuple(change.event for change in mine[:2])))
    whole = told(*looking, *coalesced([n.CasesChanged((change,), NOW) for change in mine[2:]]))
    assert whole.opened is not None and whole.opened.detail is not None and not whole.opened.gap
    assert [event.seq for event in whole.opened.events] == [change.event.seq for change in mine]
    assert len(whole.opened.detail.findings) == sum(
        isinstance(change.event.body, FindingRecorded) for change in mine
    )
    holed = told(*looking, *coalesced([n.CasesChanged((change,), NOW) for change in mine[3:]]))
    assert holed.opened is not None and holed.opened.gap


def test_a_snapshot_in_pages_ends_where_one_in_a_piece_does() -> None:
    rows = many(50)
    before = told(n.RowsRead(many(60), 60))
    ids = frozenset(row.case_id for row in rows)
    pages = [n.RowsRead(rows[at : at + 7], 50) for at in range(0, 50, 7)]
    paged = told(*pages, n.QueueRead((), (), 50, "c9.t0", NOW, read_before=ids), state=before)
    whole = told(n.QueueRead(rows, (), 50, "c9.t0", NOW), state=before)
    assert dict(paged.cases) == dict(whole.cases) and paged.cases.keys() == ids
    assert (paged.open_total, paged.loaded_at, paged.cursor) == (50, NOW, "c9.t0")


def test_a_snapshot_that_says_nothing_new_leaves_the_list_as_it_is() -> None:
    rows = many(20)
    state = told(n.QueueRead(rows, (), 20, "c9.t0", NOW))
    again = told(n.QueueRead(rows, (), 20, "c9.t0", NOW), state=state)
    assert again.changed_since(state.version) == frozenset()
    fewer = told(n.QueueRead(rows[1:], (), 19, "c9.t0", NOW), state=again)
    assert fewer.changed_since(again.version) == {"fraud-0"}


def test_rows_are_listed_while_the_rest_is_still_being_read() -> None:
    state, case_list = ConsoleState(), CaseList()
    for at in range(0, 30, 10):
        state = told(n.RowsRead(many(30)[at : at + 10], 30), state=state)
        case_list.follow(state, NOW)
        assert len(case_list.order) == at + 10
    assert state.loaded_at is None and state.open_total == 30


def test_a_view_on_time_is_recounted_a_part_at_a_time_until_all_are_counted() -> None:
    soon = {"deadline": NOW + timedelta(minutes=30), "status": Status.AWAITING_REVIEW}
    count = RECOUNTED_AT_ONCE + 1
    state = told(n.QueueRead(many(count, **soon), (), count, "c9.t0", NOW))
    case_list = CaseList()
    urgent = next(at for at, view in enumerate(SAVED) if view.name == "urgent")
    case_list.follow(state, NOW)
    assert case_list.unfinished and case_list.view_counts[urgent] == 0
    case_list.follow(state, NOW)
    assert not case_list.unfinished and case_list.view_counts[urgent] == count


def test_a_recount_that_takes_longer_than_a_round_still_ends() -> None:
    soon = {"deadline": NOW + timedelta(days=1), "status": Status.AWAITING_REVIEW}
    state = told(n.QueueRead(many(RECOUNTED_AT_ONCE * 2 + 1, **soon), (), 1, "c9.t0", NOW))
    case_list = CaseList()
    for frame in range(3):
        case_list.follow(state, NOW + timedelta(seconds=10 * frame))
    assert not case_list.unfinished


async def test_frames_that_keep_coming_let_others_have_their_turn() -> None:
    times = iter(range(1000))
    pace = Pace(lambda: next(times) * LONGEST_HOLD_SECONDS / 2)
    turns = []

    async def key() -> None:
        for number in range(3):
            turns.append(number)
            await asyncio.sleep(0)

    pressed = asyncio.create_task(key())
    for _ in range(20):
        await pace.breathe()
    assert turns == [0, 1, 2]
    await pressed


async def test_the_feed_tells_pages_up_to_its_bound_and_which_cases_they_were(running: Running) -> None:
    for number in range(1, 4):
        await stories.investigated(running.record, stories.alert(number), now())
    api, heard = running.api(), []
    following = asyncio.create_task(Feed(api, heard.append, queue_limit=2).run())
    await until(lambda: any(isinstance(news, n.QueueRead) for news in heard))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await api.aclose()
    page = next(news for news in heard if isinstance(news, n.RowsRead))
    end = next(news for news in heard if isinstance(news, n.QueueRead))
    assert len(page.rows) == 2 and page.open_total == 3
    assert end.read_before == {row.case_id for row in page.rows}

"""The list behind the queue: however cases change, it is what filtering and sorting everything would give."""

import asyncio
from datetime import UTC, datetime, timedelta

from fakedesk import stories
from fakedesk.record import Record
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.filters import View, in_order, parse
from casework.transitions import Status
from casework.views import CaseSummary, ClaimView
from console.case_list import CaseList
from console.news import CaseAnswered, CasesChanged, QueueRead
from console.pages.status import count
from console.reducing import reduce
from console.saved_views import SAVED
from console.state import ConsoleState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINE = ClaimView(actor_id="local:ana", name="ana", until=NOW + timedelta(hours=1))


def template() -> CaseSummary:
    record = Record()
    case_id = asyncio.run(stories.investigated(record, stories.alert(1), NOW))
    return record.row(case_id)


BASE = template()


@st.composite
def rows(draw: st.DrawFn) -> CaseSummary:
    status = draw(st.sampled_from([Status.AWAITING_REVIEW, Status.INVESTIGATING, Status.HELD, Status.CLOSED]))
    closed = status is Status.CLOSED
    waits = status is Status.AWAITING_REVIEW
    return BASE.model_copy(
        update={
            "case_id": f"fraud-{draw(st.integers(0, 6))}",
            "seq": draw(st.integers(1, 50)),
            "status": status,
            "risk": draw(st.sampled_from([None, 0.2, 0.7, 0.9])),
            "deadline": NOW + timedelta(minutes=draw(st.integers(1, 200))) if waits else None,
            "claim": draw(st.sampled_from([None, MINE])),
            "closed_at": NOW if closed else None,
        }
    )


def listed_by_hand(state: ConsoleState, case_list: CaseList, typed: str, now: datetime) -> list[CaseSummary]:
    wanted = case_list.view.narrowed(typed)
    view = View(state.actor_id, now)
    return in_order([row for row in state.cases.values() if wanted.matches(row, view)])


@settings(max_examples=150)
@given(
    batches=st.lists(st.lists(rows(), max_size=4), max_size=12),
    at=st.integers(0, len(SAVED) - 1),
    typed=st.sampled_from(["", "risk>0.5", "deadline<90m", "-mine"]),
    snapshots=st.sets(st.integers(0, 11)),
)
def test_following_changes_is_the_same_as_sorting_everything(
    batches: list[list[CaseSummary]], at: int, typed: str, snapshots: set[int]
) -> None:
    state, case_list = ConsoleState(), CaseList()
    case_list.choose(at)
    case_list.narrow(typed)
    for number, batch in enumerate(batches):
        now = NOW + timedelta(seconds=10 * number)
        if number in snapshots:
            state = reduce(state, QueueRead(tuple(batch), (), len(batch), f"c{number}.t0", now))
        else:
            state = answered(state, batch)
        case_list.follow(state, now)
        expected = listed_by_hand(state, case_list, typed, now)
        assert list(case_list.order) == expected
        assert [case_list.order.index_of(row.case_id) for row in expected] == list(range(len(expected)))
        assert case_list.counts == count(state.cases.values(), state.actor_id)
        view = View(state.actor_id, now)
        assert list(case_list.view_counts) == [
            sum(parse(saved.text).matches(row, view) for row in state.cases.values()) for saved in SAVED
        ]


def answered(state: ConsoleState, batch: list[CaseSummary]) -> ConsoleState:
    for row in batch:
        state = reduce(state, CaseAnswered(row))
    return state


def test_who_fell_too_far_behind_reads_everything() -> None:
    state = ConsoleState()
    for seq in range(1, 200):
        state = answered(state, [BASE.model_copy(update={"seq": seq, "case_id": f"fraud-{seq % 3}"})])
    assert state.changed_since(state.version) == frozenset()
    assert state.changed_since(state.version - 2) == {"fraud-0", "fraud-1"}
    assert state.changed_since(0) is None
    assert reduce(state, CasesChanged((), NOW)).changed_since(state.version) == frozenset()

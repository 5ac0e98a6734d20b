"""The number behind the customer: their other cases and those of linked customers, counted as news comes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fakedesk import stories
from fakedesk.record import Record
from hypothesis import given
from hypothesis import strategies as st

from casework.transitions import Status
from casework.views import CaseChange, CaseSummary
from console import news as n
from console.keeping import FORGET_CLOSED, KEEP_CLOSED
from console.reducing import reduce
from console.rings import Rings
from console.state import ConsoleState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CUSTOMERS = 5


def history() -> tuple[CaseSummary, tuple[CaseChange, ...]]:
    record = Record()
    asyncio.run(stories.investigated(record, stories.alert(1), NOW))
    changes = tuple(frame for _, frame in record.frames if isinstance(frame, CaseChange))
    return changes[-1].summary, changes


ROW, CHANGES = history()


def row(number: int, customer: int, *linked: int, **changes: object) -> CaseSummary:
    own = {"case_id": f"fraud-{number}", "customer_id": customer, "linked_customers": linked}
    return ROW.model_copy(update={**own, **changes})


def told(*news: n.News, state: ConsoleState | None = None) -> ConsoleState:
    state = state or ConsoleState()
    for one in news:
        state = reduce(state, one)
    return state


def read(*rows: CaseSummary) -> n.RowsRead:
    return n.RowsRead(rows, len(rows))


def snapshot(*rows: CaseSummary) -> n.QueueRead:
    return n.QueueRead(rows, (), len(rows), "c9.t0", NOW)


def numbers(state: ConsoleState) -> dict[str, int]:
    return {case_id.removeprefix("fraud-"): held.other_cases for case_id, held in state.cases.items()}


@dataclass
class Anew:
    """The same number without any index: everything that was told is looked through each time."""

    rows: dict[str, CaseSummary] = field(default_factory=dict)
    most: dict[int, int] = field(default_factory=dict)
    linked: dict[int, int] = field(default_factory=dict)

    def hear(self, news: n.RowsRead | n.QueueRead) -> None:
        rows = news.rows if isinstance(news, n.RowsRead) else news.open_cases
        for one in rows:
            known = self.rows.get(one.case_id)
            if known is None or one.seq >= known.seq:
                self.rows[one.case_id] = one
                mine = one.customer_id
                self.most[mine] = max(self.most.get(mine, 0), one.other_cases + 1)
                self.linked[mine] = max(self.linked.get(mine, 0), one.cases_of_linked)
        self._settle()
        if isinstance(news, n.QueueRead):
            listed = {one.case_id for one in rows}
            self.rows = {case_id: one for case_id, one in self.rows.items() if case_id in listed}
            self._settle()

    def _settle(self) -> None:
        held = [one.customer_id for one in self.rows.values()]
        self.most = {customer: max(self.most[customer], held.count(customer)) for customer in held}
        self.linked = {customer: self.linked.get(customer, 0) for customer in held}

    def numbers(self) -> dict[str, int]:
        return {case_id.removeprefix("fraud-"): self._number(one) for case_id, one in self.rows.items()}

    def _number(self, one: CaseSummary) -> int:
        mine = one.customer_id
        named = {
            other for row in self.rows.values() if row.customer_id == mine for other in row.linked_customers
        }
        naming = {row.customer_id for row in self.rows.values() if mine in row.linked_customers}
        held = sum(self.most.get(other, 0) for other in (named | naming) - {mine})
        return self.most[mine] - 1 + max(held, self.linked[mine])


@st.composite
def some_rows(draw: st.DrawFn) -> tuple[CaseSummary, ...]:
    """Rows of any of ten cases, newer or older than those before, linking any customers."""
    found = []
    for number in draw(st.lists(st.integers(0, 9), max_size=6)):
        linked = sorted(draw(st.sets(st.integers(0, CUSTOMERS), max_size=3)))
        status = draw(st.sampled_from((Status.AWAITING_REVIEW, Status.CLOSED)))
        seq, others = draw(st.integers(1, 4)), draw(st.integers(0, 3))
        told = {"other_cases": others, "cases_of_linked": draw(st.integers(0, 4))}
        found.append(row(number, number % CUSTOMERS, *linked, seq=seq, status=status, **told))
    return tuple(found)


NEWS = st.one_of(
    some_rows().map(lambda rows: read(*rows)),
    some_rows().map(lambda rows: snapshot(*{one.case_id: one for one in rows}.values())),
)


@given(st.lists(NEWS, max_size=8))
def test_counted_as_it_comes_the_number_is_what_counting_anew_gives(
    news: Sequence[n.RowsRead | n.QueueRead],
) -> None:
    state, anew = ConsoleState(), Anew()
    for one in news:
        before, shown = state, numbers(state)
        state = reduce(before, one)
        anew.hear(one)
        assert numbers(state) == anew.numbers()
        assert numbers(before) == shown
        both = before.cases.keys() | state.cases.keys()
        differ = {case_id for case_id in both if before.cases.get(case_id) != state.cases.get(case_id)}
        assert differ <= (state.changed_since(before.version) or set())


@given(st.lists(some_rows(), max_size=4))
def test_when_all_cases_are_gone_nothing_is_remembered_of_their_customers(
    batches: Sequence[Sequence[CaseSummary]],
) -> None:
    open_only = [[one.model_copy(update={"status": Status.OPEN}) for one in rows] for rows in batches]
    state = told(*(read(*rows) for rows in open_only), snapshot())
    assert (dict(state.cases), state.rings) == ({}, Rings())


def test_a_link_counts_for_both_customers_whichever_case_names_it() -> None:
    apart = told(read(row(1, 7), row(2, 9), row(3, 9, other_cases=1), row(4, 11)))
    assert numbers(apart) == {"1": 0, "2": 1, "3": 1, "4": 0}
    linked = told(read(row(1, 7, 9, seq=ROW.seq + 1)), state=apart)
    assert numbers(linked) == {"1": 2, "2": 2, "3": 2, "4": 0}
    assert linked.changed_since(apart.version) == {"fraud-1", "fraud-2", "fraud-3"}


def test_a_ring_grows_with_every_case_that_joins_it() -> None:
    state = ConsoleState()
    for number in range(1, 6):
        state = told(read(row(number, number, *range(1, number))), state=state)
        assert set(numbers(state).values()) == {number - 1}


def test_a_linked_customer_without_a_case_counts_once_there_is_one() -> None:
    state = told(read(row(1, 7, 9)))
    assert numbers(state) == {"1": 0}
    assert numbers(told(read(row(2, 9)), state=state)) == {"1": 1, "2": 1}


def test_cases_that_the_server_counts_and_the_queue_does_not_hold_count_too() -> None:
    state = told(read(row(1, 7, 9, other_cases=1, cases_of_linked=2)))
    assert numbers(state) == {"1": 3}
    assert numbers(told(read(row(2, 9, other_cases=1)), state=state)) == {"1": 3, "2": 3}
    assert numbers(told(read(row(3, 9, other_cases=2)), state=state))["1"] == 4


def test_a_case_opened_on_the_stream_is_told_to_the_rows_of_its_ring() -> None:
    state = told(read(row(1, 7, 9)))
    opened = CHANGES[0].model_copy(update={"summary": row(2, 9, seq=1)})
    assert numbers(told(n.CasesChanged((opened,), NOW), state=state)) == {"1": 1, "2": 1}


def test_a_row_read_again_keeps_the_number_and_says_nothing_new() -> None:
    rows = (row(1, 7, 9), row(2, 9))
    state = told(read(*rows))
    again = told(read(*rows), state=state)
    assert again is state or again.version == state.version
    assert numbers(again) == {"1": 1, "2": 1}


def test_closed_cases_that_are_forgotten_no_longer_count_for_a_linked_customer() -> None:
    many = KEEP_CLOSED + FORGET_CLOSED + 1
    oldest = row(0, 9, 7, status=Status.CLOSED, updated_at=NOW - timedelta(days=9))
    closed = [row(number, 1000 + number, status=Status.CLOSED) for number in range(1, many)]
    state = told(read(row(9999, 7), oldest))
    assert numbers(state)["9999"] == 1
    state = told(read(*closed), state=state)
    assert "fraud-0" not in state.cases
    assert numbers(state)["9999"] == 0

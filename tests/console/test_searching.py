"""A filter finds what the server has and the console does not hold."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import console
from test_many_cases import ROW, told

from casework.filters import parse
from casework.transitions import Status
from casework.views import CaseList, CaseSummary
from console import news as n
from console.desk import MOST_FOUND, Desk
from console.keeping import FORGET_CLOSED, KEEP_CLOSED
from console.state import ConsoleState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


async def furnish(running: Running, count: int) -> None:
    for number in range(1, count + 1):
        await stories.investigated(running.record, stories.alert(number), now())


async def test_enter_finds_an_open_case_beyond_the_bound(running: Running) -> None:
    await furnish(running, 3)
    last = running.record.load("fraud-ALERT-003").alert.customer_id
    few = running.settings().model_copy(update={"queue_limit": 1})
    async with console(few) as screen:
        await screen.sees("1/1 of 3 open")
        await screen.press("slash", *f"customer:{last}")
        await screen.sees("No case matches")
        await screen.press("enter")
        await screen.sees("1 case at the server.", f" {last} ")


async def test_a_server_that_is_away_is_said(running: Running) -> None:
    await furnish(running, 2)
    few = running.settings().model_copy(update={"queue_limit": 1, "timeout_seconds": 0.5})
    async with console(few) as screen:
        await screen.sees("1/1 of 2 open")
        running.desk.refuse_all = True
        await screen.press("slash", *"alert-002", "enter")
        await screen.sees("Only what is here was searched")


async def test_nothing_is_asked_when_everything_that_may_match_is_here(running: Running) -> None:
    await furnish(running, 2)
    async with console(running.settings()) as screen:
        await screen.sees("1/2")
        await screen.press("slash", *"alert-002", "enter")
        await screen.sees("1/1")
        assert "server" not in screen.text.splitlines()[-1]


class Pages:
    """A server that has so many rows for any filter."""

    def __init__(self, rows: int) -> None:
        self.rows = [ROW.model_copy(update={"case_id": f"fraud-{number}"}) for number in range(rows)]
        self.asked: list[dict[str, str]] = []

    async def cases(self, **query: str) -> CaseList:
        self.asked.append(query)
        start = int(query.get("cursor", "0"))
        end = start + int(query["limit"])
        following = str(end) if end < len(self.rows) else None
        return CaseList(items=tuple(self.rows[start:end]), next_cursor=following, total=len(self.rows))


@pytest.mark.parametrize(("rows", "more"), [(3, False), (MOST_FOUND, False), (MOST_FOUND + 1, True)])
async def test_a_search_ends_at_its_bound_and_says_whether_there_is_more(rows: int, more: bool) -> None:
    heard: list[n.News] = []
    steps = [step async for step in Desk(Pages(rows), heard.append).search(parse("spike"))]  # type: ignore[arg-type]
    assert steps[-1] == (min(rows, MOST_FOUND), more)
    pages = [news for news in heard if isinstance(news, n.RowsFound)]
    assert [page.further for page in pages] == [False] + [True] * (len(pages) - 1)
    told_of = [row.case_id for page in pages for row in page.rows]
    assert told_of == [f"fraud-{number}" for number in range(min(rows, MOST_FOUND))]


async def test_closed_cases_are_asked_for_newest_first() -> None:
    pages = Pages(1)
    _ = [step async for step in Desk(pages, lambda _: None).search(parse("status:closed spike"))]  # type: ignore[arg-type]
    assert pages.asked[0]["sort"] == "updated" and pages.asked[0]["desc"] == "true"


def closed(name: str, count: int, year: int) -> Sequence[CaseSummary]:
    at = datetime(year, 1, 1, tzinfo=UTC)
    changes = {"status": Status.CLOSED, "updated_at": at, "closed_at": at}
    return [ROW.model_copy(update={"case_id": f"{name}-{number}", **changes}) for number in range(count)]


def test_what_was_searched_for_is_kept_until_the_next_search() -> None:
    old, many = closed("old", 3, 2020), closed("new", KEEP_CLOSED + FORGET_CLOSED, 2026)
    state = told(n.RowsFound(tuple(old)), *(n.CaseAnswered(row) for row in many))
    assert {row.case_id for row in old} <= state.cases.keys()
    again = told(n.RowsFound(()), *(n.CaseAnswered(row) for row in closed("late", 1, 2027)), state=state)
    assert not {row.case_id for row in old} & again.cases.keys()
    assert len(again.cases) == again.closed_held == KEEP_CLOSED + 1


def test_every_page_of_a_search_is_kept_and_the_next_search_begins_anew() -> None:
    first, second = closed("a", 2, 2020), closed("b", 2, 2020)
    state = told(n.RowsFound(tuple(first)), n.RowsFound(tuple(second), further=True))
    assert state.found == {row.case_id for row in (*first, *second)} == state.cases.keys()
    assert told(n.RowsFound(tuple(second)), state=state).found == {row.case_id for row in second}


def test_a_case_that_closes_is_not_counted_as_open_any_more() -> None:
    opened = n.QueueRead((ROW,), (), 3, "c1", NOW)
    ended = ROW.model_copy(update={"status": Status.CLOSED, "seq": ROW.seq + 1, "closed_at": NOW})
    state = told(opened, n.CaseAnswered(ended), n.CaseAnswered(ended))
    assert (state.open_total, state.open_beyond) == (2, 2)
    assert ConsoleState().open_beyond == 0

"""The queue in the filter language: rows of the store, page after page, until enough of them match."""

from casework.actor import Actor
from casework.errors import InvalidInputError
from casework.filters import STATUS_GROUPS, Filter, FilterError, View, parse
from casework.ports import CaseQuery
from casework.views import CaseList, CaseSummary
from server.desk import Desk
from server.summaries import summaries_of

PAGE = 500
MOST_LOOKED_AT = 5_000
"""For one page; where few cases match it then ends early, with a cursor to go on."""


def understood(text: str) -> Filter:
    """A filter as somebody wrote it. Raises InvalidInputError with what is wrong in it."""
    try:
        return parse(text)
    except FilterError as error:
        raise InvalidInputError("filter", str(error)) from error


async def list_matching(desk: Desk, query: CaseQuery, wanted: Filter, actor: Actor) -> CaseList:
    """Up to `query.limit` rows that match; `total` is how many the query alone selects."""
    if not query.statuses and not wanted.names_status:
        query = query.model_copy(update={"statuses": STATUS_GROUPS["open"]})
    view = View(actor.actor_id, query.now)
    found: list[CaseSummary] = []
    cursor, looked_at, total = query.cursor, 0, 0
    while True:
        asked = query.model_copy(update={"limit": PAGE, "cursor": cursor})
        page = await desk.backends.cases.find(asked)
        rows = await summaries_of(desk, page.cases)
        total = page.total
        for at, row in enumerate(rows):
            if wanted.matches(row, view):
                found.append(row)
            if len(found) == query.limit:
                after = await _cursor_after(desk, asked, at + 1, len(rows), page.next_cursor)
                return CaseList(items=tuple(found), next_cursor=after, total=total)
        cursor, looked_at = page.next_cursor, looked_at + len(rows)
        if cursor is None or looked_at >= MOST_LOOKED_AT:
            return CaseList(items=tuple(found), next_cursor=cursor, total=total)


async def _cursor_after(desk: Desk, asked: CaseQuery, rows: int, of: int, last: str | None) -> str | None:
    """Where to go on after the first rows of a page."""
    if rows == of:
        return last
    return (await desk.backends.cases.find(asked.model_copy(update={"limit": rows}))).next_cursor

"""Rows for answers: a case as it is now, with in how many other cases its customer is found."""

from collections.abc import Sequence

from casework.case import Case
from casework.views import CaseSummary
from server.desk import Desk
from server.rows import rows_at


async def summary_of(desk: Desk, case: Case) -> CaseSummary:
    """The row of one case."""
    (row,) = await summaries_of(desk, [case])
    return row


async def summaries_of(desk: Desk, cases: Sequence[Case]) -> tuple[CaseSummary, ...]:
    """The rows of a page."""
    row_at = await rows_at(desk.backends.cases, cases)
    now = desk.clock()
    return tuple(row_at(case, now) for case in cases)

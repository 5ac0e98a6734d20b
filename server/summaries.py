"""Rows for answers: a case as it is now, with in how many other cases its customer is found."""

from collections.abc import Sequence

from casework.case import Case
from casework.views import CaseSummary, summarise
from server.desk import Desk


async def summary_of(desk: Desk, case: Case) -> CaseSummary:
    """The row of one case."""
    (row,) = await summaries_of(desk, [case])
    return row


async def summaries_of(desk: Desk, cases: Sequence[Case]) -> tuple[CaseSummary, ...]:
    """The rows of a page; their customers' cases are counted in one query."""
    known = await desk.backends.cases.customer_counts({case.alert.customer_id for case in cases})
    now = desk.clock()
    return tuple(summarise(case, now, known.get(case.alert.customer_id, 1)) for case in cases)

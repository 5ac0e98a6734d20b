"""Rows of cases, with what only the whole record knows: in how many other cases their customers are found."""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime

from casework.case import Case
from casework.ports import CaseStore
from casework.views import CaseSummary, summarise

RowAt = Callable[[Case, datetime], CaseSummary]


async def rows_at(store: CaseStore, cases: Collection[Case]) -> RowAt:
    """What makes rows of cases at a moment; cases of their customers are counted once for all of them."""
    customers = {case.alert.customer_id for case in cases}
    own, linked = await asyncio.gather(store.customer_counts(customers), store.linked_counts(customers))

    def row_at(case: Case, now: datetime) -> CaseSummary:
        customer = case.alert.customer_id
        return summarise(case, now, own.get(customer, 1), linked.get(customer, 0))

    return row_at

"""Totals over all cases that no query gives: decisions, how long they took, what models cost."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from casework.case import Case, Review
from casework.decision import Stage
from casework.finding import TokenUsage
from casework.ports import CaseQuery, CaseStore
from server.clock import Clock

PAGE = 100
PAUSE_SECONDS = 0.01
"""Between pages of the history, so that counting it never keeps a request waiting."""


@dataclass(frozen=True, slots=True)
class _Share:
    """What one case adds to the totals as of an event."""

    seq: int
    decisions: int
    seconds: float | None
    usage: TokenUsage


class Tally:
    """Holds each case's newest share, so that seeing a case twice counts it once."""

    def __init__(self, cases: CaseStore, clock: Clock) -> None:
        self.usage = TokenUsage()
        self.decisions = 0
        self.complete = False
        """Whether the cases from before this process have been counted."""
        self._cases = cases
        self._clock = clock
        self._shares: dict[str, _Share] = {}

    @property
    def median_decision_seconds(self) -> float | None:
        """Between the question and its answer, over the last decision of every case."""
        seconds = [share.seconds for share in self._shares.values() if share.seconds is not None]
        return round(median(seconds), 3) if seconds else None

    def count(self, case: Case) -> None:
        """Put a case as it is now in the place of what was known of it."""
        before = self._shares.get(case.case_id)
        if before is not None and before.seq >= case.seq:
            return
        share = self._shares[case.case_id] = _share_of(case, before)
        self.decisions += share.decisions - (before.decisions if before else 0)
        if before is None or share.usage != before.usage:
            self.usage = _exchanged(self.usage, before.usage if before else TokenUsage(), share.usage)

    async def count_history(self) -> None:
        """Count every case as it stands."""
        cursor: str | None = None
        while not self.complete:
            query = CaseQuery(sort="opened", limit=PAGE, cursor=cursor, now=self._clock())
            page = await self._cases.find(query)
            for case in page.cases:
                self.count(case)
            cursor = page.next_cursor
            self.complete = cursor is None
            await asyncio.sleep(PAUSE_SECONDS)


def _share_of(case: Case, before: _Share | None) -> _Share:
    seconds = decision_seconds(case)
    if seconds is None and before is not None:
        seconds = before.seconds
    return _Share(case.seq, case.decisions, seconds, case.usage)


def decision_seconds(case: Case) -> float | None:
    """How long the present decision took; None when there is none."""
    decision, review = case.decision, case.review
    if decision is None or review is None or decision.review != review.number:
        return None
    return max(0.0, (decision.decided_at - asked_at(case, review)).total_seconds())


def asked_at(case: Case, review: Review) -> datetime:
    """When a question was put: one deadline's length before its deadline."""
    senior = review.stage is Stage.SENIOR
    length = case.terms.senior_deadline_seconds if senior else case.terms.decision_deadline_seconds
    return review.deadline - timedelta(seconds=length)


def _exchanged(total: TokenUsage, old: TokenUsage, new: TokenUsage) -> TokenUsage:
    return TokenUsage(
        input_tokens=total.input_tokens - old.input_tokens + new.input_tokens,
        output_tokens=total.output_tokens - old.output_tokens + new.output_tokens,
        cached_tokens=total.cached_tokens - old.cached_tokens + new.cached_tokens,
        cost_usd=total.cost_usd - old.cost_usd + new.cost_usd,
        calls=total.calls - old.calls + new.calls,
    )

"""Puts right what a crash or an absent engine left undone: no decision is lost, no case is stuck."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from backends.observability import metrics
from casework.actor import SYSTEM
from casework.case import Case
from casework.errors import CaseworkError, ConflictError, UnavailableError
from casework.events import CaseClosed, NewEvent, NoteAdded, Outcome
from casework.flow import end_deferral
from casework.ports import CaseFlow, CaseQuery, CaseStore, FlowState
from casework.recording import record
from casework.transitions import Status
from server.clock import Clock
from server.deciding import deliver
from server.opening import TracesOfCases, start_flow

GRACE = timedelta(seconds=2)
"""How old an undelivered order must be: a request of this moment is delivering it itself."""
BATCH = 100
LOOKED_AT = 25
"""Cases whose orchestration is asked after in one round."""
AT_ONCE = 10
LONGEST_PAUSE = timedelta(minutes=5)
ENDED_BADLY = frozenset({"FAILED", "TERMINATED"})
ENDED = ENDED_BADLY | {"COMPLETED", "CANCELED"}

log = structlog.get_logger("server.sweep")


class Sweep:
    """One round now and then; a round that fails is simply followed by the next."""

    def __init__(
        self,
        cases: CaseStore,
        flow: CaseFlow,
        clock: Clock,
        *,
        every_seconds: float,
        patience_seconds: float,
        stalled_after_seconds: float,
        traces: TracesOfCases | None = None,
    ) -> None:
        self.rounds = 0
        self.delivered = 0
        self.closed_failed = 0
        self._cases = cases
        self._flow = flow
        self._clock = clock
        self._traces = traces or TracesOfCases()
        self._every = every_seconds
        self._patience = patience_seconds
        self._stalled_after = timedelta(seconds=stalled_after_seconds)
        self._stalled_cursor: str | None = None
        self._again_at: dict[str, tuple[datetime, timedelta]] = {}

    async def run(self) -> None:
        """Sweep at once, then for ever with a pause that differs each time."""
        while True:
            try:
                await self.once()
            except UnavailableError as error:
                log.warning("sweep_cut_short", reason=str(error))
            await asyncio.sleep(self._every * random.uniform(0.75, 1.25))

    async def once(self) -> None:
        """One round: undelivered orders, unstarted cases, deferrals whose time has come, and cases
        whose orchestration ended without them."""
        before = self._clock() - GRACE
        due = await self._cases.due_decisions(before, BATCH)
        unstarted = await self._cases.unstarted(before, BATCH)
        self._forget_all_but([*due, *unstarted])
        for case in await self._cases.due_deferrals(self._clock(), BATCH):
            await self._end_deferral(case)
        await self._each(self._ripe(due), self._deliver)
        await self._each(self._ripe(unstarted), self._start)
        await self._each(await self._standing_still(), self._reconcile)
        self.rounds += 1

    def _ripe(self, cases: Sequence[Case]) -> list[Case]:
        """Those that were not tried lately: each try doubles the pause, for a worker may just be away."""
        now, ripe = self._clock(), []
        for case in cases:
            at, pause = self._again_at.get(_order_of(case), (now, timedelta(seconds=self._every)))
            if at <= now:
                self._again_at[_order_of(case)] = (now + pause, min(pause * 2, LONGEST_PAUSE))
                ripe.append(case)
        return ripe

    def _forget_all_but(self, cases: Sequence[Case]) -> None:
        waiting = {_order_of(case) for case in cases}
        self._again_at = {order: state for order, state in self._again_at.items() if order in waiting}

    async def _each(self, cases: Sequence[Case], work: "Work") -> None:
        """Work on several at once, but stop asking an engine that does not answer."""
        for at in range(0, len(cases), AT_ONCE):
            answered = await asyncio.gather(*(work(case) for case in cases[at : at + AT_ONCE]))
            if not any(answered):
                return

    async def _deliver(self, case: Case) -> bool:
        delivered = await deliver(self._cases, self._flow, case, self._patience)
        self.delivered += delivered
        metrics.redeliveries.add(int(delivered), {"what": "decision"})
        return delivered

    async def _end_deferral(self, case: Case) -> None:
        """Say in the record that a deferral's time has come, so that every desk hears of it."""
        now = self._clock()
        with suppress(ConflictError):
            await record(self._cases, case.case_id, lambda latest: end_deferral(latest, now))

    async def _start(self, case: Case) -> bool:
        started = await start_flow(self._flow, case, self._patience, self._traces.of(case.case_id))
        metrics.redeliveries.add(int(started), {"what": "start"})
        return started

    async def _standing_still(self) -> list[Case]:
        """A page of open cases in which nothing happened for a while; the next round goes on from there."""
        now = self._clock()
        query = CaseQuery(
            statuses=frozenset(Status) - {Status.CLOSED, Status.OPEN},
            sort="updated",
            limit=LOOKED_AT,
            cursor=self._stalled_cursor,
            now=now,
        )
        page = await self._cases.find(query)
        old = [case for case in page.cases if case.updated_at < now - self._stalled_after]
        self._stalled_cursor = page.next_cursor if len(old) == len(page.cases) else None
        return old

    async def _reconcile(self, case: Case) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                state = await self._flow.state(case.case_id)
        except (UnavailableError, TimeoutError):
            return False
        if state is None:
            log.warning("orchestration_missing", case_id=case.case_id)
            return await self._start(case)
        if state.status in ENDED:
            await self._close(case, state)
        return True

    async def _close(self, case: Case, state: FlowState) -> None:
        now = self._clock()
        try:
            await record(self._cases, case.case_id, lambda latest: _failed(latest, case.seq, state, now))
        except ConflictError as error:
            log.info("not_closed", case_id=case.case_id, reason=str(error))
        except CaseworkError:
            log.exception("not_closed", case_id=case.case_id)
        else:
            self.closed_failed += 1


def _order_of(case: Case) -> str:
    """Names what is to be delivered: the start, or the order on one review."""
    return f"{case.case_id}:{case.status}:{case.review.number if case.review else 0}"


class Work(Protocol):
    """What `_each` runs: returns whether the engine answered."""

    async def __call__(self, case: Case) -> bool: ...


def _failed(case: Case, seen_seq: int, state: FlowState, now: datetime) -> tuple[NewEvent, ...]:
    """A note why, and the closing; nothing when the case has moved since it was looked at."""
    if case.seq != seen_seq or case.status is Status.CLOSED:
        return ()
    how = f"the orchestration ended as {state.status}"
    why = f"{how}: {state.failure}" if state.failure else f"{how} without closing the case"
    note = NoteAdded(text=why[:4000])
    closed = CaseClosed(outcome=Outcome.FAILED, detail=why[:4000])
    return (
        NewEvent(event_id=f"{case.case_id}:failed:note", occurred_at=now, actor=SYSTEM, body=note),
        NewEvent(event_id=f"{case.case_id}:failed", occurred_at=now, actor=SYSTEM, body=closed),
    )

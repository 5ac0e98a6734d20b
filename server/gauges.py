"""Figures of the whole desk for the metrics: who waits, how long, and how far behind detection is."""

import asyncio

import structlog

from backends.observability import metrics, names
from casework.errors import UnavailableError
from casework.ports import CaseQuery, CaseStore, EventBus
from casework.transitions import AWAITING, Status
from server.clock import Clock
from server.ingest import CONSUMER
from server.tally import asked_at

LOOK_SECONDS = 10.0

log = structlog.get_logger("server.gauges")


class Gauges:
    """Looks at the stores now and then; three bounded questions each time, however many cases there are."""

    def __init__(self, cases: CaseStore, telemetry: EventBus, clock: Clock) -> None:
        self._cases = cases
        self._telemetry = telemetry
        self._clock = clock

    async def run(self, every_seconds: float) -> None:
        """Look for ever; what cannot be seen now is seen next time."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.once()
            except (UnavailableError, TimeoutError) as error:
                log.warning("not_measured", reason=str(error) or "no answer in time")
            await asyncio.sleep(every_seconds)

    async def once(self) -> None:
        """Measure everything once."""
        counts = await self._cases.counts()
        for status in Status:
            if status is not Status.CLOSED:
                metrics.cases.set(counts.get(status, 0), {names.STATUS: str(status)})
        for status in sorted(AWAITING):
            metrics.oldest_wait.set(await self._oldest_wait(status), {names.STATUS: str(status)})
        behind = (await self._telemetry.report(CONSUMER)).behind
        metrics.consumer_lag.set(behind, {"consumer": CONSUMER})

    async def _oldest_wait(self, status: Status) -> float:
        """Seconds since the question was put that is due first; 0 when none is open."""
        now = self._clock()
        page = await self._cases.find(CaseQuery(statuses=frozenset({status}), limit=1, now=now))
        for case in page.cases:
            if case.review is not None:
                return max(0.0, (now - asked_at(case, case.review)).total_seconds())
        return 0.0

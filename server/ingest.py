"""Telemetry to cases: reads the log, runs the rules, opens one case per alert, then moves the checkpoint."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from backends.observability import metrics, names
from backends.observability.redaction import KNOWN
from backends.observability.tracing import span
from casework.alert import Alert, case_id_for
from casework.case import Case
from casework.errors import CaseworkError, UnavailableError
from casework.policy import Terms
from casework.ports import CaseFlow, CaseStore, EventBus, TelemetryBatch
from casework.rules import Detection, Detector, Rule, RuleMode
from casework.telemetry import Telemetry
from casework.transitions import Status
from server.clock import Clock
from server.observed import Observed
from server.opening import TracesOfCases, open_case, start_flow

CONSUMER = "detector"
YIELD_EVERY = 50
MOST_PARKED = 1000
ENGINE_PAUSE = timedelta(seconds=5)
"""How long nothing is started after the engine did not answer; the sweep starts what was left out."""

log = structlog.get_logger("server.ingest")


@dataclass(frozen=True, slots=True)
class Parked:
    """A record or an alert that could not be handled, and why; it never blocks the ones behind it."""

    event_id: str
    reason: str


class Ingest:
    """The detection consumer. Every step may be repeated: alert ids and event ids are derived."""

    def __init__(
        self,
        rules: Sequence[Rule],
        telemetry: EventBus,
        cases: CaseStore,
        flow: CaseFlow,
        *,
        terms: Terms,
        clock: Clock,
        observed: Observed,
        patience_seconds: float,
    ) -> None:
        self.rules = tuple(rules)
        self.hits: Counter[str] = Counter()
        """Detections by rule since this process started."""
        self.parked: deque[Parked] = deque(maxlen=MOST_PARKED)
        self.parked_total = 0
        self.events_seen = 0
        self.traces = TracesOfCases()
        self._telemetry = telemetry
        self._cases = cases
        self._flow = flow
        self._terms = terms
        self._clock = clock
        self._observed = observed
        self._patience = patience_seconds
        self._engine_away_until = clock()

    async def run(self) -> None:
        """Consume for ever. A partition starts with fresh windows, which the rewind fills again.

        Each has its own detector: windows move with the time of events, and partitions are not at the same.
        """
        detectors: dict[str, Detector] = {}
        batches = self._telemetry.subscribe(CONSUMER, Detector(self.rules).longest_window)
        async with aclosing(batches):
            async for batch in batches:
                if batch.begins or batch.partition not in detectors:
                    detectors[batch.partition] = Detector(self.rules)
                await self._take(detectors[batch.partition], batch)

    async def _take(self, detector: Detector, batch: TelemetryBatch) -> None:
        for number, event in enumerate(batch.events, start=1):
            begun_ns = time.time_ns()
            detections = self._observe(detector, event)
            for detection in detections:
                self._count(detection)
                if detection.mode is RuleMode.ACTIVE:
                    await self._raise(detection.alert, batch.traces.get(event.event_id), begun_ns)
            fired = [d.alert.alert_type for d in detections if d.mode is RuleMode.ACTIVE]
            self._observed.add(event.event_id, fired[0] if fired else "")
            self.events_seen += 1
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        await batch.done()

    def _observe(self, detector: Detector, event: Telemetry) -> tuple[Detection, ...]:
        try:
            return detector.observe(event)
        except Exception as error:
            log.exception("event_parked", event_id=event.event_id)
            self._park(event.event_id, f"{type(error).__name__}: {error}")
            return ()

    def _count(self, detection: Detection) -> None:
        self.hits[detection.alert.rule_id or detection.alert.alert_type] += 1

    async def _raise(self, alert: Alert, trace: str | None, begun_ns: int) -> None:
        """Open the alert's case in the trace of the event that set off the rule."""
        rule = alert.rule_id or alert.alert_type
        about = {
            names.CASE_ID: case_id_for(alert.alert_id),
            names.ALERT_ID: alert.alert_id,
            names.RULE_ID: rule,
        }
        with span(f"rule {rule}", about, parent=trace, start_ns=begun_ns):
            try:
                case = await self._record(alert)
            except CaseworkError as error:
                log.exception("alert_parked", alert_id=alert.alert_id)
                self._park(alert.alert_id, str(error))
                return
            await self._start(case)

    async def _start(self, case: Case) -> None:
        if case.status is not Status.OPEN:
            return
        self.traces.remember(case.case_id)
        metrics.alerts.add(1, {names.RULE_ID: case.alert.rule_id or case.alert.alert_type})
        if self._clock() >= self._engine_away_until:
            started = await start_flow(self._flow, case, self._patience)
            if not started:
                self._engine_away_until = self._clock() + ENGINE_PAUSE

    async def _record(self, alert: Alert) -> Case:
        """Append the case; waits for the store as long as it takes, for without it nothing may be skipped."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(UnavailableError),
            wait=wait_random_exponential(multiplier=0.2, max=15),
            reraise=True,
        ):
            with attempt:
                triggers = await self._telemetry.find(alert.event_ids)
                KNOWN.learn([trigger.model_dump() for trigger in triggers])
                return await open_case(self._cases, alert, self._terms, self._clock, triggers)
        raise AssertionError("retrying for ever ended")

    def _park(self, event_id: str, reason: str) -> None:
        self.parked_total += 1
        self.parked.append(Parked(event_id, reason))

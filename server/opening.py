"""Opens a case for an alert: on disk first, then in the durable engine."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import structlog

from backends.observability import names
from backends.observability.tracing import current_traceparent, span
from casework import commands
from casework.alert import Alert, case_id_for
from casework.case import Case
from casework.errors import UnavailableError
from casework.policy import Terms
from casework.ports import CaseFlow, CaseStore, FlowStart
from casework.telemetry import Telemetry
from server.clock import Clock

MOST_TRACES = 10_000

log = structlog.get_logger("server.opening")


async def open_case(
    cases: CaseStore, alert: Alert, terms: Terms, clock: Clock, triggers: Sequence[Telemetry] = ()
) -> Case:
    """Record the case an alert opens; the same case however often the alert arrives."""
    event = commands.open_case(alert, terms, clock(), triggers)
    return (await cases.append(case_id_for(alert.alert_id), [event])).case


class TracesOfCases:
    """The traces in which the latest cases were opened, for whoever has to start them later.

    A server that was restarted in between has forgotten them; such a case then begins a trace of its own.
    """

    def __init__(self, most: int = MOST_TRACES) -> None:
        self._most = most
        self._by_case: OrderedDict[str, str] = OrderedDict()

    def remember(self, case_id: str) -> None:
        """Note that a case was opened in the current trace."""
        if (trace := current_traceparent()) is not None:
            self._by_case[case_id] = trace
            if len(self._by_case) > self._most:
                self._by_case.popitem(last=False)

    def of(self, case_id: str) -> str | None:
        return self._by_case.get(case_id)


async def start_flow(flow: CaseFlow, case: Case, patience_seconds: float, trace: str | None = None) -> bool:
    """Start the case's orchestration; False when the engine is away and the sweep has to do it.

    `trace` is the one to go on with, when it is not the current one.
    """
    start = FlowStart(case_id=case.case_id, alert=case.alert, terms=case.terms)
    try:
        async with asyncio.timeout(patience_seconds):
            with span("start case", {names.CASE_ID: case.case_id}, parent=trace):
                await flow.start(start)
    except (UnavailableError, TimeoutError) as error:
        log.warning("start_deferred", case_id=case.case_id, reason=str(error) or "no answer in time")
        return False
    return True

"""Opens a case for an alert: on disk first, then in the durable engine."""

import asyncio
from collections.abc import Sequence

import structlog

from casework import commands
from casework.alert import Alert, case_id_for
from casework.case import Case
from casework.errors import UnavailableError
from casework.policy import Terms
from casework.ports import CaseFlow, CaseStore, FlowStart
from casework.telemetry import Telemetry
from server.live.session import Clock

log = structlog.get_logger("server.opening")


async def open_case(
    cases: CaseStore, alert: Alert, terms: Terms, clock: Clock, triggers: Sequence[Telemetry] = ()
) -> Case:
    """Record the case an alert opens; the same case however often the alert arrives."""
    event = commands.open_case(alert, terms, clock(), triggers)
    return (await cases.append(case_id_for(alert.alert_id), [event])).case


async def start_flow(flow: CaseFlow, case: Case, patience_seconds: float) -> bool:
    """Start the case's orchestration; False when the engine is away and the sweep has to do it."""
    start = FlowStart(case_id=case.case_id, alert=case.alert, terms=case.terms)
    try:
        async with asyncio.timeout(patience_seconds):
            await flow.start(start)
    except (UnavailableError, TimeoutError) as error:
        log.warning("start_deferred", case_id=case.case_id, reason=str(error) or "no answer in time")
        return False
    return True

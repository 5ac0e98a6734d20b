"""The only place that chooses implementations: settings in, ports out."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from backends.durable import open_case_flow
from backends.embedded.case_store import open_case_store
from backends.embedded.event_bus import open_event_bus
from backends.settings import BackendSettings
from casework.ports import CaseFlow, CaseStore, EventBus


@dataclass(frozen=True, slots=True)
class Backends:
    """What the server needs from the outside."""

    cases: CaseStore
    telemetry: EventBus
    flow: CaseFlow


@asynccontextmanager
async def open_backends(settings: BackendSettings) -> AsyncIterator[Backends]:
    """Open every seam the settings choose; close them in reverse order on exit.

    Raises UnavailableError, in words, when a local file cannot be opened. Remote seams connect on
    first use, so a process starts, degraded and saying so, while its dependencies are down.
    """
    async with AsyncExitStack() as stack:
        yield Backends(
            cases=await stack.enter_async_context(open_case_store(settings.cases_db)),
            telemetry=await stack.enter_async_context(
                open_event_bus(settings.telemetry_db, settings.telemetry_retention)
            ),
            flow=await stack.enter_async_context(open_case_flow(settings)),
        )

"""The only place that chooses implementations: settings in, ports out."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from backends.action_ledger import Executor
from backends.action_settings import ActionSettings
from backends.analyst_ladder import AnalystLadder, ModelRung
from backends.audit_settings import AuditSettings
from backends.circuit import Circuit
from backends.durable import open_case_flow
from backends.embedded.action_ledger import open_action_ledger
from backends.embedded.analyst import PlaybookAnalyst
from backends.embedded.case_store import open_case_store
from backends.embedded.event_bus import open_event_bus
from backends.hub_watch import open_hub_watch
from backends.keys import open_key_ring, open_signer
from backends.model_settings import ModelSettings
from backends.settings import BackendSettings
from backends.webhook import WebhookExecutor, open_webhook
from casework.ports import ActionPort, Analyst, CaseFlow, CaseStore, EventBus, HubWatch
from casework.signature import Signer, Verifier


@dataclass(frozen=True, slots=True)
class Backends:
    """What the server needs from the outside."""

    cases: CaseStore
    telemetry: EventBus
    flow: CaseFlow
    hub_watch: HubWatch
    signer: Signer | None = None
    """Signs what people order; without one orders are recorded unsigned, and no worker believes them."""
    verifier: Verifier | None = None
    """Judges signatures when a record is audited; without one only hashes are checked."""
    upkeep: Callable[[datetime], Awaitable[int]] | None = None
    """Removes what was kept for long enough, as of a moment; None when everything is kept."""


@asynccontextmanager
async def open_backends(
    settings: BackendSettings, audit: AuditSettings | None = None
) -> AsyncIterator[Backends]:
    """Open every seam the settings choose; close them in reverse order on exit.

    Raises UnavailableError, in words, when the case record, a local file or the signing key cannot be
    had: without them there is nothing to serve. Other remote seams connect on first use, so a process
    starts, degraded and saying so, while they are down.
    """
    signing = audit or AuditSettings()
    async with AsyncExitStack() as stack:
        cases = await stack.enter_async_context(open_cases(settings))
        yield Backends(
            signer=await open_signer(settings, signing),
            verifier=await open_key_ring(settings, signing),
            cases=cases,
            telemetry=await stack.enter_async_context(open_telemetry(settings)),
            flow=await stack.enter_async_context(open_case_flow(settings)),
            hub_watch=await stack.enter_async_context(open_hub_watch(settings)),
            upkeep=_upkeep(cases, settings),
        )


def _upkeep(cases: CaseStore, settings: BackendSettings) -> Callable[[datetime], Awaitable[int]] | None:
    if not settings.has_cosmos or settings.cosmos_retention is None:
        return None
    from backends.azure.case_store import CosmosCaseStore  # noqa: PLC0415 - embedded mode never loads it

    assert isinstance(cases, CosmosCaseStore)
    return cases.retire


@asynccontextmanager
async def open_telemetry(settings: BackendSettings) -> AsyncIterator[EventBus]:
    """The telemetry log: Event Hubs when there is one, else a file."""
    if settings.has_event_hub:
        from backends.azure.event_bus import open_event_hubs  # noqa: PLC0415 - embedded mode never loads it

        async with open_event_hubs(settings) as hub:
            yield hub
        return
    async with open_event_bus(settings.telemetry_db, settings.telemetry_retention) as bus:
        yield bus


@asynccontextmanager
async def open_analyst(settings: ModelSettings, clock: Callable[[], datetime]) -> AsyncIterator[Analyst]:
    """The models' analysts with the playbook as their substitute, or the playbook alone."""
    playbook = PlaybookAnalyst()
    if not settings.has_model:
        yield playbook
        return
    from backends.azure.analyst import open_model_analysts  # noqa: PLC0415 - embedded mode never loads it

    async with open_model_analysts(settings, lambda: clock().date()) as models:
        yield AnalystLadder(
            [
                ModelRung(
                    model, Circuit(settings.model_pause_after, settings.model_pause_seconds, time.monotonic)
                )
                for model in models
            ],
            playbook,
        )


@asynccontextmanager
async def open_actions(
    backend: BackendSettings, settings: ActionSettings, clock: Callable[[], datetime]
) -> AsyncIterator[ActionPort]:
    """The action port: an idempotent ledger beside the cases, and the webhook behind it if there is one."""
    async with AsyncExitStack() as stack:
        executor: WebhookExecutor | None = None
        if settings.action_webhook_url is not None and settings.action_webhook_secret is not None:
            executor = await stack.enter_async_context(
                open_webhook(
                    str(settings.action_webhook_url),
                    settings.action_webhook_secret.get_secret_value(),
                    settings.action_webhook_seconds,
                    clock,
                )
            )
        yield await stack.enter_async_context(open_ledger(backend, clock, executor))


@asynccontextmanager
async def open_ledger(
    settings: BackendSettings, clock: Callable[[], datetime], executor: Executor | None
) -> AsyncIterator[ActionPort]:
    """The ledger of actions: in Cosmos DB when there is one, else in a file."""
    if settings.has_cosmos:
        from backends.azure.action_ledger import (  # noqa: PLC0415 - embedded mode never loads it
            open_action_ledger as open_shared_ledger,
        )

        async with open_shared_ledger(settings, clock, executor) as ledger:
            yield ledger
        return
    async with open_action_ledger(settings.fraud_data_dir / "actions.db", clock, executor) as ledger:
        yield ledger


@asynccontextmanager
async def open_cases(settings: BackendSettings) -> AsyncIterator[CaseStore]:
    """The case record: in Cosmos DB when there is one, else in a file."""
    if settings.has_cosmos:
        from backends.azure.case_store import (  # noqa: PLC0415 - embedded mode never loads it
            open_case_store as open_shared_cases,
        )

        async with open_shared_cases(settings) as shared:
            yield shared
        return
    async with open_case_store(settings.cases_db) as cases:
        yield cases


async def create_stores(settings: BackendSettings) -> AsyncIterator[str]:
    """Create what the shared stores need, and say what was done. Raises UnavailableError with the way out."""
    from backends.azure.cosmos_containers import create_containers  # noqa: PLC0415 - embedded mode never loads it

    async for done in create_containers(settings):
        yield done


def store_definitions(settings: BackendSettings, container: str | None = None) -> str | None:
    """The shared stores' containers for a template, or one's indexing policy; None for an unknown one."""
    from backends.azure.cosmos_containers import as_resources, policy_of  # noqa: PLC0415 - see above

    return policy_of(settings, container) if container else as_resources(settings)

"""The only place that chooses implementations: settings in, ports out."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

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


@asynccontextmanager
async def open_backends(
    settings: BackendSettings, audit: AuditSettings | None = None
) -> AsyncIterator[Backends]:
    """Open every seam the settings choose; close them in reverse order on exit.

    Raises UnavailableError, in words, when a local file or the signing key cannot be had. Other remote
    seams connect on first use, so a process starts, degraded and saying so, while they are down.
    """
    signing = audit or AuditSettings()
    async with AsyncExitStack() as stack:
        yield Backends(
            signer=await open_signer(settings, signing),
            verifier=await open_key_ring(settings, signing),
            cases=await stack.enter_async_context(open_case_store(settings.cases_db)),
            telemetry=await stack.enter_async_context(open_telemetry(settings)),
            flow=await stack.enter_async_context(open_case_flow(settings)),
            hub_watch=await stack.enter_async_context(open_hub_watch(settings)),
        )


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
        ledger = backend.fraud_data_dir / "actions.db"
        yield await stack.enter_async_context(open_action_ledger(ledger, clock, executor))


@asynccontextmanager
async def open_cases(settings: BackendSettings) -> AsyncIterator[CaseStore]:
    """The case record alone, for a process that needs nothing else."""
    async with open_case_store(settings.cases_db) as cases:
        yield cases

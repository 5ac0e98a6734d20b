"""Opens everything the worker works with, on the loop that will use it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from backends.action_settings import ActionSettings
from backends.analyst_ladder import AnalystLadder
from backends.audit_settings import AuditSettings
from backends.durable import DurableCaseFlow, open_case_flow
from backends.keys import open_key_ring
from backends.model_settings import ModelSettings
from backends.observability.settings import ObservabilitySettings
from backends.policy_settings import PolicySettings
from backends.settings import BackendSettings
from backends.wiring import open_actions, open_analyst, open_cases
from casework.errors import UnavailableError
from worker.desk import Desk
from worker.settings import WorkerSettings
from worker.toolbox import McpTools


@dataclass(frozen=True, slots=True)
class Settings:
    """Every settings tree the worker reads."""

    worker: WorkerSettings
    backend: BackendSettings
    model: ModelSettings
    action: ActionSettings
    policy: PolicySettings
    audit: AuditSettings
    observability: ObservabilitySettings


@dataclass(frozen=True, slots=True)
class Opened:
    """The desk, and what only the health probe needs."""

    desk: Desk
    tools: McpTools
    flow: DurableCaseFlow

    def analysts(self) -> Mapping[str, str]:
        """Every analyst in the order in which they are asked, with why one is not asked at present."""
        analyst = self.desk.analyst
        return analyst.state if isinstance(analyst, AnalystLadder) else {analyst.name: ""}

    async def hub_answers(self) -> bool:
        """Whether the task hub answers this process now."""
        try:
            await self.flow.ping()
        except UnavailableError:
            return False
        return True


def read_settings() -> Settings:
    """Everything from the environment. Raises pydantic.ValidationError."""
    return Settings(
        worker=WorkerSettings(),
        backend=BackendSettings(),
        model=ModelSettings(),
        action=ActionSettings(),
        policy=PolicySettings(),
        audit=AuditSettings(),
        observability=ObservabilitySettings(),
    )


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Opened]:
    """Open the ports and close them afterwards. Raises UnavailableError for what must be there at start."""
    verifier = await open_key_ring(settings.backend, settings.audit)
    tools = McpTools(str(settings.worker.mcp_server_uri))
    async with (
        open_cases(settings.backend) as cases,
        open_actions(settings.backend, settings.action, utc_now) as actions,
        open_analyst(settings.model, utc_now) as analyst,
        open_case_flow(settings.backend) as flow,
    ):
        desk = Desk(
            cases=cases,
            tools=tools,
            analyst=analyst,
            actions=actions,
            policy=settings.policy.policy(),
            clock=utc_now,
            verifier=verifier,
            data_now=data_clock(settings.worker.data_clock, utc_now),
        )
        try:
            yield Opened(desk, tools, flow)
        finally:
            await tools.close()


def data_clock(day: date | None, clock: Callable[[], datetime]) -> Callable[[], datetime]:
    """The clock, or the end of a fixed day for data that stopped there."""
    if day is None:
        return clock
    end = datetime.combine(day, time(23, 59), tzinfo=UTC)
    return lambda: end


def utc_now() -> datetime:
    return datetime.now(UTC)

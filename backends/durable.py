"""The case flow over the Durable Task SDK's client: the same code for the embedded hub and for Azure."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from durabletask import client as dt
from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient
from pydantic import BaseModel, JsonValue
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from backends.hub_access import in_words
from backends.settings import BackendSettings
from casework import durable_names as names
from casework.errors import UnavailableError
from casework.ports import DecisionEvent, FlowStart, FlowState, ReversalOrder, WithdrawalEvent

CALL_SECONDS = 10.0
TRIES = 3


class DurableCaseFlow:
    """`casework.ports.CaseFlow` over a task hub. Transient failures are retried, then UnavailableError."""

    def __init__(self, client: AsyncDurableTaskSchedulerClient) -> None:
        self._client = client

    async def start(self, start: FlowStart) -> None:
        await self._start(names.ORCHESTRATION, start.case_id, start)

    async def reverse(self, order: ReversalOrder) -> None:
        await self._start(names.REVERSAL_ORCHESTRATION, names.reversal_id_for(order.action_id), order)

    async def decide(self, case_id: str, event: DecisionEvent) -> None:
        await self._raise(case_id, names.DECISION_EVENT, event)

    async def withdraw(self, case_id: str, event: WithdrawalEvent) -> None:
        await self._raise(case_id, names.WITHDRAWAL_EVENT, event)

    async def state(self, case_id: str) -> FlowState | None:
        found: FlowState | None = None
        async for attempt in _attempts():
            with attempt:
                async with _deadline():
                    state = await self._client.get_orchestration_state(case_id)
                found = _flow_state(state) if state else None
        return found

    async def ping(self) -> None:
        async with _deadline():
            await self._client.get_orchestration_state("ping", fetch_payloads=False)

    async def _start(self, name: str, instance_id: str, payload: BaseModel) -> None:
        async for attempt in _attempts():
            with attempt:
                async with _deadline():
                    try:
                        await self._client.schedule_new_orchestration(
                            name,
                            input=payload.model_dump(mode="json"),
                            instance_id=instance_id,
                            version=names.FLOW_VERSION,
                        )
                    except grpc.aio.AioRpcError as error:
                        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                            raise

    async def _raise(self, case_id: str, event: str, payload: BaseModel) -> None:
        async for attempt in _attempts():
            with attempt:
                async with _deadline():
                    await self._client.raise_orchestration_event(
                        case_id, event, data=payload.model_dump(mode="json", exclude_none=True)
                    )


@asynccontextmanager
async def open_case_flow(settings: BackendSettings) -> AsyncIterator[DurableCaseFlow]:
    """A client of the task hub that the settings name; connects on first use."""
    if settings.dts_secure:
        from backends.azure.hub_credentials import open_hub_credential  # noqa: PLC0415 - embedded mode does without

        async with open_hub_credential() as credential, _client(settings, credential) as flow:
            yield flow
    else:
        async with _client(settings, None) as flow:
            yield flow


@asynccontextmanager
async def _client(settings: BackendSettings, credential: object) -> AsyncIterator[DurableCaseFlow]:
    client = AsyncDurableTaskSchedulerClient(
        host_address=settings.dts_address,
        taskhub=settings.dts_taskhub,
        token_credential=credential,  # type: ignore[arg-type]
        secure_channel=settings.dts_secure,
        logger=logging.getLogger("durabletask"),
    )
    try:
        yield DurableCaseFlow(client)
    finally:
        await client.close()


def _attempts() -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(UnavailableError),
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        reraise=True,
    )


@asynccontextmanager
async def _deadline() -> AsyncIterator[None]:
    """Bound a call, and say in our words when the engine cannot be reached."""
    try:
        async with asyncio.timeout(CALL_SECONDS):
            yield
    except TimeoutError as error:
        raise UnavailableError(f"the task hub did not answer within {CALL_SECONDS:.0f} s") from error
    except grpc.aio.AioRpcError as error:
        raise UnavailableError(f"the task hub: {in_words(error)}") from error


def _flow_state(state: dt.OrchestrationState) -> FlowState:
    failure = state.failure_details
    return FlowState(
        instance_id=state.instance_id,
        status=state.runtime_status.name,
        custom_status=state.serialized_custom_status,
        result=_parsed(state.serialized_output),
        failure=f"{failure.error_type}: {failure.message}" if failure else None,
    )


def _parsed(text: str | None) -> JsonValue:
    if not text:
        return None
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value

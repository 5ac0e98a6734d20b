"""The SDK's other faces: plain classes, the async client, recurring schedules, payloads kept elsewhere."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient, DurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.client import AsyncTaskHubGrpcClient, OrchestrationStatus, TaskHubGrpcClient
from durabletask.entities import EntityInstanceId
from durabletask.payload.store import LargePayloadStorageOptions, PayloadStore
from durabletask.scheduled import (
    AsyncScheduledTaskClient,
    ScheduleCreationOptions,
    ScheduledTaskClient,
    ScheduleQuery,
    ScheduleStatus,
    ScheduleUpdateOptions,
)
from durabletask.worker import TaskHubGrpcWorker

from tests.taskhub import flows
from tests.taskhub.conftest import QUIET, eventually, fresh_id, output
from tests.taskhub.launcher import HubProcess


def plain(hub: HubProcess, taskhub: str) -> dict[str, Any]:
    """How the plain classes reach a task hub by name."""
    return {"host_address": f"localhost:{hub.port}", "metadata": [("taskhub", taskhub)], "logger": QUIET}


@pytest.fixture(scope="module")
def plain_hub(hub: HubProcess) -> Iterator[dict[str, Any]]:
    """A task hub with a plain worker that knows the flows and schedules."""
    options = plain(hub, f"plain-{uuid.uuid4().hex[:8]}")
    worker = TaskHubGrpcWorker(**options)
    flows.equip(worker)  # type: ignore[arg-type]  # registers by methods both classes have
    worker.configure_scheduled_tasks()
    worker.start()  # type: ignore[no-untyped-call]
    yield options
    worker.stop()


def test_the_plain_client_and_worker_work_alike(plain_hub: dict[str, Any]) -> None:
    with TaskHubGrpcClient(**plain_hub) as client:
        instance_id = client.schedule_new_orchestration("chain", input=1)
        state = client.wait_for_orchestration_completion(instance_id, timeout=30)
        assert state is not None
        assert output(state) == 4


def test_without_the_header_a_call_is_about_the_hub_named_default(
    hub: HubProcess, client: DurableTaskSchedulerClient
) -> None:
    with TaskHubGrpcClient(host_address=f"localhost:{hub.port}", logger=QUIET) as bare:
        instance_id = bare.schedule_new_orchestration("echo", input=5)
        state = client.wait_for_orchestration_completion(instance_id, timeout=30)
        assert state is not None
        assert output(state) == 5


@pytest.mark.parametrize("managed", [True, False])
async def test_the_async_client_speaks_every_call(
    hub: HubProcess, client: DurableTaskSchedulerClient, plain_hub: dict[str, Any], managed: bool
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        eager: AsyncTaskHubGrpcClient = await stack.enter_async_context(
            AsyncDurableTaskSchedulerClient(**hub.connection, logger=QUIET)
            if managed
            else AsyncTaskHubGrpcClient(**plain_hub)
        )
        history_of = await _every_call(eager)
        if managed:
            # Elsewhere the async client of 1.12.0 asks the default hub: it sends no header with streams.
            assert await eager.get_orchestration_history(history_of)


async def _every_call(eager: AsyncTaskHubGrpcClient) -> str:
    began = datetime.now(UTC)
    instance_id = await eager.schedule_new_orchestration("waiting", input=2)
    running = await eager.wait_for_orchestration_start(instance_id, timeout=30)
    assert running is not None
    await eager.suspend_orchestration(instance_id)
    suspended = await eager.get_orchestration_state(instance_id)
    assert suspended is not None
    assert suspended.runtime_status == OrchestrationStatus.SUSPENDED
    await eager.raise_orchestration_event(instance_id, "NEXT", data=1)
    await eager.resume_orchestration(instance_id)
    await eager.terminate_orchestration(instance_id, output="enough")
    ended = await eager.wait_for_orchestration_completion(instance_id, timeout=30)
    assert ended is not None
    assert ended.runtime_status == OrchestrationStatus.TERMINATED
    restarted = await eager.restart_orchestration(instance_id, restart_with_new_instance_id=True)
    await eager.terminate_orchestration(restarted)
    failed = await eager.schedule_new_orchestration("stubborn", input=1)
    await eager.wait_for_orchestration_completion(failed, timeout=30)
    await eager.rewind_orchestration(failed)
    rewound = await eager.wait_for_orchestration_completion(failed, timeout=30)
    assert rewound is not None
    assert output(rewound) == 2
    assert failed in {one.instance_id for one in await eager.get_all_orchestration_states()}
    assert failed in (await eager.list_instance_ids(completed_time_from=began)).items
    await _every_entity_call(eager)
    assert (await eager.purge_orchestration(restarted)).deleted_instance_count == 1
    return failed


async def _every_entity_call(eager: AsyncTaskHubGrpcClient) -> None:
    entity_id = EntityInstanceId("ledger", fresh_id())
    await eager.signal_entity(entity_id, "add", input=1)
    caller = await eager.schedule_new_orchestration(
        "entity_caller", input={"entity": str(entity_id), "operation": "add", "input": 2}
    )
    await eager.wait_for_orchestration_completion(caller, timeout=30)
    found = await eager.get_entity(entity_id)
    assert found is not None
    assert found.get_state(int) == 3
    assert entity_id in [one.id for one in await eager.get_all_entities()]
    await eager.clean_entity_storage()


def every(seconds: float, schedule_id: str, **options: Any) -> ScheduleCreationOptions:
    options.setdefault("start_at", datetime.now(UTC))
    return ScheduleCreationOptions(
        schedule_id=schedule_id,
        orchestration_name="echo",
        interval=timedelta(seconds=seconds),
        start_immediately_if_late=True,
        **options,
    )


def test_a_schedule_starts_instances_again_and_again_until_it_is_paused(plain_hub: dict[str, Any]) -> None:
    with TaskHubGrpcClient(**plain_hub) as client:
        schedule = ScheduledTaskClient(client).create_schedule(
            every(1, fresh_id("tick"), orchestration_input="tick")
        )

        def ticks() -> int:
            states = client.get_all_orchestration_states()
            return sum(
                one.name == "echo" and one.runtime_status == OrchestrationStatus.COMPLETED for one in states
            )

        eventually(lambda: ticks() >= 2, "two runs")
        schedule.pause()
        assert schedule.describe().status == ScheduleStatus.PAUSED
        assert schedule.describe().last_run_at is not None
        schedule.resume()
        before = ticks()
        eventually(lambda: ticks() > before, "a run after the pause")
        schedule.delete()


async def test_schedules_are_listed_updated_and_deleted(plain_hub: dict[str, Any]) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    async with AsyncTaskHubGrpcClient(**plain_hub) as client:
        schedules, prefix = AsyncScheduledTaskClient(client), fresh_id("list")
        names = [f"{prefix}-{number}" for number in range(2)]
        made = [await schedules.create_schedule(every(30, name, start_at=later)) for name in names]
        found = await schedules.list_schedules(ScheduleQuery(schedule_id_prefix=prefix))
        assert sorted(one.schedule_id for one in found) == names
        await made[0].update(ScheduleUpdateOptions(interval=timedelta(seconds=7), orchestration_input="new"))
        assert (await made[0].describe()).interval == timedelta(seconds=7)
        for one in made:
            await one.delete()
        assert await schedules.get_schedule(names[0]) is None


class Shelf(PayloadStore):
    """Keeps large payloads in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    @property
    def options(self) -> LargePayloadStorageOptions:
        return LargePayloadStorageOptions(threshold_bytes=1024)

    def upload(self, data: bytes, *, instance_id: str | None = None) -> str:
        token = f"shelf:{uuid.uuid4().hex}"
        self.kept[token] = data
        return token

    async def upload_async(self, data: bytes, *, instance_id: str | None = None) -> str:
        return self.upload(data)

    def download(self, token: str) -> bytes:
        return self.kept[token]

    async def download_async(self, token: str) -> bytes:
        return self.kept[token]

    def is_known_token(self, value: str) -> bool:
        return value.startswith("shelf:")


@pytest.fixture
def shelf(hub: HubProcess) -> Iterator[tuple[DurableTaskSchedulerClient, Shelf]]:
    """A client and a worker that keep payloads above a kilobyte elsewhere."""
    store = Shelf()
    options = {**hub.connection, "taskhub": f"shelf-{uuid.uuid4().hex[:8]}", "payload_store": store}
    worker = DurableTaskSchedulerWorker(**options, logger=QUIET)
    flows.equip(worker)
    worker.start()
    yield DurableTaskSchedulerClient(**options, logger=QUIET), store
    worker.stop()


def test_payloads_kept_elsewhere_may_be_larger_than_the_hub_stores(
    shelf: tuple[DurableTaskSchedulerClient, Shelf],
) -> None:
    client, store = shelf
    instance_id = client.schedule_new_orchestration("waiting", input=1)
    client.raise_orchestration_event(instance_id, "next", data="x" * 3_000_000)
    state = client.wait_for_orchestration_completion(instance_id, timeout=30)
    assert state is not None
    assert output(state) == ["x" * 3_000_000]
    assert len(store.kept) >= 2


def test_activity_results_travel_as_tokens(shelf: tuple[DurableTaskSchedulerClient, Shelf]) -> None:
    client, _ = shelf
    state = client.wait_for_orchestration_completion(
        client.schedule_new_orchestration("outcome_of_bulk", input=2_000_000), timeout=30
    )
    assert state is not None
    assert output(state) == 2_000_000

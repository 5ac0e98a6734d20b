"""Queries, paging, history and purging."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient
from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from durabletask.client import OrchestrationQuery, OrchestrationStatus

from tests.taskhub.conftest import QUIET, ended, eventually, fresh_id, output, run
from tests.taskhub.launcher import HubProcess


def hub_client(hub: HubProcess, taskhub: str) -> Client:
    """A client of another task hub in the same process; no worker serves it."""
    return Client(**{**hub.connection, "taskhub": taskhub}, logger=QUIET)


def test_instances_are_found_by_status_and_time(client: Client) -> None:
    before = datetime.now(UTC)
    done = run(client, "echo", 1)
    failed = run(client, "failing", "reason")
    after = datetime.now(UTC)
    query = OrchestrationQuery(
        created_time_from=before, created_time_to=after, runtime_status=[OrchestrationStatus.FAILED]
    )
    found = {one.instance_id for one in client.get_all_orchestration_states(query)}
    assert failed.instance_id in found
    assert done.instance_id not in found


def test_pages_by_count_hold_every_instance_once(hub: HubProcess) -> None:
    lonely = hub_client(hub, "paging")
    ids = [lonely.schedule_new_orchestration("echo", input=number) for number in range(25)]
    query = OrchestrationQuery(max_instance_count=10)
    assert [one.instance_id for one in lonely.get_all_orchestration_states(query)] == ids


def test_pages_by_size_stay_below_what_a_channel_takes(hub: HubProcess) -> None:
    lonely = hub_client(hub, "bytes")
    for _ in range(8):
        lonely.schedule_new_orchestration("echo", input="x" * 900_000)
    query = OrchestrationQuery(fetch_inputs_and_outputs=True)
    states = lonely.get_all_orchestration_states(query)
    assert [len(one.serialized_input or "") for one in states] == [900_002] * 8


def test_task_hubs_do_not_see_each_other(hub: HubProcess, client: Client) -> None:
    shared_id = fresh_id()
    other = hub_client(hub, "other")
    run(client, "echo", "here", instance_id=shared_id)
    other.schedule_new_orchestration("echo", input="there", instance_id=shared_id)
    here, there = client.get_orchestration_state(shared_id), other.get_orchestration_state(shared_id)
    assert here is not None
    assert there is not None
    assert (here.runtime_status, there.runtime_status) == (
        OrchestrationStatus.COMPLETED,
        OrchestrationStatus.PENDING,
    )


def listed(client: Client, **query: Any) -> list[str]:
    """The ids a query finds, from all of its pages: other tests' instances are among them."""
    page = client.list_instance_ids(**query)
    ids = list(page.items)
    while page.continuation_token is not None:
        page = client.list_instance_ids(**query, continuation_token=page.continuation_token)
        ids.extend(page.items)
    return ids


def test_ids_of_ended_instances_come_in_pages(client: Client) -> None:
    ids = [run(client, "echo", number).instance_id for number in range(5)]
    seen = listed(client, page_size=3)
    assert [one for one in seen if one in ids] == ids
    assert len(seen) == len(set(seen))


def test_ids_of_instances_that_run_are_not_those_of_ended_ones(client: Client) -> None:
    ended_id = run(client, "echo", 1).instance_id
    running = [OrchestrationStatus.RUNNING]
    assert ended_id not in listed(client, runtime_status=running)
    assert ended_id in listed(client, runtime_status=[*running, OrchestrationStatus.COMPLETED])


def test_history_is_streamed_whole(client: Client) -> None:
    state = run(client, "fan", 300)
    names = [type(one).__name__ for one in client.get_orchestration_history(state.instance_id)]
    assert names[0] == "OrchestratorStartedEvent"
    assert names[-1] == "ExecutionCompletedEvent"
    assert names.count("TaskScheduledEvent") == names.count("TaskCompletedEvent") == 300


def test_history_of_nobody_is_not_found(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        client.get_orchestration_history("nobody")
    assert refusal.value.code() == grpc.StatusCode.NOT_FOUND


def test_purging_deletes_ended_instances_only(client: Client) -> None:
    done = run(client, "echo", 1)
    running = client.schedule_new_orchestration("waiting", input=1)
    assert client.purge_orchestration(done.instance_id).deleted_instance_count == 1
    assert client.purge_orchestration(running).deleted_instance_count == 0
    assert client.purge_orchestration("nobody").deleted_instance_count == 0
    assert client.get_orchestration_state(done.instance_id) is None
    assert client.get_orchestration_state(running) is not None
    client.terminate_orchestration(running)


def test_purging_reaches_sub_orchestrations(client: Client) -> None:
    child_id = fresh_id("child")
    state = run(client, "parent", {"name": "echo", "instance_id": child_id})
    assert client.purge_orchestration(state.instance_id, recursive=True).deleted_instance_count == 2
    assert client.get_orchestration_state(child_id) is None


def test_purging_by_filter_takes_the_statuses_it_names(client: Client) -> None:
    before = datetime.now(UTC)
    done, failed = run(client, "echo", 1), run(client, "failing", "reason")
    result = client.purge_orchestrations_by(
        created_time_from=before, runtime_status=[OrchestrationStatus.FAILED]
    )
    assert result.deleted_instance_count == 1
    assert client.get_orchestration_state(failed.instance_id) is None
    assert client.get_orchestration_state(done.instance_id) is not None


async def test_the_async_client_works_alike(hub: HubProcess, client: Client) -> None:
    eager = AsyncDurableTaskSchedulerClient(**hub.connection, logger=QUIET)
    instance_id = await eager.schedule_new_orchestration("waiting", input=1)
    await eager.raise_orchestration_event(instance_id, "Next", data="async")
    state = await eager.wait_for_orchestration_completion(instance_id, timeout=30)
    assert state is not None
    assert output(state) == ["async"]
    await eager.close()


def test_tags_and_version_are_kept(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("echo", input=1, tags={"team": "red"}, version="2.1")
    ended(client, instance_id)
    started = eventually(
        lambda: [
            one
            for one in client.get_orchestration_history(instance_id)
            if type(one).__name__ == "ExecutionStartedEvent"
        ]
    )[0]
    assert started.tags == {"team": "red"}
    assert started.version == "2.1"

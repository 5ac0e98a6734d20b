"""Starting, ending, suspending and looking after instances, through the SDK."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.client import OrchestrationStatus
from durabletask.internal import orchestrator_service_pb2 as pb

from tests.taskhub.conftest import ended, eventually, fresh_id, output, run

Client = DurableTaskSchedulerClient


def test_an_orchestration_returns_what_its_input_led_to(client: Client) -> None:
    assert output(run(client, "echo", {"a": [1, "zwei", None]})) == {"a": [1, "zwei", None]}


def test_activities_run_one_after_the_other(client: Client) -> None:
    assert output(run(client, "chain", 1)) == 4


def test_fifty_activities_run_at_once_and_all_count(client: Client) -> None:
    assert output(run(client, "fan", 50)) == sum(range(1, 51))


def test_a_failing_activity_fails_its_orchestration_with_the_reason(client: Client) -> None:
    state = run(client, "failing", "out of paper")
    assert state.runtime_status == OrchestrationStatus.FAILED
    assert state.failure_details is not None
    assert "out of paper" in state.failure_details.message


def test_an_unknown_orchestrator_fails_instead_of_hanging(client: Client) -> None:
    state = run(client, "nobody_registered_this")
    assert state.runtime_status == OrchestrationStatus.FAILED


def test_a_retried_activity_succeeds_on_its_third_attempt(client: Client) -> None:
    assert output(run(client, "retrying", 2)) == 3


def test_retries_end_when_the_policy_says_so(client: Client) -> None:
    assert run(client, "retrying", 5).runtime_status == OrchestrationStatus.FAILED


def test_a_taken_id_is_refused(client: Client) -> None:
    taken = fresh_id()
    run(client, "echo", 1, instance_id=taken)
    with pytest.raises(grpc.RpcError) as refusal:
        client.schedule_new_orchestration("echo", instance_id=taken)
    assert refusal.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_a_reuse_policy_replaces_in_the_statuses_it_names_only(client: Client) -> None:
    completed = pb.OrchestrationIdReusePolicy(replaceableStatus=[pb.ORCHESTRATION_STATUS_COMPLETED])
    failed = pb.OrchestrationIdReusePolicy(replaceableStatus=[pb.ORCHESTRATION_STATUS_FAILED])
    taken = fresh_id()
    run(client, "echo", 1, instance_id=taken)
    with pytest.raises(grpc.RpcError):
        client.schedule_new_orchestration("echo", input=2, instance_id=taken, reuse_id_policy=failed)
    assert output(run(client, "echo", 3, instance_id=taken, reuse_id_policy=completed)) == 3


def test_a_running_instance_can_be_replaced_and_its_old_timer_never_fires(client: Client) -> None:
    running = pb.OrchestrationIdReusePolicy(replaceableStatus=[pb.ORCHESTRATION_STATUS_RUNNING])
    taken = client.schedule_new_orchestration("sleeping", input=0.3, instance_id=fresh_id())
    client.wait_for_orchestration_start(taken, timeout=30)
    client.schedule_new_orchestration("waiting", input=1, instance_id=taken, reuse_id_policy=running)
    client.raise_orchestration_event(taken, "Next", data="new")
    assert output(ended(client, taken)) == ["new"]


def test_a_scheduled_start_waits_for_its_time_and_keeps_early_events(client: Client) -> None:
    start = datetime.now(UTC) + timedelta(seconds=0.6)
    instance_id = client.schedule_new_orchestration("waiting", input=1, start_at=start)
    client.raise_orchestration_event(instance_id, "Next", data="early")
    state = client.get_orchestration_state(instance_id)
    assert state is not None
    assert state.runtime_status == OrchestrationStatus.PENDING
    state = ended(client, instance_id)
    assert output(state) == ["early"]
    assert state.last_updated_at.replace(tzinfo=UTC) >= start


def test_waiting_for_the_start_returns_while_the_instance_runs(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=1)
    state = client.wait_for_orchestration_start(instance_id, timeout=30)
    assert state is not None
    assert state.runtime_status == OrchestrationStatus.RUNNING
    client.terminate_orchestration(instance_id)


def test_waiting_for_the_end_gives_up_at_the_deadline(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=1)
    with pytest.raises(TimeoutError):
        client.wait_for_orchestration_completion(instance_id, timeout=0.3)
    client.terminate_orchestration(instance_id)


def test_an_unknown_instance_has_no_state_and_takes_no_events(client: Client) -> None:
    assert client.get_orchestration_state("nobody") is None
    assert client.wait_for_orchestration_completion("nobody", timeout=5) is None
    with pytest.raises(grpc.RpcError) as refusal:
        client.raise_orchestration_event("nobody", "Next")
    assert refusal.value.code() == grpc.StatusCode.NOT_FOUND


def test_termination_ends_with_the_given_output(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=1)
    client.wait_for_orchestration_start(instance_id, timeout=30)
    client.terminate_orchestration(instance_id, output="enough")
    state = ended(client, instance_id)
    assert state.runtime_status == OrchestrationStatus.TERMINATED
    assert state.get_output() == "enough"


def test_termination_reaches_sub_orchestrations(client: Client) -> None:
    child_id = fresh_id("child")
    given = {"name": "waiting", "input": 1, "instance_id": child_id}
    instance_id = client.schedule_new_orchestration("parent", input=given)
    eventually(lambda: client.get_orchestration_state(child_id), "the child")
    client.terminate_orchestration(instance_id, recursive=True)
    assert ended(client, child_id).runtime_status == OrchestrationStatus.TERMINATED


def test_termination_without_recursion_leaves_sub_orchestrations_alone(client: Client) -> None:
    child_id = fresh_id("child")
    given = {"name": "waiting", "input": 1, "instance_id": child_id}
    instance_id = client.schedule_new_orchestration("parent", input=given)
    eventually(lambda: client.get_orchestration_state(child_id), "the child")
    client.terminate_orchestration(instance_id, recursive=False)
    ended(client, instance_id)
    client.raise_orchestration_event(child_id, "Next", data=1)
    assert output(ended(client, child_id)) == [1]


def test_a_suspended_instance_takes_its_events_after_it_is_resumed(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=2)
    client.wait_for_orchestration_start(instance_id, timeout=30)
    client.suspend_orchestration(instance_id, reason="audit")
    state = client.get_orchestration_state(instance_id)
    assert state is not None
    assert state.runtime_status == OrchestrationStatus.SUSPENDED
    client.raise_orchestration_event(instance_id, "Next", data=1)
    client.raise_orchestration_event(instance_id, "Next", data=2)
    with pytest.raises(TimeoutError):
        client.wait_for_orchestration_completion(instance_id, timeout=0.5)
    client.resume_orchestration(instance_id)
    assert output(ended(client, instance_id)) == [1, 2]


def test_suspending_twice_and_resuming_twice_does_no_harm(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=1)
    for _ in range(2):
        client.suspend_orchestration(instance_id)
    for _ in range(2):
        client.resume_orchestration(instance_id)
    client.suspend_orchestration(instance_id)
    client.resume_orchestration(instance_id)
    client.raise_orchestration_event(instance_id, "Next", data=1)
    assert output(ended(client, instance_id)) == [1]


def test_a_suspended_instance_can_be_terminated(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=1)
    client.suspend_orchestration(instance_id)
    client.terminate_orchestration(instance_id)
    assert ended(client, instance_id).runtime_status == OrchestrationStatus.TERMINATED


def test_custom_status_is_visible_while_running_and_afterwards(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("reporting")

    def phase() -> str | None:
        state = client.get_orchestration_state(instance_id)
        return state.serialized_custom_status if state else None

    eventually(lambda: "before" in (phase() or ""), "the first status")
    client.raise_orchestration_event(instance_id, "Next")
    ended(client, instance_id)
    assert "after" in (phase() or "")


def test_continue_as_new_starts_over_until_it_ends(client: Client) -> None:
    state = run(client, "countdown", 5)
    assert output(state) == "lift-off"
    assert state.serialized_input == "0"


def test_continue_as_new_carries_events_over_in_order(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("collector", input=[])
    for number in range(3):
        client.raise_orchestration_event(instance_id, "Next", data=number)
    assert output(ended(client, instance_id)) == [0, 1, 2]


def test_a_sub_orchestration_returns_to_its_parent(client: Client) -> None:
    assert output(run(client, "parent", {"name": "chain", "input": 10})) == 13


def test_a_sub_orchestration_knows_its_parent(client: Client) -> None:
    state = run(client, "parent", {"name": "relation"}, instance_id=fresh_id("mother"))
    assert output(state) == state.instance_id


def test_a_failing_sub_orchestration_fails_its_call_only(client: Client) -> None:
    assert "torn" in output(run(client, "tolerant_parent", {"name": "failing", "input": "torn"}))


def test_a_sub_orchestration_with_a_taken_id_fails_its_call(client: Client) -> None:
    taken = client.schedule_new_orchestration("waiting", input=1, instance_id=fresh_id())
    state = run(client, "parent", {"name": "echo", "instance_id": taken})
    assert state.runtime_status == OrchestrationStatus.FAILED
    client.terminate_orchestration(taken)


def test_restart_runs_the_same_input_again(client: Client) -> None:
    first = run(client, "echo", "again")
    assert client.restart_orchestration(first.instance_id) == first.instance_id
    second = ended(client, first.instance_id)
    assert output(second) == "again"
    assert second.created_at > first.created_at
    copy = client.restart_orchestration(first.instance_id, restart_with_new_instance_id=True)
    assert output(ended(client, copy)) == "again"


def test_restart_of_a_running_instance_is_refused(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=1)
    with pytest.raises(grpc.RpcError) as refusal:
        client.restart_orchestration(instance_id)
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    client.terminate_orchestration(instance_id)


def test_rewind_repeats_only_what_failed(client: Client) -> None:
    policy_exhausted = run(client, "tolerant_chain", 0)
    assert policy_exhausted.runtime_status == OrchestrationStatus.FAILED
    client.rewind_orchestration(policy_exhausted.instance_id, reason="try again")
    assert output(ended(client, policy_exhausted.instance_id)) == [1, 2]


def test_rewind_repeats_as_often_as_it_takes(client: Client) -> None:
    state = run(client, "stubborn", 2)
    for _ in range(2):
        assert state.runtime_status == OrchestrationStatus.FAILED
        client.rewind_orchestration(state.instance_id)
        state = ended(client, state.instance_id)
    assert output(state) == 3


def test_rewind_reaches_the_sub_orchestration_that_failed(client: Client) -> None:
    state = run(client, "parent", {"name": "stubborn", "input": 1})
    assert state.runtime_status == OrchestrationStatus.FAILED
    client.rewind_orchestration(state.instance_id, reason="mended")
    assert output(ended(client, state.instance_id)) == 2


def test_rewind_of_a_completed_instance_is_refused(client: Client) -> None:
    state = run(client, "echo", 1)
    with pytest.raises(grpc.RpcError) as refusal:
        client.rewind_orchestration(state.instance_id)
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_the_orchestration_clock_moves_with_each_turn(client: Client) -> None:
    assert output(run(client, "clock")) is True

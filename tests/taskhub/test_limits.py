"""What the hub refuses, with which status, and what it does with results that are too large."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from durabletask.client import OrchestrationStatus
from durabletask.entities import EntityInstanceId
from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.wrappers_pb2 import StringValue

from taskhub.limits import Limits
from tests.taskhub.bare import BareWorker, activity, state_of
from tests.taskhub.conftest import output, run


@pytest.mark.parametrize("instance_id", ["x" * 101, "@entity", "naïve", "line\nbreak"])
def test_ids_outside_the_rules_are_refused(client: Client, instance_id: str) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        client.schedule_new_orchestration("echo", instance_id=instance_id)
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_an_id_of_a_hundred_characters_is_fine(client: Client) -> None:
    state = client.get_orchestration_state(client.schedule_new_orchestration("echo", instance_id="y" * 100))
    assert state is not None


def test_an_input_above_a_megabyte_is_refused(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        client.schedule_new_orchestration("echo", input="x" * 1_100_000)
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "1,048,576" in str(refusal.value.details())


def test_an_event_above_a_megabyte_is_refused(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        client.raise_orchestration_event("anybody", "Next", data="x" * 1_100_000)
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_an_activity_result_above_a_megabyte_is_a_failure_the_orchestration_sees(client: Client) -> None:
    assert "1,048,576" in output(run(client, "outcome_of_bulk", 1_100_000))
    assert output(run(client, "outcome_of_bulk", 1_000_000)) == 1_000_000


def test_a_history_that_no_longer_fits_a_message_fails_its_instance_with_the_reason(client: Client) -> None:
    state = run(client, "hoarder", 6)
    assert state.runtime_status == OrchestrationStatus.FAILED
    assert state.failure_details is not None
    assert state.failure_details.error_type == "TaskHub.HistoryTooLarge"
    assert "continue-as-new" in state.failure_details.message


def test_an_entity_state_above_a_megabyte_fails_the_operation_and_is_not_kept(client: Client) -> None:
    entity = EntityInstanceId("ledger", "swollen")
    given = {"entity": str(entity), "operation": "swell", "input": 1_100_000}
    assert "1,048,576" in output(run(client, "entity_caller", given))["failed"]
    read = {"entity": str(entity), "operation": "read"}
    assert output(run(client, "entity_caller", read)) == 0


@pytest.mark.parametrize("entity_id", ["counter", "@counter", "@@key", "@counter@"])
def test_entity_ids_read_at_name_at_key(stub: Any, entity_id: str) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        stub.SignalEntity(pb.SignalEntityRequest(instanceId=entity_id, name="add"))
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_continuation_token_of_somebody_else_is_refused(stub: Any) -> None:
    query = pb.InstanceQuery(continuationToken={"value": "not ours"})
    with pytest.raises(grpc.RpcError) as refusal:
        stub.QueryInstances(pb.QueryInstancesRequest(query=query))
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_sizes_are_counted_in_bytes_not_characters() -> None:
    limits = Limits(payload_bytes=1000)
    assert limits.oversize("it", "x" * 1000) is None
    assert limits.oversize("it", "ü" * 501) is not None


def entity_message(**kind: Any) -> pb.OrchestratorAction:
    return pb.OrchestratorAction(id=1, sendEntityMessage=pb.SendEntityMessageAction(**kind))


def text(value: str) -> StringValue:
    return StringValue(value=value)


HUGE = "x" * 1_100_000


@pytest.mark.parametrize(
    ("action", "error_type"),
    [
        (
            pb.OrchestratorAction(id=1, sendEvent=pb.SendEventAction(name="e", data=text(HUGE))),
            "TaskHub.PayloadTooLarge",
        ),
        (
            entity_message(
                entityOperationSignaled=pb.EntityOperationSignaledEvent(
                    operation="op", targetInstanceId=text("@e@k"), input=text(HUGE)
                )
            ),
            "TaskHub.PayloadTooLarge",
        ),
        (
            entity_message(
                entityOperationCalled=pb.EntityOperationCalledEvent(targetInstanceId=text("no entity"))
            ),
            "TaskHub.InvalidId",
        ),
        (
            entity_message(entityLockRequested=pb.EntityLockRequestedEvent(lockSet=["@e@k", "nonsense"])),
            "TaskHub.InvalidId",
        ),
    ],
    ids=["event", "signal", "call", "lock"],
)
def test_a_message_beyond_a_limit_fails_the_execution_with_the_reason(
    bare: BareWorker, action: pb.OrchestratorAction, error_type: str
) -> None:
    instance_id = bare.start()
    bare.answer(bare.next(), action)
    state = state_of(bare, instance_id)
    assert state.orchestrationStatus == pb.ORCHESTRATION_STATUS_FAILED
    assert state.failureDetails.errorType == error_type


@pytest.mark.parametrize("child_id", ["@child", "x" * 201, "naïve"])
def test_a_sub_orchestration_with_a_wrong_id_is_a_failed_call(bare: BareWorker, child_id: str) -> None:
    bare.start()
    action = pb.CreateSubOrchestrationAction(instanceId=child_id, name="flow")
    bare.answer(bare.next(), pb.OrchestratorAction(id=1, createSubOrchestration=action))
    failed = bare.next().orchestratorRequest.newEvents[1].subOrchestrationInstanceFailed
    assert failed.failureDetails.errorType == "TaskHub.InvalidId"


def begin(instance_id: str) -> pb.OperationAction:
    return pb.OperationAction(
        startNewOrchestration=pb.StartNewOrchestrationAction(instanceId=instance_id, name="flow")
    )


@pytest.mark.parametrize(
    ("result", "actions"),
    [(HUGE, []), ("1", [begin("@wrong")]), ("1", [begin("")])],
    ids=["result", "reserved id", "no id"],
)
def test_an_operation_beyond_a_limit_is_a_failed_call(
    bare: BareWorker, result: str, actions: list[pb.OperationAction]
) -> None:
    bare.start()
    called = pb.EntityOperationCalledEvent(requestId="r", operation="op", targetInstanceId=text("@e@k"))
    bare.answer(bare.next(), entity_message(entityOperationCalled=called))
    batch = bare.next()
    success = pb.OperationResult(success=pb.OperationResultSuccess(result=text(result)))
    answer = pb.EntityBatchResult(completionToken=batch.completionToken, results=[success], actions=actions)
    bare.call("CompleteEntityTask", answer)
    failed = bare.next().orchestratorRequest.newEvents[1].entityOperationFailed
    assert failed.failureDetails.errorType == "TaskHub.PayloadTooLarge"


def test_a_failure_with_a_huge_stack_trace_is_cut(bare: BareWorker) -> None:
    instance_id = bare.start()
    bare.answer(bare.next(), activity())
    item = bare.next()
    failure = pb.TaskFailureDetails(errorType="E", errorMessage="why", stackTrace=text("x" * 5_000_000))
    response = pb.ActivityResponse(
        instanceId=instance_id, taskId=1, completionToken=item.completionToken, failureDetails=failure
    )
    bare.call("CompleteActivityTask", response)
    told = bare.next().orchestratorRequest.newEvents[1].taskFailed.failureDetails
    assert told.errorMessage == "why"
    assert 0 < len(told.stackTrace.value) < 1_000_000


def test_a_reason_above_a_megabyte_is_refused(bare: BareWorker) -> None:
    instance_id = bare.start()
    with pytest.raises(grpc.RpcError) as refusal:
        bare.call("SuspendInstance", pb.SuspendRequest(instanceId=instance_id, reason=text(HUGE)))
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT

"""Rewind: what was under way when the execution failed is neither lost nor doubled."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from durabletask import task
from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker as Worker
from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.wrappers_pb2 import StringValue

from tests.taskhub.bare import BareWorker, complete, state_of
from tests.taskhub.conftest import QUIET, BareStub, ended, output
from tests.taskhub.launcher import HubProcess
from tests.taskhub.test_operating import problems

FAILED = pb.ORCHESTRATION_STATUS_FAILED


def failing() -> pb.OrchestratorAction:
    done = pb.CompleteOrchestrationAction(
        orchestrationStatus=FAILED, failureDetails=pb.TaskFailureDetails(errorType="E", errorMessage="why")
    )
    return pb.OrchestratorAction(id=99, completeOrchestration=done)


def call_entity(task_id: int, request_id: str) -> pb.OrchestratorAction:
    called = pb.EntityOperationCalledEvent(
        requestId=request_id, operation="op", targetInstanceId=StringValue(value="@e@k")
    )
    return pb.OrchestratorAction(
        id=task_id, sendEntityMessage=pb.SendEntityMessageAction(entityOperationCalled=called)
    )


def child(task_id: int, instance_id: str) -> pb.OrchestratorAction:
    action = pb.CreateSubOrchestrationAction(instanceId=instance_id, name="flow")
    return pb.OrchestratorAction(id=task_id, createSubOrchestration=action)


def rewind(worker: BareWorker, instance_id: str) -> pb.OrchestratorRequest:
    """Rewind as the SDK's worker does; the first turn afterwards."""
    worker.call("RewindInstance", pb.RewindInstanceRequest(instanceId=instance_id))
    item = next_turn(worker, instance_id)
    request = item.orchestratorRequest
    assert [event.WhichOneof("eventType") for event in request.newEvents] == [
        "orchestratorStarted",
        "executionRewound",
    ]
    dropped = ("taskFailed", "subOrchestrationInstanceFailed", "executionCompleted")
    kept = [
        event
        for event in [*request.pastEvents, *request.newEvents]
        if event.WhichOneof("eventType") not in dropped
    ]
    started = next(event.executionStarted for event in kept if event.HasField("executionStarted"))
    started.orchestrationInstance.executionId.value = uuid.uuid4().hex
    parent = request.newEvents[1].executionRewound.parentExecutionId.value
    if parent:
        started.parentInstance.orchestrationInstance.executionId.value = parent
    action = pb.OrchestratorAction(rewindOrchestration=pb.RewindOrchestrationAction(newHistory=kept))
    worker.answer(item, action)
    return next_turn(worker, instance_id).orchestratorRequest


def next_turn(worker: BareWorker, instance_id: str) -> pb.WorkItem:
    item = worker.next()
    assert item.orchestratorRequest.instanceId == instance_id
    return item


def answer_entity(worker: BareWorker, result: str) -> pb.WorkItem:
    batch = worker.next()
    success = pb.OperationResultSuccess(result=StringValue(value=result))
    answer = pb.EntityBatchResult(
        completionToken=batch.completionToken,
        results=[pb.OperationResult(success=success)],
        entityState=StringValue(value="1"),
    )
    worker.call("CompleteEntityTask", answer)
    return batch


def kinds(request: pb.OrchestratorRequest) -> list[str]:
    return [str(event.WhichOneof("eventType")) for event in request.newEvents]


def test_an_entity_that_answers_after_the_failure_is_not_called_twice(bare: BareWorker) -> None:
    instance_id = bare.start()
    bare.answer(bare.next(), call_entity(1, "r1"), failing())
    answer_entity(bare, "42")
    turn = rewind(bare, instance_id)
    answers = [event.entityOperationCompleted for event in turn.newEvents]
    assert [one.output.value for one in answers if one.requestId == "r1"] == ["42"]
    assert bare.nothing_for(0.2)


def test_an_entity_that_answers_after_the_rewind_answers_the_rewound(bare: BareWorker) -> None:
    instance_id = bare.start()
    bare.answer(bare.next(), call_entity(1, "r1"), failing())
    batch = bare.next()
    assert "entityOperationCompleted" not in kinds(rewind(bare, instance_id))
    success = pb.OperationResultSuccess(result=StringValue(value="42"))
    answer = pb.EntityBatchResult(
        completionToken=batch.completionToken, results=[pb.OperationResult(success=success)]
    )
    bare.call("CompleteEntityTask", answer)
    assert bare.nothing_for(0.2)


@pytest.mark.parametrize("failed", [False, True])
def test_an_activity_that_ends_after_the_failure_is_repeated_only_if_it_failed(
    bare: BareWorker, failed: bool
) -> None:
    instance_id = bare.start()
    scheduled = pb.OrchestratorAction(id=1, scheduleTask=pb.ScheduleTaskAction(name="act"))
    bare.answer(bare.next(), scheduled, failing())
    item = bare.next()
    response = pb.ActivityResponse(instanceId=instance_id, taskId=1, completionToken=item.completionToken)
    if failed:
        response.failureDetails.errorMessage = "boom"
    else:
        response.result.value = "7"
    bare.call("CompleteActivityTask", response)
    turn = rewind(bare, instance_id)
    assert ("taskCompleted" in kinds(turn)) is not failed
    assert "taskFailed" not in kinds(turn)
    if failed:
        assert bare.next().activityRequest.name == "act"
    else:
        assert bare.nothing_for(0.2)


def test_a_sub_orchestration_that_completes_after_the_failure_is_not_run_again(bare: BareWorker) -> None:
    instance_id, child_id = bare.start(), "child-of-" + "x" * 8
    bare.answer(bare.next(), child(1, child_id), failing())
    bare.answer(next_turn(bare, child_id), complete("5"))
    turn = rewind(bare, instance_id)
    answers = [event.subOrchestrationInstanceCompleted for event in turn.newEvents]
    assert [one.result.value for one in answers if one.taskScheduledId == 1] == ["5"]


def test_a_terminated_sub_orchestration_starts_afresh(bare: BareWorker) -> None:
    instance_id, child_id = bare.start(), "child-of-" + "y" * 8
    bare.answer(bare.next(), child(1, child_id))
    next_turn(bare, child_id)
    bare.call("TerminateInstance", pb.TerminateRequest(instanceId=child_id))
    bare.answer(next_turn(bare, instance_id), failing())
    bare.call("RewindInstance", pb.RewindInstanceRequest(instanceId=instance_id))
    item = next_turn(bare, instance_id)
    kept = [
        event
        for event in item.orchestratorRequest.pastEvents
        if not event.HasField("subOrchestrationInstanceFailed") and not event.HasField("executionCompleted")
    ]
    action = pb.OrchestratorAction(rewindOrchestration=pb.RewindOrchestrationAction(newHistory=kept))
    bare.answer(item, action)
    assert {bare.next().orchestratorRequest.instanceId for _ in range(2)} == {instance_id, child_id}
    assert state_of(bare, child_id).orchestrationStatus == pb.ORCHESTRATION_STATUS_PENDING


def test_an_event_nobody_had_read_is_there_after_the_rewind(bare: BareWorker) -> None:
    instance_id = bare.start()
    item = bare.next()
    bare.call("RaiseEvent", pb.RaiseEventRequest(instanceId=instance_id, name="early"))
    bare.answer(item, failing())
    assert "eventRaised" in kinds(rewind(bare, instance_id))


def test_a_lock_still_asked_for_when_the_execution_failed_is_asked_for_again(bare: BareWorker) -> None:
    def lock(section: str) -> pb.OrchestratorAction:
        wanted = pb.EntityLockRequestedEvent(criticalSectionId=section, lockSet=["@e@k"], position=0)
        return pb.OrchestratorAction(
            id=1, sendEntityMessage=pb.SendEntityMessageAction(entityLockRequested=wanted)
        )

    holder = bare.start()
    bare.answer(bare.next(), lock("first"))
    assert "entityLockGranted" in kinds(held := next_turn(bare, holder).orchestratorRequest), held
    waiting = bare.start()
    bare.answer(next_turn(bare, waiting), lock("second"), failing())
    assert "entityLockGranted" not in kinds(rewind(bare, waiting))
    bare.call("TerminateInstance", pb.TerminateRequest(instanceId=holder))
    locked_by = bare.call("GetEntity", pb.GetEntityRequest(instanceId="@e@k")).entity.lockedBy.value
    assert locked_by == "second"


def test_what_reaches_a_completed_execution_is_dropped(bare: BareWorker) -> None:
    instance_id = bare.start()
    bare.answer(bare.next(), call_entity(1, "r1"), complete())
    answer_entity(bare, "42")
    assert state_of(bare, instance_id).orchestrationStatus == pb.ORCHESTRATION_STATUS_COMPLETED
    with pytest.raises(grpc.RpcError) as refusal:
        bare.call("RewindInstance", pb.RewindInstanceRequest(instanceId=instance_id))
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_a_replaced_sub_orchestration_tells_its_parent(bare: BareWorker, taskhub: str, stub: Any) -> None:
    instance_id, child_id = bare.start(), "child-of-" + "z" * 8
    bare.answer(bare.next(), child(1, child_id))
    next_turn(bare, child_id)
    policy = pb.OrchestrationIdReusePolicy(replaceableStatus=[pb.ORCHESTRATION_STATUS_PENDING])
    bare.start(instanceId=child_id, orchestrationIdReusePolicy=policy)
    items = {item.orchestratorRequest.instanceId: item for item in (bare.next(), bare.next())}
    assert set(items) == {instance_id, child_id}
    told = items[instance_id].orchestratorRequest.newEvents[1].subOrchestrationInstanceFailed
    assert "terminated" in told.failureDetails.errorMessage


def test_what_a_failed_execution_keeps_is_no_problem_to_the_check(own_hub: HubProcess) -> None:
    with BareStub(own_hub) as stub:
        worker = BareWorker(stub, "default")
        instance_id = worker.start()
        item = worker.next()
        worker.call("RaiseEvent", pb.RaiseEventRequest(instanceId=instance_id, name="early"))
        worker.answer(item, failing())
        worker.close()
    own_hub.stop()
    assert problems(own_hub.db) == []


def began_as(stub: Any, taskhub: str, instance_id: str) -> tuple[str, pb.ExecutionStartedEvent]:
    """The execution an instance is now, and how the history of that execution begins."""
    about = {"metadata": [("taskhub", taskhub)]}
    state = stub.GetInstance(pb.GetInstanceRequest(instanceId=instance_id), **about).orchestrationState
    request = pb.StreamInstanceHistoryRequest(instanceId=instance_id, executionId=state.executionId)
    events = [event for chunk in stub.StreamInstanceHistory(request, **about) for event in chunk.events]
    began = next(event.executionStarted for event in events if event.HasField("executionStarted"))
    return state.executionId.value, began


def test_a_rewound_family_goes_on_under_the_ids_in_its_histories(own_hub: HubProcess) -> None:
    """As the SDK's worker, which chooses them, wrote them."""
    tries: list[int] = []

    def flaky(_: task.ActivityContext, __: Any) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("the first time")
        return 1

    def younger(context: task.OrchestrationContext, _: Any) -> Any:
        return (yield context.call_activity(flaky))

    def elder(context: task.OrchestrationContext, _: Any) -> Any:
        return (yield context.call_sub_orchestrator(younger, instance_id="younger"))

    worker = Worker(**own_hub.connection, logger=QUIET)
    for orchestrator in (elder, younger):
        worker.add_orchestrator(orchestrator)
    worker.add_activity(flaky)
    client = Client(**own_hub.connection, logger=QUIET)
    with worker:
        worker.start()
        client.schedule_new_orchestration(elder, instance_id="elder")
        ended(client, "elder")
        client.rewind_orchestration("elder")
        assert output(ended(client, "elder")) == 1
    with BareStub(own_hub) as stub:
        taskhub = own_hub.connection["taskhub"]
        elder_id, elder_began = began_as(stub, taskhub, "elder")
        younger_id, younger_began = began_as(stub, taskhub, "younger")
    assert elder_began.orchestrationInstance.executionId.value == elder_id
    assert younger_began.orchestrationInstance.executionId.value == younger_id
    assert younger_began.parentInstance.orchestrationInstance.executionId.value == elder_id

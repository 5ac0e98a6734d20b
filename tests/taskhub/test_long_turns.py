"""Turns too long for one message: answers in pieces, history fetched by the worker or asked for again."""

from __future__ import annotations

import grpc
import pytest
from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from tests.taskhub.bare import BareWorker, activity, complete, state_of


def piece(
    item: pb.WorkItem, index: int, *actions: pb.OrchestratorAction, last: bool = False
) -> pb.OrchestratorResponse:
    return pb.OrchestratorResponse(
        instanceId=item.orchestratorRequest.instanceId,
        completionToken=item.completionToken,
        chunkIndex=Int32Value(value=index),
        isPartial=not last,
        actions=actions,
    )


def numbered(task_id: int) -> pb.OrchestratorAction:
    action = activity(f"act{task_id}")
    action.id = task_id
    return action


def test_pieces_of_an_answer_take_effect_together(bare: BareWorker) -> None:
    instance_id = bare.start()
    turn = bare.next()
    bare.call("CompleteOrchestratorTask", piece(turn, 0, numbered(1), numbered(2)))
    assert bare.nothing_for(0.2)
    bare.call("CompleteOrchestratorTask", piece(turn, 1, numbered(3)))
    bare.call("CompleteOrchestratorTask", piece(turn, 2, complete(), last=True))
    assert [bare.next().activityRequest.name for _ in range(3)] == ["act1", "act2", "act3"]
    assert state_of(bare, instance_id).orchestrationStatus == pb.ORCHESTRATION_STATUS_COMPLETED


def test_a_repeated_piece_counts_once(bare: BareWorker) -> None:
    bare.start()
    turn = bare.next()
    for _ in range(2):
        bare.call("CompleteOrchestratorTask", piece(turn, 0, numbered(1)))
    bare.call("CompleteOrchestratorTask", piece(turn, 1, last=True))
    assert bare.next().activityRequest.name == "act1"
    assert bare.nothing_for(0.2)


def test_a_missing_piece_is_refused(bare: BareWorker) -> None:
    bare.start()
    turn = bare.next()
    bare.call("CompleteOrchestratorTask", piece(turn, 0, numbered(1)))
    with pytest.raises(grpc.RpcError) as refusal:
        bare.call("CompleteOrchestratorTask", piece(turn, 2, last=True))
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    bare.call("CompleteOrchestratorTask", piece(turn, 1, last=True))


def test_pieces_of_a_worker_that_died_are_forgotten(bare: BareWorker, stub: object, taskhub: str) -> None:
    dying = BareWorker(stub, taskhub, workItemFilters=_only("flow"))
    bare.close()
    dying.start()
    bare_turn = dying.next()
    dying.call("CompleteOrchestratorTask", piece(bare_turn, 0, numbered(1)))
    dying.close()
    heir = BareWorker(stub, taskhub)
    turn = heir.next()
    with pytest.raises(grpc.RpcError) as refusal:
        heir.call("CompleteOrchestratorTask", piece(bare_turn, 1, last=True))
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    heir.answer(turn, numbered(7))
    assert heir.next().activityRequest.name == "act7"
    heir.close()


def _only(name: str) -> pb.WorkItemFilters:
    return pb.WorkItemFilters(orchestrations=[pb.OrchestrationFilter(name=name)])


def test_a_worker_without_the_history_gets_the_turn_again(bare: BareWorker) -> None:
    instance_id = bare.start()
    bare.answer(bare.next(), activity())
    result = bare.next()
    done = pb.ActivityResponse(
        instanceId=instance_id,
        taskId=1,
        completionToken=result.completionToken,
        result=StringValue(value="1"),
    )
    bare.call("CompleteActivityTask", done)
    turn = bare.next()
    forgotten = pb.OrchestratorResponse(completionToken=turn.completionToken, requiresHistory=True)
    bare.call("CompleteOrchestratorTask", forgotten)
    again = bare.next()
    assert list(again.orchestratorRequest.pastEvents) == list(turn.orchestratorRequest.pastEvents) != []
    assert len(again.orchestratorRequest.newEvents) == len(turn.orchestratorRequest.newEvents)
    bare.answer(again, complete())


def test_a_worker_without_the_state_gets_the_batch_again(bare: BareWorker) -> None:
    bare.call("SignalEntity", pb.SignalEntityRequest(instanceId="@e@k", name="op"))
    batch = bare.next()
    bare.call(
        "CompleteEntityTask", pb.EntityBatchResult(completionToken=batch.completionToken, requiresState=True)
    )
    again = bare.next()
    assert again.entityRequest == batch.entityRequest
    assert again.completionToken != batch.completionToken


def grow(worker: BareWorker, instance_id: str, events: int) -> None:
    """A history of large events."""
    for _ in range(events):
        large = StringValue(value="x" * 900_000)
        worker.call("RaiseEvent", pb.RaiseEventRequest(instanceId=instance_id, name="e", input=large))
        worker.answer(worker.next())


def test_a_worker_that_streams_history_outgrows_the_message_limit(stub: object, taskhub: str) -> None:
    worker = BareWorker(stub, taskhub, capabilities=[pb.WORKER_CAPABILITY_HISTORY_STREAMING])
    instance_id = worker.start()
    worker.answer(worker.next())
    grow(worker, instance_id, 6)
    worker.call("RaiseEvent", pb.RaiseEventRequest(instanceId=instance_id, name="last"))
    turn = worker.next().orchestratorRequest
    assert turn.requiresHistoryStreaming
    assert not turn.pastEvents
    assert turn.newEvents[1].eventRaised.name == "last"
    request = pb.StreamInstanceHistoryRequest(
        instanceId=instance_id, executionId=turn.executionId, forWorkItemProcessing=True
    )
    chunks = list(worker.call("StreamInstanceHistory", request))
    raised = [event for chunk in chunks for event in chunk.events if event.HasField("eventRaised")]
    assert len(chunks) > 1
    assert [len(event.eventRaised.input.value) for event in raised] == [900_000] * 6
    worker.close()


def test_the_history_of_another_execution_is_not_found(bare: BareWorker) -> None:
    instance_id = bare.start()
    request = pb.StreamInstanceHistoryRequest(instanceId=instance_id, executionId=StringValue(value="other"))
    with pytest.raises(grpc.RpcError) as refusal:
        list(bare.call("StreamInstanceHistory", request))
    assert refusal.value.code() == grpc.StatusCode.NOT_FOUND

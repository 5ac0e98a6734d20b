"""One trace spans client, orchestration, activity, entity and whatever these start."""

from __future__ import annotations

from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.wrappers_pb2 import StringValue

from tests.taskhub.bare import BareWorker, activity, complete

TRACE = "a1" * 16


def context(span: str, trace: str = TRACE) -> pb.TraceContext:
    return pb.TraceContext(
        traceParent=f"00-{trace}-{span}-01", spanID=span, traceState=StringValue(value="vendor=1")
    )


CLIENT = context("b" * 16)


def started(item: pb.WorkItem) -> pb.ExecutionStartedEvent:
    return item.orchestratorRequest.newEvents[1].executionStarted


def to_entity(action_id: int, **kind: object) -> pb.OrchestratorAction:
    return pb.OrchestratorAction(id=action_id, sendEntityMessage=pb.SendEntityMessageAction(**kind))


def signal(action_id: int = 2) -> pb.OrchestratorAction:
    signaled = pb.EntityOperationSignaledEvent(
        requestId="s", operation="op", targetInstanceId=StringValue(value="@e@k")
    )
    return to_entity(action_id, entityOperationSignaled=signaled)


def child(action_id: int = 3) -> pb.OrchestratorAction:
    action = pb.CreateSubOrchestrationAction(name="flow", parentTraceContext=None)
    return pb.OrchestratorAction(id=action_id, createSubOrchestration=action)


def answer_with_span(worker: BareWorker, item: pb.WorkItem, *actions: pb.OrchestratorAction) -> None:
    span = pb.OrchestrationTraceContext(spanID=StringValue(value="c" * 16))
    response = pb.OrchestratorResponse(
        completionToken=item.completionToken, actions=actions, orchestrationTraceContext=span
    )
    worker.call("CompleteOrchestratorTask", response)


def test_what_an_orchestration_calls_is_a_child_of_its_span(bare: BareWorker) -> None:
    bare.start(parentTraceContext=CLIENT)
    answer_with_span(bare, bare.next(), activity(), signal(), child())
    items = [bare.next() for _ in range(3)]
    found = [
        *(item.activityRequest.parentTraceContext for item in items if item.HasField("activityRequest")),
        *(item.entityRequest.operations[0].traceContext for item in items if item.HasField("entityRequest")),
        *(started(item).parentTraceContext for item in items if item.HasField("orchestratorRequest")),
    ]
    assert found == [context("c" * 16)] * 3


def test_the_next_execution_has_the_parent_of_the_first(bare: BareWorker) -> None:
    bare.start(parentTraceContext=CLIENT)
    again = pb.CompleteOrchestrationAction(orchestrationStatus=pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW)
    bare.answer(bare.next(), pb.OrchestratorAction(id=1, completeOrchestration=again))
    assert started(bare.next()).parentTraceContext == CLIENT


def test_a_restarted_instance_has_the_parent_of_the_first(bare: BareWorker) -> None:
    instance_id = bare.start(parentTraceContext=CLIENT)
    bare.answer(bare.next(), complete())
    bare.call("RestartInstance", pb.RestartInstanceRequest(instanceId=instance_id))
    assert started(bare.next()).parentTraceContext == CLIENT


def test_a_signal_from_a_client_carries_its_trace_also_when_delayed(bare: BareWorker) -> None:
    for moment in (None, 1):
        request = pb.SignalEntityRequest(instanceId="@e@k", name="op", parentTraceContext=CLIENT)
        if moment:
            request.scheduledTime.GetCurrentTime()
            request.scheduledTime.nanos = 0
            request.scheduledTime.seconds += moment
        bare.call("SignalEntity", request)
        batch = bare.next()
        assert batch.entityRequest.operations[0].traceContext == CLIENT
        finish(bare, batch)


def finish(worker: BareWorker, batch: pb.WorkItem, *actions: pb.OperationAction) -> None:
    results = [
        pb.OperationResult(success=pb.OperationResultSuccess()) for _ in batch.entityRequest.operations
    ]
    answer = pb.EntityBatchResult(completionToken=batch.completionToken, results=results, actions=actions)
    worker.call("CompleteEntityTask", answer)


def entity_actions() -> tuple[pb.OperationAction, pb.OperationAction]:
    begun = pb.StartNewOrchestrationAction(instanceId="from-entity", name="flow")
    sent = pb.SendSignalAction(instanceId="@other@k", name="op")
    return pb.OperationAction(startNewOrchestration=begun), pb.OperationAction(sendSignal=sent)


def test_what_an_entity_sends_and_starts_belongs_to_the_trace_it_was_called_in(bare: BareWorker) -> None:
    bare.call("SignalEntity", pb.SignalEntityRequest(instanceId="@e@k", name="op", parentTraceContext=CLIENT))
    finish(bare, bare.next(), *entity_actions())
    items = [bare.next(), bare.next()]
    turn = next(item for item in items if item.HasField("orchestratorRequest"))
    batch = next(item for item in items if item.HasField("entityRequest"))
    assert started(turn).parentTraceContext == CLIENT
    assert batch.entityRequest.operations[0].traceContext == CLIENT


def test_a_batch_from_several_traces_joins_none(bare: BareWorker) -> None:
    bare.call("SignalEntity", pb.SignalEntityRequest(instanceId="@e@k", name="first"))
    first = bare.next()
    for trace in (TRACE, "d4" * 16):
        parent = context("b" * 16, trace)
        bare.call(
            "SignalEntity", pb.SignalEntityRequest(instanceId="@e@k", name="op", parentTraceContext=parent)
        )
    finish(bare, first)
    batch = bare.next()
    assert len(batch.entityRequest.operations) == 2
    finish(bare, batch, *entity_actions())
    turn = next(item for item in (bare.next(), bare.next()) if item.HasField("orchestratorRequest"))
    assert not started(turn).HasField("parentTraceContext")

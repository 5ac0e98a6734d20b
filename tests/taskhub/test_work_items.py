"""Work items: streams, leases, tokens, filters, limits, poison; often on the bare protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.worker import VersionFailureStrategy, VersioningOptions, VersionMatchStrategy
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from tests.taskhub.bare import BareWorker, activity, complete, state_of
from tests.taskhub.conftest import QUIET, BareStub, ended, eventually, output, working
from tests.taskhub.launcher import HubProcess, running_hub


def test_a_turn_begins_with_orchestrator_started(bare: BareWorker) -> None:
    bare.start()
    kinds = [one.WhichOneof("eventType") for one in bare.next().orchestratorRequest.newEvents]
    assert kinds == ["orchestratorStarted", "executionStarted"]


def test_a_broken_stream_gives_its_items_to_others_at_once(bare: BareWorker, stub: Any, taskhub: str) -> None:
    instance_id = bare.start()
    first = bare.next()
    bare.close()
    heir = BareWorker(stub, taskhub)
    second = heir.next()
    assert second.orchestratorRequest.instanceId == instance_id
    assert second.completionToken != first.completionToken
    heir.close()


def test_streams_that_break_at_any_moment_leave_the_hub_standing(hub: HubProcess, taskhub: str) -> None:
    pid = hub.pid
    for number in range(60):
        with BareStub(hub) as stub:
            worker = BareWorker(stub, taskhub)
            if number % 3 == 0:
                worker.start()
            if number % 3 == 1:
                worker.close()
    assert hub.answers()
    assert hub.pid == pid
    assert hub.running


def test_a_completion_after_the_stream_broke_is_refused(bare: BareWorker, stub: Any, taskhub: str) -> None:
    instance_id = bare.start()
    first = bare.next()
    bare.close()
    heir = BareWorker(stub, taskhub)
    second = heir.next()
    with pytest.raises(grpc.RpcError) as refusal:
        bare.answer(first, complete("late"))
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    heir.answer(second, complete("in time"))
    assert state_of(heir, instance_id).output.value == "in time"
    heir.close()


def test_a_second_completion_is_refused(bare: BareWorker) -> None:
    bare.start()
    item = bare.next()
    bare.answer(item, complete())
    with pytest.raises(grpc.RpcError) as refusal:
        bare.answer(item, complete())
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_an_invented_token_is_refused(bare: BareWorker) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        bare.call("CompleteActivityTask", pb.ActivityResponse(completionToken="invented"))
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_an_abandoned_item_comes_back_after_growing_pauses(bare: BareWorker) -> None:
    bare.start()
    for _ in range(3):
        token = bare.next().completionToken
        bare.call(
            "AbandonTaskOrchestratorWorkItem", pb.AbandonOrchestrationTaskRequest(completionToken=token)
        )
    assert bare.nothing_for(0.3)
    bare.answer(bare.next(), complete())


def test_who_gave_an_item_back_gets_it_again_only_when_nobody_else_would_take_it(
    bare: BareWorker, stub: Any, taskhub: str
) -> None:
    """Two releases beside each other: the idle old one must not be asked again and again for what is new."""
    instance_id = bare.start()

    def give_back(worker: BareWorker) -> None:
        token = worker.next().completionToken
        request = pb.AbandonOrchestrationTaskRequest(completionToken=token)
        worker.call("AbandonTaskOrchestratorWorkItem", request)

    give_back(bare)
    give_back(bare)
    newer = BareWorker(stub, taskhub)
    item = newer.next()
    assert item.orchestratorRequest.instanceId == instance_id
    newer.answer(item, complete())
    newer.close()


def test_a_worker_gets_no_more_than_it_asked_for(stub: Any, taskhub: str) -> None:
    worker = BareWorker(stub, taskhub, maxConcurrentOrchestrationWorkItems=2)
    for _ in range(3):
        worker.start()
    first, _ = worker.next(), worker.next()
    assert worker.nothing_for(0.3)
    worker.answer(first, complete())
    worker.next()
    worker.close()


def test_filters_choose_by_name_and_version(stub: Any, taskhub: str) -> None:
    wanted = pb.WorkItemFilters(orchestrations=[pb.OrchestrationFilter(name="mine", versions=["2"])])
    picky = BareWorker(stub, taskhub, workItemFilters=wanted)
    picky.start("other")
    picky.start("mine", version=StringValue(value="1"))
    assert picky.nothing_for(0.3)
    right = picky.start("mine", version=StringValue(value="2"))
    assert picky.next().orchestratorRequest.instanceId == right
    generous = BareWorker(stub, taskhub)
    assert {generous.next().orchestratorRequest.instanceId for _ in range(2)} != {right}
    picky.close()
    generous.close()


def test_trace_context_reaches_the_activity_and_the_entity(bare: BareWorker) -> None:
    outer = pb.TraceContext(traceParent="00-" + "a" * 32 + "-" + "b" * 16 + "-01", spanID="b" * 16)
    bare.start(parentTraceContext=outer)
    turn = bare.next()
    started = turn.orchestratorRequest.newEvents[1].executionStarted
    assert started.parentTraceContext == outer
    called = pb.EntityOperationCalledEvent(
        requestId="r1", operation="op", targetInstanceId=StringValue(value="@e@k")
    )
    message = pb.OrchestratorAction(
        id=2, sendEntityMessage=pb.SendEntityMessageAction(entityOperationCalled=called)
    )
    inner = pb.TraceContext(traceParent="00-" + "a" * 32 + "-" + "c" * 16 + "-01", spanID="c" * 16)
    bare.answer(turn, activity(trace=inner), message)
    items = [bare.next(), bare.next()]
    request = next(one.activityRequest for one in items if one.HasField("activityRequest"))
    batch = next(one.entityRequest for one in items if one.HasField("entityRequest"))
    assert request.parentTraceContext == inner
    assert batch.operations[0].traceContext.traceParent.split("-")[1] == "a" * 32


def test_the_orchestration_span_is_handed_back_with_the_next_turn(bare: BareWorker) -> None:
    instance_id = bare.start()
    turn = bare.next()
    span = pb.OrchestrationTraceContext(
        spanID=StringValue(value="d" * 16), spanStartTime=Timestamp(seconds=5)
    )
    response = pb.OrchestratorResponse(
        instanceId=instance_id, completionToken=turn.completionToken, orchestrationTraceContext=span
    )
    bare.call("CompleteOrchestratorTask", response)
    bare.call("RaiseEvent", pb.RaiseEventRequest(instanceId=instance_id, name="x"))
    assert bare.next().orchestratorRequest.orchestrationTraceContext == span


def test_an_idle_stream_gets_signs_of_life(tmp_path: Path) -> None:
    with running_hub(tmp_path, {"TASKHUB_PING_SECONDS": "0.2"}) as hub, BareStub(hub) as stub:
        worker = BareWorker(stub, "default")
        worker.next_ping()
        worker.next_ping()
        worker.close()


def test_a_hung_worker_loses_its_item_when_the_lease_ends(tmp_path: Path) -> None:
    with running_hub(tmp_path, {"TASKHUB_LEASE_SECONDS": "1"}) as hub, BareStub(hub) as stub:
        worker = BareWorker(stub, "default")
        worker.start()
        first, second = worker.next(), worker.next()
        assert first.completionToken != second.completionToken
        worker.answer(second, complete())
        with pytest.raises(grpc.RpcError):
            worker.answer(first, complete())
        worker.close()


def test_poison_is_parked_with_the_reason(tmp_path: Path) -> None:
    with running_hub(tmp_path, {"TASKHUB_MAX_DELIVERIES": "3"}) as hub, BareStub(hub) as stub:
        instance_id = ""
        for _ in range(3):
            worker = BareWorker(stub, "default")
            instance_id = instance_id or worker.start()
            worker.next()
            worker.close()
        state = eventually(lambda: failed_state(worker, instance_id), "the verdict")
        assert state.failureDetails.errorType == "TaskHub.PoisonWorkItem"
        assert "delivered 3 times" in state.failureDetails.errorMessage


def failed_state(worker: BareWorker, instance_id: str) -> pb.OrchestrationState | None:
    state = state_of(worker, instance_id)
    return state if state.orchestrationStatus == pb.ORCHESTRATION_STATUS_FAILED else None


def test_a_poison_activity_becomes_a_failure_its_orchestration_can_handle(tmp_path: Path) -> None:
    with running_hub(tmp_path, {"TASKHUB_MAX_DELIVERIES": "2"}) as hub, BareStub(hub) as stub:
        turns_only = {
            "workItemFilters": pb.WorkItemFilters(orchestrations=[pb.OrchestrationFilter(name="flow")])
        }
        brain = BareWorker(stub, "default", **turns_only)
        brain.start()
        brain.answer(brain.next(), activity())
        for _ in range(2):
            hand = BareWorker(
                stub,
                "default",
                workItemFilters=pb.WorkItemFilters(activities=[pb.ActivityFilter(name="act")]),
            )
            hand.next()
            hand.close()
        events = brain.next().orchestratorRequest.newEvents
        assert "parked" in events[1].taskFailed.failureDetails.errorMessage
        brain.close()


def test_an_answer_the_hub_cannot_digest_does_not_circulate_for_ever(tmp_path: Path) -> None:
    with running_hub(tmp_path, {"TASKHUB_MAX_DELIVERIES": "2"}) as hub, BareStub(hub) as stub:
        worker = BareWorker(stub, "default")
        instance_id = worker.start()
        nonsense = pb.EntityLockRequestedEvent(lockSet=["@e@k"], position=7)
        action = pb.OrchestratorAction(
            id=1, sendEntityMessage=pb.SendEntityMessageAction(entityLockRequested=nonsense)
        )
        for _ in range(2):
            with pytest.raises(grpc.RpcError):
                worker.answer(worker.next(), action)
        state = eventually(lambda: failed_state(worker, instance_id), "the verdict")
        assert "could not be stored" in state.failureDetails.errorMessage
        worker.close()


def test_a_timer_beyond_all_calendars_is_kept_and_never_fires(bare: BareWorker) -> None:
    bare.start()
    action = pb.OrchestratorAction(id=1, createTimer=pb.CreateTimerAction(fireAt=Timestamp(seconds=2**62)))
    bare.answer(bare.next(), action)
    assert bare.nothing_for(0.2)


def test_a_rejected_version_is_not_a_hot_loop_and_runs_once_accepted(own_hub: HubProcess) -> None:
    options = VersioningOptions(
        version="1.0",
        match_strategy=VersionMatchStrategy.STRICT,
        failure_strategy=VersionFailureStrategy.REJECT,
    )
    client = Client(**own_hub.connection, logger=QUIET)
    with working(own_hub, options):
        instance_id = client.schedule_new_orchestration("echo", input=1, version="2.0")
        with pytest.raises(TimeoutError):
            client.wait_for_orchestration_completion(instance_id, timeout=1.0)
    with working(own_hub):
        assert output(ended(client, instance_id)) == 1


@pytest.mark.parametrize("order", [("1.0", "2.0"), ("2.0", "1.0")])
def test_beside_workers_of_two_versions_each_instance_reaches_its_own(
    own_hub: HubProcess, order: tuple[str, str]
) -> None:
    def release(version: str) -> VersioningOptions:
        return VersioningOptions(
            version=version,
            match_strategy=VersionMatchStrategy.STRICT,
            failure_strategy=VersionFailureStrategy.REJECT,
        )

    client = Client(**own_hub.connection, logger=QUIET)
    with working(own_hub, release(order[0])), working(own_hub, release(order[1])):
        ids = [client.schedule_new_orchestration("echo", input=1, version=one) for one in order]
        assert [output(ended(client, instance_id)) for instance_id in ids] == [1, 1]


def test_a_new_worker_takes_over_where_the_old_one_stopped(own_hub: HubProcess) -> None:
    client = Client(**own_hub.connection, logger=QUIET)
    instance_id = client.schedule_new_orchestration("waiting", input=2)
    for number in range(2):
        with working(own_hub):
            client.raise_orchestration_event(instance_id, "Next", data=number)
            client.wait_for_orchestration_start(instance_id, timeout=30)
    with working(own_hub):
        assert output(ended(client, instance_id)) == [0, 1]

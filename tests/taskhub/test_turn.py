"""The pure turn logic: what each action becomes."""

from __future__ import annotations

from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st

from taskhub import events
from taskhub.limits import Limits
from taskhub.plan import ContinuedAsNew, Finished, MessageKind, TurnPlan
from taskhub.turn import TurnContext, plan_turn

NOW = 1_790_000_000_000_000
LIMITS = Limits(payload_bytes=100)
CONTEXT = TurnContext("case-1", "execution-1", NOW, LIMITS)


def text(value: str | None) -> StringValue | None:
    return None if value is None else StringValue(value=value)


def task(number: int, given_input: str | None = None, **more: Any) -> pb.OrchestratorAction:
    action = pb.ScheduleTaskAction(name="look up", input=text(given_input), **more)
    return pb.OrchestratorAction(id=number, scheduleTask=action)


def timer(number: int, seconds: int) -> pb.OrchestratorAction:
    return pb.OrchestratorAction(
        id=number, createTimer=pb.CreateTimerAction(fireAt=Timestamp(seconds=seconds))
    )


def child(number: int, given_input: str | None = None) -> pb.OrchestratorAction:
    action = pb.CreateSubOrchestrationAction(name="sub", instanceId=f"sub-{number}", input=text(given_input))
    return pb.OrchestratorAction(id=number, createSubOrchestration=action)


def call(number: int, given_input: str | None = None) -> pb.OrchestratorAction:
    called = pb.EntityOperationCalledEvent(
        requestId=f"r{number}", operation="run", targetInstanceId=text("@agent@k"), input=text(given_input)
    )
    return pb.OrchestratorAction(
        id=number, sendEntityMessage=pb.SendEntityMessageAction(entityOperationCalled=called)
    )


def signal(number: int, given_input: str | None = None) -> pb.OrchestratorAction:
    sent = pb.EntityOperationSignaledEvent(
        requestId=f"r{number}", operation="note", targetInstanceId=text("@agent@k"), input=text(given_input)
    )
    return pb.OrchestratorAction(
        id=number, sendEntityMessage=pb.SendEntityMessageAction(entityOperationSignaled=sent)
    )


def send(number: int, data: str | None = None) -> pb.OrchestratorAction:
    target = pb.OrchestrationInstance(instanceId="other")
    return pb.OrchestratorAction(
        id=number, sendEvent=pb.SendEventAction(instance=target, name="Next", data=text(data))
    )


def finish(
    number: int, result: str | None, status: int = pb.ORCHESTRATION_STATUS_COMPLETED
) -> pb.OrchestratorAction:
    done = pb.CompleteOrchestrationAction(
        orchestrationStatus=pb.OrchestrationStatus.Name(status), result=text(result)
    )
    return pb.OrchestratorAction(id=number, completeOrchestration=done)


def decoded(stored: list[bytes]) -> list[pb.HistoryEvent]:
    return [pb.HistoryEvent.FromString(one) for one in stored]


makers = st.sampled_from([task, child, call, signal, send])
small = st.one_of(st.none(), st.text(max_size=25))
large = st.text(alphabet="x", min_size=101, max_size=200)


@given(st.lists(st.tuples(makers, small), max_size=12))
def test_every_action_becomes_one_history_event_in_order(chosen: list[tuple[Any, str | None]]) -> None:
    actions = [make(number, given_input) for number, (make, given_input) in enumerate(chosen, 1)]
    history = decoded(plan_turn(CONTEXT, actions).history)
    assert [event.eventId for event in history] == list(range(1, len(actions) + 1))
    assert all(events.micros(event.timestamp) == NOW for event in history)


@given(st.lists(st.tuples(makers, small), max_size=12))
def test_every_action_sends_one_message_and_nothing_to_itself(chosen: list[tuple[Any, str | None]]) -> None:
    actions = [make(number, given_input) for number, (make, given_input) in enumerate(chosen, 1)]
    plan = plan_turn(CONTEXT, actions)
    sent = len(plan.activities) + len(plan.children) + len(plan.messages) + len(plan.raised)
    assert sent == len(actions)
    assert plan.to_self == []


@given(st.sampled_from([task, child, call]), large)
def test_what_is_too_large_is_answered_with_a_failure_and_not_sent(make: Any, given_input: str) -> None:
    plan = plan_turn(CONTEXT, [make(1, given_input)])
    assert not plan.activities
    assert not plan.children
    assert not plan.messages
    assert len(plan.history) == 1
    (answer,) = decoded(plan.to_self)
    failure = getattr(answer, str(answer.WhichOneof("eventType"))).failureDetails
    assert failure.errorType == "TaskHub.PayloadTooLarge"
    assert "at most 100" in failure.errorMessage


def test_an_activity_carries_name_version_input_tags_and_trace() -> None:
    trace = pb.TraceContext(traceParent="00-a-b-01", spanID="b")
    plan = plan_turn(CONTEXT, [task(7, "in", version=text("3"), tags={"k": "v"}, parentTraceContext=trace)])
    (draft,) = plan.activities
    request = pb.ActivityRequest.FromString(draft.request)
    assert (request.taskId, request.name, request.version.value, request.input.value) == (
        7,
        "look up",
        "3",
        "in",
    )
    assert dict(request.tags) == {"k": "v"}
    assert request.parentTraceContext == trace
    assert request.orchestrationInstance.instanceId == "case-1"


def test_an_activity_without_a_trace_inherits_its_orchestrations() -> None:
    trace = pb.TraceContext(traceParent="00-a-b-01", spanID="b")
    context = TurnContext("case-1", "execution-1", NOW, LIMITS, trace.SerializeToString())
    (draft,) = plan_turn(context, [task(1)]).activities
    assert pb.ActivityRequest.FromString(draft.request).parentTraceContext == trace


def test_a_timer_fires_at_its_time_but_is_stamped_no_earlier_than_now() -> None:
    late = NOW // 1_000_000 + 60
    plan = plan_turn(CONTEXT, [timer(1, late), timer(2, 5)])
    assert [draft.due for draft in plan.timers] == [late * 1_000_000, 5_000_000]
    ahead, past = decoded([draft.event for draft in plan.timers])
    assert events.micros(ahead.timestamp) == late * 1_000_000
    assert events.micros(past.timestamp) == NOW
    assert (ahead.timerFired.timerId, past.timerFired.timerId) == (1, 2)


def test_entity_messages_keep_their_order() -> None:
    lock = pb.EntityLockRequestedEvent(criticalSectionId="s", lockSet=["@a@1", "@b@2"], position=0)
    unlock = pb.EntityUnlockSentEvent(criticalSectionId="s", targetInstanceId=text("@a@1"))
    actions = [
        pb.OrchestratorAction(id=1, sendEntityMessage=pb.SendEntityMessageAction(entityLockRequested=lock)),
        call(2),
        pb.OrchestratorAction(id=3, sendEntityMessage=pb.SendEntityMessageAction(entityUnlockSent=unlock)),
        signal(4),
    ]
    messages = plan_turn(CONTEXT, actions).messages
    assert [one.kind for one in messages] == [
        MessageKind.LOCK,
        MessageKind.CALL,
        MessageKind.UNLOCK,
        MessageKind.SIGNAL,
    ]
    assert [one.entity_id for one in messages] == ["@a@1", "@agent@k", "@a@1", "@agent@k"]


def outcome_of(plan: TurnPlan) -> Finished:
    assert isinstance(plan.outcome, Finished)
    return plan.outcome


def test_an_end_keeps_its_result_and_what_was_asked_before_it_is_still_sent() -> None:
    plan = plan_turn(CONTEXT, [signal(1), finish(2, "done")])
    assert outcome_of(plan).output == "done"
    assert outcome_of(plan).status == pb.ORCHESTRATION_STATUS_COMPLETED
    assert len(plan.messages) == 1


def test_an_output_that_is_too_large_fails_the_instance() -> None:
    outcome = outcome_of(plan_turn(CONTEXT, [finish(1, "x" * 101)]))
    assert outcome.status == pb.ORCHESTRATION_STATUS_FAILED
    assert outcome.output is None
    assert outcome.failure is not None


def test_continue_as_new_carries_input_version_and_events() -> None:
    carried = pb.HistoryEvent(eventRaised=pb.EventRaisedEvent(name="Next"))
    done = pb.CompleteOrchestrationAction(
        orchestrationStatus=pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW,
        result=text("again"),
        newVersion=text("2"),
        carryoverEvents=[carried],
    )
    plan = plan_turn(CONTEXT, [pb.OrchestratorAction(id=1, completeOrchestration=done)])
    assert plan.outcome == ContinuedAsNew("again", "2", (carried.SerializeToString(),))


def test_an_action_of_an_unknown_kind_changes_nothing() -> None:
    plan = plan_turn(CONTEXT, [pb.OrchestratorAction(id=1)])
    assert plan == TurnPlan()

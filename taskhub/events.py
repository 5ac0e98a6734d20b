"""Builds the history events the hub itself writes, already serialised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

UNSCHEDULED = -1
"""Event id of an event that no orchestrator action asked for."""
_FARTHEST_SECOND = 9_000_000_000_000


def timestamp(micros: int) -> Timestamp:
    """A protobuf timestamp from microseconds since the epoch."""
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def micros(value: Timestamp) -> int:
    """Microseconds since the epoch of a protobuf timestamp; times too far away to store become far ones."""
    seconds = min(max(int(value.seconds), -_FARTHEST_SECOND), _FARTHEST_SECOND)
    return seconds * 1_000_000 + int(value.nanos) // 1000


def text(value: str | None) -> StringValue | None:
    """A protobuf optional string."""
    return None if value is None else StringValue(value=value)


def optional(holder: Any, field: str) -> str | None:
    """The value of an optional StringValue field, or None when it is not set."""
    return str(getattr(holder, field).value) if holder.HasField(field) else None


def event(now: int, event_id: int = UNSCHEDULED, **kind: Any) -> bytes:
    """A serialised history event of the given kind, stamped ``now`` (microseconds)."""
    message = pb.HistoryEvent(eventId=event_id, timestamp=timestamp(now), **kind)
    return bytes(message.SerializeToString())


def orchestrator_started(now: int) -> bytes:
    """The event every turn begins with; its time is the orchestration's clock."""
    return event(now, orchestratorStarted=pb.OrchestratorStartedEvent())


def orchestrator_completed(now: int) -> bytes:
    """The event every turn ends with."""
    return event(now, orchestratorCompleted=pb.OrchestratorCompletedEvent())


def execution_started(
    now: int,
    *,
    name: str,
    version: str | None,
    input_text: str | None,
    instance_id: str,
    execution_id: str,
    tags: Mapping[str, str],
    parent: pb.ParentInstanceInfo | None = None,
    parent_trace: bytes | None = None,
    scheduled_at: int | None = None,
) -> bytes:
    """The first event of an execution."""
    started = pb.ExecutionStartedEvent(
        name=name,
        version=text(version),
        input=text(input_text),
        orchestrationInstance=pb.OrchestrationInstance(
            instanceId=instance_id, executionId=text(execution_id)
        ),
        parentInstance=parent,
        parentTraceContext=pb.TraceContext.FromString(parent_trace) if parent_trace else None,
        scheduledStartTimestamp=None if scheduled_at is None else timestamp(scheduled_at),
        tags=dict(tags),
    )
    return event(now, executionStarted=started)


def execution_completed(
    now: int, status: int, output: str | None, failure: pb.TaskFailureDetails | None
) -> bytes:
    """The last event of an execution."""
    completed = pb.ExecutionCompletedEvent(
        orchestrationStatus=pb.OrchestrationStatus.Name(status), result=text(output), failureDetails=failure
    )
    return event(now, executionCompleted=completed)


def execution_terminated(now: int, output: str | None, recurse: bool) -> bytes:
    """The instance was ended from outside."""
    return event(now, executionTerminated=pb.ExecutionTerminatedEvent(input=text(output), recurse=recurse))


def execution_suspended(now: int, reason: str | None) -> bytes:
    """The instance stopped taking events."""
    return event(now, executionSuspended=pb.ExecutionSuspendedEvent(input=text(reason)))


def execution_resumed(now: int, reason: str | None) -> bytes:
    """The instance takes events again."""
    return event(now, executionResumed=pb.ExecutionResumedEvent(input=text(reason)))


def event_raised(now: int, name: str, data: str | None) -> bytes:
    """An external event."""
    return event(now, eventRaised=pb.EventRaisedEvent(name=name, input=text(data)))


def task_completed(now: int, task_id: int, result: StringValue | None) -> bytes:
    """An activity's result."""
    return event(now, taskCompleted=pb.TaskCompletedEvent(taskScheduledId=task_id, result=result))


def task_failed(now: int, task_id: int, failure: pb.TaskFailureDetails) -> bytes:
    """An activity's failure."""
    return event(now, taskFailed=pb.TaskFailedEvent(taskScheduledId=task_id, failureDetails=failure))


def child_completed(now: int, task_id: int, output: str | None) -> bytes:
    """A sub-orchestration's result."""
    done = pb.SubOrchestrationInstanceCompletedEvent(taskScheduledId=task_id, result=text(output))
    return event(now, subOrchestrationInstanceCompleted=done)


def child_failed(now: int, task_id: int, failure: pb.TaskFailureDetails) -> bytes:
    """A sub-orchestration's failure, termination included."""
    failed = pb.SubOrchestrationInstanceFailedEvent(taskScheduledId=task_id, failureDetails=failure)
    return event(now, subOrchestrationInstanceFailed=failed)


def timer_fired(now: int, timer_id: int, fire_at: Timestamp) -> bytes:
    """A timer reached its time."""
    return event(now, timerFired=pb.TimerFiredEvent(timerId=timer_id, fireAt=fire_at))


def operation_signaled(now: int, request_id: str, operation: str, data: str | None, target: str) -> bytes:
    """An entity operation nobody waits for."""
    signal = pb.EntityOperationSignaledEvent(
        requestId=request_id, operation=operation, input=text(data), targetInstanceId=text(target)
    )
    return event(now, entityOperationSignaled=signal)


def operation_completed(now: int, request_id: str, output: StringValue | None) -> bytes:
    """The result of a called entity operation."""
    done = pb.EntityOperationCompletedEvent(requestId=request_id, output=output)
    return event(now, entityOperationCompleted=done)


def operation_failed(now: int, request_id: str, failure: pb.TaskFailureDetails) -> bytes:
    """The failure of a called entity operation."""
    failed = pb.EntityOperationFailedEvent(requestId=request_id, failureDetails=failure)
    return event(now, entityOperationFailed=failed)


def lock_granted(now: int, section: str) -> bytes:
    """All entities of a critical section are locked."""
    return event(now, entityLockGranted=pb.EntityLockGrantedEvent(criticalSectionId=section))


def failure(error_type: str, message: str, *, retriable: bool = False) -> pb.TaskFailureDetails:
    """Failure details in the hub's own words."""
    return pb.TaskFailureDetails(errorType=error_type, errorMessage=message, isNonRetriable=not retriable)


def clipped(details: pb.TaskFailureDetails, most_bytes: int) -> pb.TaskFailureDetails:
    """The failure, with message and stack trace cut and causes dropped when it is larger than that."""
    if details.ByteSize() <= most_bytes:
        return details
    letters = most_bytes // 16
    short = pb.TaskFailureDetails(
        errorType=details.errorType[:letters],
        errorMessage=details.errorMessage[:letters],
        isNonRetriable=details.isNonRetriable,
    )
    if details.HasField("stackTrace"):
        short.stackTrace.value = details.stackTrace.value[:letters]
    return short

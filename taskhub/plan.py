"""What one orchestrator turn changes: what is recorded, put to work, sent, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events


@dataclass(frozen=True, slots=True)
class ActivityDraft:
    """An activity to run; ``request`` is a serialised ActivityRequest."""

    task_id: int
    name: str
    version: str | None
    request: bytes


@dataclass(frozen=True, slots=True)
class TimerDraft:
    """A timer to keep; ``event`` is the timerFired event to deliver."""

    due: int
    event: bytes


@dataclass(frozen=True, slots=True)
class ChildDraft:
    """A sub-orchestration to start."""

    task_id: int
    instance_id: str
    name: str
    version: str | None
    input: str | None
    trace: bytes | None
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An external event for another instance."""

    instance_id: str
    event: bytes


class MessageKind(IntEnum):
    """What an orchestration says to an entity; also the kind of a stored operation."""

    SIGNAL = 0
    CALL = 1
    LOCK = 2
    UNLOCK = 3


@dataclass(frozen=True, slots=True)
class EntityMessage:
    """One message to an entity; ``due`` is set for a delayed signal, ``section`` for locks."""

    kind: MessageKind
    entity_id: str
    event: bytes
    due: int | None = None
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Termination:
    """Another instance to end."""

    instance_id: str
    reason: str | None
    recurse: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """The execution ended."""

    status: int
    output: str | None
    failure: pb.TaskFailureDetails | None


@dataclass(frozen=True, slots=True)
class ContinuedAsNew:
    """The execution starts over with a new input and the events it had not taken."""

    input: str | None
    version: str | None
    carryover: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Rewound:
    """The failed execution goes back to its last good state."""

    history: tuple[pb.HistoryEvent, ...]


@dataclass(slots=True)
class TurnPlan:
    """Everything one turn changes, in the order the orchestrator asked for it."""

    history: list[bytes] = field(default_factory=list)
    activities: list[ActivityDraft] = field(default_factory=list)
    timers: list[TimerDraft] = field(default_factory=list)
    children: list[ChildDraft] = field(default_factory=list)
    raised: list[EventDraft] = field(default_factory=list)
    messages: list[EntityMessage] = field(default_factory=list)
    terminations: list[Termination] = field(default_factory=list)
    to_self: list[bytes] = field(default_factory=list)
    outcome: Finished | ContinuedAsNew | Rewound | None = None
    refusal: pb.TaskFailureDetails | None = None
    """Why the turn cannot be taken as it is, when no answer could tell the orchestrator."""


def draft_activity(
    task_id: int,
    task: pb.ScheduleTaskAction | pb.TaskScheduledEvent,
    owner: pb.OrchestrationInstance,
    trace: pb.TraceContext | None,
) -> ActivityDraft:
    """The activity that a task asks for, as its orchestrator scheduled it or as its history has it."""
    request = pb.ActivityRequest(
        name=task.name,
        version=task.version if task.HasField("version") else None,
        input=task.input if task.HasField("input") else None,
        orchestrationInstance=owner,
        taskId=task_id,
        parentTraceContext=trace,
        tags=dict(task.tags),
    )
    version = events.optional(task, "version")
    return ActivityDraft(task_id, task.name, version, request.SerializeToString())

"""An instance's history as lines a person can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import events
from taskhub.statuses import status_name

SHOWN_CHARACTERS = 240
_FRAMES = frozenset({"orchestratorStarted", "orchestratorCompleted"})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: when (microseconds), in which turn, what, and the data that came with it."""

    at: int
    turn: int
    what: str
    data: str = ""


def tell(history: Iterable[pb.HistoryEvent]) -> Iterator[Line]:
    """The readable lines of a history; the frame around each turn shows only as the turn's number."""
    teller = _Teller()
    turn = 0
    for event in history:
        kind = event.WhichOneof("eventType") or "unknown"
        turn += kind == "orchestratorStarted"
        if kind not in _FRAMES:
            what, data = teller.describe(kind, event)
            yield Line(events.micros(event.timestamp), turn, shorten(what), shorten(data))


def shorten(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """At most ``limit`` characters, on one line, none of which could command a terminal."""
    words = " ".join(text[: limit * 4].split())
    line = "".join(letter if letter.isprintable() else "\ufffd" for letter in words)
    return line if len(line) <= limit else line[: limit - 1] + "…"


class _Teller:
    """Remembers the names behind task ids, so that an answer can say what it answers."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._requests: dict[str, str] = {}

    def describe(self, kind: str, event: pb.HistoryEvent) -> tuple[str, str]:
        """What happened, and its data."""
        body = getattr(event, kind, None)
        tell_it = _TELLERS.get(kind)
        return tell_it(self, event, body) if tell_it and body is not None else (kind, "")

    def name(self, task_id: int) -> str:
        """The name of what was scheduled under this id."""
        return f"{self._names.get(task_id, 'something')} (#{task_id})"

    def request(self, request_id: str) -> str:
        """The entity operation asked for under this id."""
        return self._requests.get(request_id, "an entity operation")

    def scheduled(self, task_id: int, what: str) -> str:
        """Remember and return the name of something that was scheduled."""
        self._names[task_id] = what
        return self.name(task_id)

    def called(self, body: Any) -> str:
        """Remember and return an entity operation."""
        target = body.targetInstanceId.value if body.HasField("targetInstanceId") else "an entity"
        what = self._requests[body.requestId] = f"{body.operation} on {target}"
        return what


Tell = Callable[[_Teller, Any, Any], tuple[str, str]]


def _text(body: Any, field: str) -> str:
    return events.optional(body, field) or ""


def _failure(body: Any) -> str:
    details = body.failureDetails
    return f"{details.errorType}: {details.errorMessage}" if details.errorType else details.errorMessage


def _execution_started(_: _Teller, __: Any, body: Any) -> tuple[str, str]:
    version = f" {body.version.value}" if body.HasField("version") and body.version.value else ""
    parent = body.parentInstance.orchestrationInstance.instanceId if body.HasField("parentInstance") else ""
    return f"{body.name}{version} started" + (f" by {parent}" if parent else ""), _text(body, "input")


def _execution_completed(_: _Teller, __: Any, body: Any) -> tuple[str, str]:
    data = _failure(body) if body.HasField("failureDetails") else _text(body, "result")
    return f"ended: {status_name(body.orchestrationStatus)}", data


def _when(stamp: Any) -> str:
    return str(stamp.ToJsonString())


_TELLERS: dict[str, Tell] = {
    "executionStarted": _execution_started,
    "executionCompleted": _execution_completed,
    "executionTerminated": lambda _, __, b: ("terminated", _text(b, "input")),
    "executionSuspended": lambda _, __, b: ("suspended", _text(b, "input")),
    "executionResumed": lambda _, __, b: ("resumed", _text(b, "input")),
    "executionRewound": lambda _, __, b: ("rewound", _text(b, "reason")),
    "continueAsNew": lambda _, __, b: ("continued as new", _text(b, "input")),
    "taskScheduled": lambda t, e, b: (
        f"activity {t.scheduled(e.eventId, b.name)} scheduled",
        _text(b, "input"),
    ),
    "taskCompleted": lambda t, _, b: (
        f"activity {t.name(b.taskScheduledId)} completed",
        _text(b, "result"),
    ),
    "taskFailed": lambda t, _, b: (f"activity {t.name(b.taskScheduledId)} failed", _failure(b)),
    "timerCreated": lambda t, e, b: (f"{t.scheduled(e.eventId, 'timer')} set for {_when(b.fireAt)}", ""),
    "timerFired": lambda t, _, b: (f"{t.name(b.timerId)} fired", ""),
    "subOrchestrationInstanceCreated": lambda t, e, b: (
        f"sub-orchestration {t.scheduled(e.eventId, b.name)} started as {b.instanceId}",
        _text(b, "input"),
    ),
    "subOrchestrationInstanceCompleted": lambda t, _, b: (
        f"sub-orchestration {t.name(b.taskScheduledId)} completed",
        _text(b, "result"),
    ),
    "subOrchestrationInstanceFailed": lambda t, _, b: (
        f"sub-orchestration {t.name(b.taskScheduledId)} failed",
        _failure(b),
    ),
    "eventRaised": lambda _, __, b: (f"event '{b.name}' received", _text(b, "input")),
    "eventSent": lambda _, __, b: (f"event '{b.name}' sent to {b.instanceId}", _text(b, "input")),
    "entityOperationSignaled": lambda t, _, b: (f"signalled {t.called(b)}", _text(b, "input")),
    "entityOperationCalled": lambda t, _, b: (f"called {t.called(b)}", _text(b, "input")),
    "entityOperationCompleted": lambda t, _, b: (f"{t.request(b.requestId)} answered", _text(b, "output")),
    "entityOperationFailed": lambda t, _, b: (f"{t.request(b.requestId)} failed", _failure(b)),
    "entityLockRequested": lambda _, __, b: (f"lock requested on {', '.join(b.lockSet)}", ""),
    "entityLockGranted": lambda _, __, ___: ("lock granted", ""),
    "entityUnlockSent": lambda _, __, b: (f"lock on {_text(b, 'targetInstanceId')} released", ""),
    "genericEvent": lambda _, __, b: ("note", _text(b, "data")),
}

"""What each event of a record changed: status, attempt, risk, holder and the like, old and new."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime

from casework import events as ev
from casework.errors import TransitionError
from casework.transitions import Status, next_status


@dataclass(frozen=True, slots=True)
class Standing:
    """How a case stands, as far as its record tells. Risk and deadline are the last ones known."""

    status: Status | None = None
    attempt: int | None = None
    risk: float | None = None
    action: str | None = None
    claim: str | None = None
    deadline: datetime | None = None
    deferred: datetime | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One thing an event changed."""

    what: str
    old: object
    new: object


def history(events: Iterable[ev.CaseEvent]) -> Iterator[tuple[ev.CaseEvent, tuple[Change, ...]]]:
    """Every event with what it changed; a record that begins in the middle changes from the unknown."""
    before = Standing()
    for event in events:
        after = after_event(before, event)
        yield event, differences(before, after)
        before = after


def differences(before: Standing, after: Standing) -> tuple[Change, ...]:
    """What differs between two standings, in the order of their fields."""
    pairs = ((field.name, getattr(before, field.name), getattr(after, field.name)) for field in fields(after))
    return tuple(Change(name, old, new) for name, old, new in pairs if old != new)


def after_event(before: Standing, event: ev.CaseEvent) -> Standing:  # noqa: PLR0911 (one per kind)
    """How the case stands after one more event."""
    moved = replace(before, status=_status(before.status, event.body))
    match event.body:
        case ev.InvestigationStarted(attempt=attempt):
            return replace(moved, attempt=attempt)
        case ev.AssessmentRecorded(assessment=made):
            return replace(moved, risk=made.risk, action=made.recommended_action)
        case ev.ReviewRequested(deadline=deadline):
            return replace(moved, deadline=deadline)
        case ev.Claimed():
            return replace(moved, claim=event.actor.label)
        case ev.Released():
            return replace(moved, claim=None)
        case ev.Escalated():
            return replace(moved, claim=None, deferred=None)
        case ev.Deferred(until=until):
            return replace(moved, claim=None, deferred=until)
        case ev.DeferralEnded():
            return replace(moved, deferred=None)
        case ev.TagsChanged(added=added, removed=removed):
            return replace(moved, tags=tuple(sorted({*moved.tags, *added} - {*removed})))
        case ev.DecisionSubmitted(decision=decision) if decision.action is not None:
            return replace(moved, action=decision.action)
        case ev.CaseClosed(action=action):
            return replace(moved, claim=None, action=action or moved.action)
        case _:
            return moved


def _status(status: Status | None, body: ev.EventBody) -> Status | None:
    """The status after an event; unknown once the record does not say where it began."""
    try:
        return next_status(status, body)
    except TransitionError:
        return status

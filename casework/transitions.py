"""Which event may happen to a case in which status, and the status it leads to. A table, read by all."""

from enum import StrEnum

from casework.decision import Stage
from casework.errors import TransitionError
from casework.events import EventBody, ReviewRequested


class Status(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    ASSESSED = "assessed"
    AWAITING_REVIEW = "awaiting_review"
    AWAITING_SECOND = "awaiting_second"
    ESCALATED = "escalated"
    DECIDED = "decided"
    HELD = "held"
    WITHDRAWN = "withdrawn"
    EXECUTING = "executing"
    CLOSED = "closed"


AWAITING = frozenset({Status.AWAITING_REVIEW, Status.AWAITING_SECOND, Status.ESCALATED})
"""The statuses in which a person is asked to decide."""

ANY_TIME = frozenset({"note_added", "tags_changed", "order_refused"})
"""May happen in every status, and changes none."""

WHILE_OPEN = frozenset({"claimed", "released", "deferral_ended", "notification_sent"})
"""May happen until the case is closed, and changes no status."""

_REVIEW_STATUS = {
    Stage.ANALYST: Status.AWAITING_REVIEW,
    Stage.SECOND: Status.AWAITING_SECOND,
    Stage.SENIOR: Status.ESCALATED,
}

_TABLE: dict[tuple[Status | None, str], Status] = {
    (None, "opened"): Status.OPEN,
    (Status.OPEN, "investigation_started"): Status.INVESTIGATING,
    (Status.INVESTIGATING, "tool_called"): Status.INVESTIGATING,
    (Status.INVESTIGATING, "finding_recorded"): Status.INVESTIGATING,
    (Status.INVESTIGATING, "assessment_recorded"): Status.ASSESSED,
    (Status.ASSESSED, "closed"): Status.CLOSED,
    (Status.AWAITING_REVIEW, "deferred"): Status.AWAITING_REVIEW,
    (Status.AWAITING_SECOND, "deferred"): Status.AWAITING_SECOND,
    (Status.ESCALATED, "deferred"): Status.ESCALATED,
    (Status.AWAITING_REVIEW, "decision_submitted"): Status.DECIDED,
    (Status.AWAITING_REVIEW, "escalated"): Status.ESCALATED,
    (Status.AWAITING_SECOND, "decision_submitted"): Status.DECIDED,
    (Status.AWAITING_SECOND, "escalated"): Status.ESCALATED,
    (Status.ESCALATED, "decision_submitted"): Status.DECIDED,
    (Status.ESCALATED, "closed"): Status.CLOSED,
    (Status.DECIDED, "decision_applied"): Status.DECIDED,
    (Status.DECIDED, "hold_started"): Status.HELD,
    (Status.DECIDED, "investigation_started"): Status.INVESTIGATING,
    (Status.DECIDED, "escalated"): Status.ESCALATED,
    (Status.HELD, "decision_withdrawn"): Status.WITHDRAWN,
    (Status.HELD, "action_started"): Status.EXECUTING,
    (Status.EXECUTING, "action_executed"): Status.EXECUTING,
    (Status.EXECUTING, "action_failed"): Status.EXECUTING,
    (Status.EXECUTING, "action_reversed"): Status.EXECUTING,
    (Status.EXECUTING, "escalated"): Status.ESCALATED,
    (Status.EXECUTING, "closed"): Status.CLOSED,
    (Status.CLOSED, "reversal_ordered"): Status.CLOSED,
    (Status.CLOSED, "action_reversed"): Status.CLOSED,
}

_REVIEWS_FROM = {
    Status.AWAITING_REVIEW: frozenset({Status.ASSESSED, Status.DECIDED, Status.WITHDRAWN}),
    Status.AWAITING_SECOND: frozenset({Status.DECIDED, Status.WITHDRAWN}),
    Status.ESCALATED: frozenset({Status.ESCALATED, Status.WITHDRAWN}),
}


def next_status(status: Status | None, body: EventBody) -> Status:
    """The status after an event. Raises TransitionError when the event is not possible now."""
    if isinstance(body, ReviewRequested):
        target = _REVIEW_STATUS[body.stage]
        if status in _REVIEWS_FROM[target]:
            return target
    elif status is not None and _changes_nothing(status, body.type):
        return status
    elif body.type == "closed" and body.outcome == "failed" and status not in (None, Status.CLOSED):
        return Status.CLOSED
    elif (found := _TABLE.get((status, body.type))) is not None:
        return found
    raise TransitionError(f"{body.type} is not possible while the case is {status or 'not opened'}")


def allowed(status: Status) -> frozenset[str]:
    """The types of event that may happen next."""
    from_table = {kind for (source, kind) in _TABLE if source is status}
    reviews = {"review_requested"} if any(status in sources for sources in _REVIEWS_FROM.values()) else set()
    return frozenset(from_table | reviews | ANY_TIME | (WHILE_OPEN if status is not Status.CLOSED else set()))


def _changes_nothing(status: Status, kind: str) -> bool:
    return kind in ANY_TIME or (kind in WHILE_OPEN and status is not Status.CLOSED)

"""The words in which a row says where its case stands: shown by screens, understood by filters. Pure."""

from collections.abc import Mapping

from casework.transitions import AWAITING, Status

STATUS_WORDS: Mapping[Status, str] = {
    Status.OPEN: "opened",
    Status.INVESTIGATING: "agents",
    Status.ASSESSED: "assessed",
    Status.AWAITING_REVIEW: "decide",
    Status.AWAITING_SECOND: "decide 2nd",
    Status.ESCALATED: "decide senior",
    Status.DECIDED: "decided",
    Status.HELD: "held",
    Status.WITHDRAWN: "withdrawn",
    Status.EXECUTING: "executing",
    Status.CLOSED: "closed",
}

DEFERRED = "deferred"
"""Shown in place of the status while a case is deferred."""

TRY = "try"
BACK = "back"
"""Shown behind what is asked: the attempt after a rejection as `try 2`, a case that was put off as `back`."""


STATUS_GROUPS: Mapping[str, frozenset[Status]] = {
    "open": frozenset(Status) - {Status.CLOSED},
    "waiting": AWAITING,
    "decide": AWAITING,
    "working": frozenset({Status.OPEN, Status.INVESTIGATING, Status.ASSESSED}),
    "closed": frozenset({Status.CLOSED}),
}
"""Names for several statuses at once; they win over the status of the same name."""


def as_words(name: str) -> str:
    """A machine name as it is shown: auto_cleared becomes auto cleared."""
    return name.replace("_", " ")

"""How a closed case ended, in the words a row has room for: shown by screens, found by filters. Pure."""

from collections.abc import Mapping

from casework.action import Action
from casework.events import Outcome
from casework.status_words import as_words
from casework.transitions import Status
from casework.views import CaseSummary

VERBS = ("approved", "escalated", "rejected")
"""With one of them the words about a decision go on after the name of who made it."""
UNDONE = "undone"
PART_UNDONE = "part undone"

_DONE: Mapping[Action, str] = {
    Action.LOCK_ACCOUNT: "locked",
    Action.REFUND_CHARGES: "refunded",
    Action.BOTH: "locked+refund",
}


def decider(words: str) -> str:
    """Who decided, by the words about it; empty when they do not say."""
    for verb in VERBS:
        who, found, _ = words.partition(f" {verb}")
        if found:
            return who
    return ""


def undone_text(row: CaseSummary) -> str:
    """That what was done is no more, or part of it; empty while all of it stands."""
    if row.undone is None or not row.undone.done:
        return ""
    return UNDONE if row.undone.whole else PART_UNDONE


def ending(row: CaseSummary) -> str:
    """What became of a closed case: locked, refunded, cleared, undone and the like."""
    if row.status is not Status.CLOSED:
        return ""
    taken = _DONE.get(row.action_taken) if row.action_taken and row.outcome is Outcome.ACTIONED else None
    return undone_text(row) or taken or as_words(row.outcome or "closed")


def ended_by(row: CaseSummary) -> str:
    """Whose word it was that a closed case ended with: of one that was undone, who ordered that."""
    if row.status is not Status.CLOSED:
        return ""
    if row.undone is not None and row.undone.done:
        return row.undone.name
    return "policy" if row.outcome is Outcome.AUTO_CLEARED else decider(row.decided or "") or "nobody"

"""What is on its way to the server and not recorded yet, as a line under the status."""

from datetime import datetime, timedelta

from console.format import plural, span
from console.lines import Line, outside, said
from console.state import ConsoleState, PendingDecision

TOLD_AFTER = timedelta(seconds=1)
"""The list stays where it is for an answer that comes at once."""


def on_this_case(state: ConsoleState, case_id: str) -> Line | None:
    """That the decision on this case, alone or with others, is on its way; None when none is."""
    mine = next((one for one in state.pending.values() if case_id in one.case_ids), None)
    if mine is None:
        return None
    others = len(mine.case_ids) - 1
    besides = f" and {plural(others, 'other')}" if others else ""
    return (*said(f" SENDING the decision{besides}, not recorded yet", "warn"), *_stuck(mine))


def from_the_queue(state: ConsoleState, now: datetime) -> Line | None:
    """How many decisions have been on their way for a while; None while a sign-in must come first."""
    late = [one for one in state.pending.values() if now - one.sent_at >= TOLD_AFTER]
    if not late or state.sign_in is not None:
        return None
    count = plural(len(state.sending), "decision")
    waited = span((now - late[0].sent_at).total_seconds())
    stuck = next((one for one in late if one.reason), late[0])
    return (*said(f" SENDING {count} for {waited}, not recorded yet", "warn"), *_stuck(stuck))


def _stuck(pending: PendingDecision) -> Line:
    """How often it was tried, and why that failed; nothing while the first try is under way."""
    if not pending.reason:
        return ()
    tries = "1 try" if pending.tries == 1 else f"{pending.tries} tries"
    return (*said(f", {tries}: ", "warn"), outside(pending.reason, "warn"))

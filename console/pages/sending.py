"""What is on its way to the server and not recorded yet, as a line under the status."""

from collections.abc import Collection
from datetime import datetime, timedelta

from console.format import listed, plural, span
from console.lines import Line, outside, said
from console.state import ConsoleState, OnItsWay

TOLD_AFTER = timedelta(seconds=1)
"""The list stays where it is for an answer that comes at once."""


def on_this_case(state: ConsoleState, case_id: str) -> Line | None:
    """That something for this case, alone or with others, is on its way; None when nothing is."""
    mine = next((one for one in state.pending.values() if case_id in one.case_ids), None)
    if mine is None:
        return None
    others = len(mine.case_ids) - 1
    besides = f" and {plural(others, 'other')}" if others else ""
    return (*said(f" SENDING the {mine.what}{besides}, not recorded yet", "warn"), *_stuck(mine))


def from_the_queue(state: ConsoleState, now: datetime) -> Line | None:
    """How much has been on its way for a while; None while a sign-in must come first."""
    late = [one for one in state.pending.values() if now - one.sent_at >= TOLD_AFTER]
    if not late or state.sign_in is not None:
        return None
    waited = span((now - late[0].sent_at).total_seconds())
    stuck = next((one for one in late if one.reason), late[0])
    going = counted(state.pending.values())
    return (*said(f" SENDING {going} for {waited}, not recorded yet", "warn"), *_stuck(stuck))


def counted(pending: Collection[OnItsWay]) -> str:
    """How much of which kind is on its way: 3 decisions and 1 note."""
    counts: dict[str, int] = {}
    for one in pending:
        counts[one.what] = counts.get(one.what, 0) + len(one.case_ids)
    return listed([plural(count, what) for what, count in counts.items()])


def _stuck(pending: OnItsWay) -> Line:
    """How often it was tried, and why that failed; nothing while the first try is under way."""
    if not pending.reason:
        return ()
    tries = "1 try" if pending.tries == 1 else f"{pending.tries} tries"
    return (*said(f", {tries}: ", "warn"), outside(pending.reason, "warn"))

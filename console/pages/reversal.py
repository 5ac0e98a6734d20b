"""What can be undone of a closed case, and what undoing it does, in words."""

from collections.abc import Sequence

from casework.action import ActionReceipt
from casework.actor import Actor, Role
from casework.case import Case
from casework.transitions import Status
from console.format import clean, day_and_time, words
from console.lines import Line, Span
from console.pages.sheet import Sheet


def undoable(case: Case) -> Sequence[ActionReceipt]:
    """The executed steps that were not undone yet; none while the case is not closed."""
    if case.status is not Status.CLOSED:
        return ()
    return tuple(receipt for receipt in case.receipts if receipt.action_id not in case.reversed_actions)


def reversal(case: Case, receipt: ActionReceipt, me: Actor | None, sheet: Sheet) -> list[Line]:
    """What was done, and what will be done to undo it."""
    lines: list[Line] = [
        (Span(clean(case.case_id), "strong"), Span(f"  customer {case.alert.customer_id}")),
        (
            Span("  done    ", "dim"),
            Span(f"{words(receipt.step)} at {day_and_time(receipt.executed_at)}, {clean(receipt.reference)}"),
        ),
        (Span("  undo    ", "dim"), Span(words(receipt.step.inverse), "strong"), Span(", at once")),
    ]
    if me is not None and (me.role is None or not me.role.includes(Role.SENIOR)):
        lines += sheet.text(f"This needs the role senior; you are {me.role or 'without one'}.", "", "bad")
    return lines

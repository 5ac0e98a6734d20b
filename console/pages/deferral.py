"""What deferring many cases would do, before it is done: until when, how many, and which are due before."""

from collections.abc import Sequence
from datetime import datetime

from casework.views import CaseSummary
from console.format import clean, day_and_time, plural
from console.format import until as said_until
from console.lines import BLANK, Line, Span
from console.pages.sheet import Sheet

MOST_OF_WHY = 3


def deferral_of_many(
    rows: Sequence[CaseSummary], until: datetime, reason: str, sheet: Sheet
) -> Sequence[Line]:
    """The time that is meant, then the cases that the server would refuse, then those it would take."""
    refused = [row for row in rows if not _deferrable(row, until)]
    deferred = [row for row in rows if _deferrable(row, until)]
    lines = [*sheet.text(f"until {said_until(until, sheet.now)}", "", "strong")]
    if reason:
        lines += sheet.text(f"why: {reason}", "", "dim")[:MOST_OF_WHY]
    if refused:
        told = f"{plural(len(refused), 'case')} would be refused: due before that, or not waiting"
        lines += [BLANK, *sheet.text(told, "", "bad"), *map(_refused, refused)]
    if deferred:
        told = f"{plural(len(deferred), 'case')} deferred"
        lines += [BLANK, sheet.heading(told), *((Span(f"  {clean(row.case_id)}"),) for row in deferred)]
    return lines


def _deferrable(row: CaseSummary, until: datetime) -> bool:
    return row.stage is not None and row.deadline is not None and until < row.deadline


def _refused(row: CaseSummary) -> Line:
    due = f"due {day_and_time(row.deadline)}" if row.stage and row.deadline else "waits for no decision"
    return (Span(f"  {clean(row.case_id)}", "warn"), Span(f"  {due}", "dim"))

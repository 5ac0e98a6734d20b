"""Which cases a key is about when some are marked: those out of sight, and not the one under the cursor."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from casework.views import CaseSummary
from console.format import clean, plural
from console.lines import Line
from console.pages.sheet import Sheet

MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Sight:
    """What was in sight when a key was pressed: the marked cases that were not, and the cursor's case."""

    hidden: Collection[str] = ()
    cursor: str | None = None


def counted(rows: Sequence[CaseSummary], sight: Sight) -> str:
    """How many cases, for a title: also how many of them the list does not show."""
    if not (hidden := len(_hidden(rows, sight))):
        return plural(len(rows), "case")
    some = "" if hidden == len(rows) else f"{hidden} "
    return f"{plural(len(rows), 'marked case')}, {some}not listed here"


def in_sight(rows: Sequence[CaseSummary], sight: Sight) -> str:
    """The same for a message, by name; empty where all of them are listed."""
    hidden = _hidden(rows, sight)
    named = ", ".join(hidden[:MOST_NAMED]) + (", ..." if len(hidden) > MOST_NAMED else "")
    return f"{counted(rows, sight)}: {named}" if hidden else ""


def beside_the_cursor(rows: Sequence[CaseSummary], sight: Sight, sheet: Sheet) -> list[Line]:
    """Which of the cases are not listed, and that the one under the cursor is not among them.

    The latter only where it could be overlooked: after marking several that are listed the cursor is always
    on the one below.
    """
    hidden = in_sight(rows, sight)
    lines = sheet.text(hidden, "", "warn") if hidden else []
    overlooked = bool(hidden) or len(rows) == 1
    if overlooked and sight.cursor is not None and all(row.case_id != sight.cursor for row in rows):
        lines += sheet.text(f"not the case under the cursor, {clean(sight.cursor)}", "", "warn")
    return lines


def _hidden(rows: Sequence[CaseSummary], sight: Sight) -> list[str]:
    return [clean(row.case_id) for row in rows if row.case_id in sight.hidden]

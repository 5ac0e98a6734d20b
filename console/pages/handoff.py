"""The handover as a page of plain lines, and as Markdown."""

from collections.abc import Sequence

from casework.views import CaseSummary
from console.format import clean, day_and_time, plural, words
from console.handoff import Handoff
from console.lines import BLANK, Line, Span, said
from console.markdown import escaped, table
from console.pages.listing import TITLES, listing, texts
from console.pages.sheet import Sheet

Section = tuple[str, Sequence[CaseSummary]]


def _title(found: Handoff) -> str:
    return f"Handover by {found.operator.label}, {found.environment}, {day_and_time(found.at)}"


def _counts(found: Handoff) -> str:
    counted = ", ".join(f"{words(status)} {count:,}" for status, count in found.by_status.items())
    return f"Cases: {counted or 'none'}."


def _since(found: Handoff) -> str:
    how = {
        "given": "",
        "last login": ", when this shift began",
        "no login known": "; no earlier shift is known",
    }
    older = [row for row in found.changed if row.opened_at < found.since]
    moved = sum(row.closed_at is None for row in older)
    return (
        f"Since {day_and_time(found.since)}{how[found.since_is]}: "
        f"{plural(len(found.changed), 'case')} changed, "
        f"{found.opened} new, {found.closed} closed, {moved} older ones moved on."
    )


def _sections(found: Handoff) -> list[Section]:
    return [
        (f"Claimed by {found.operator.label}", found.claimed),
        ("Due in 12 hours", found.due),
        ("Decided, not in force yet", found.held),
        ("Changed", found.changed),
    ]


def _cut(found: Handoff) -> str:
    return "" if found.whole else "There are more cases than were looked at; the lists are not whole."


def handoff_page(found: Handoff, sheet: Sheet, width: int | None) -> list[Line]:
    """The handover for a terminal or a pipe."""
    lines: list[Line] = [said(clean(_title(found)), "heading"), said(_counts(found)), said(_since(found))]
    if cut := _cut(found):
        lines.append(said(cut, "warn"))
    for title, rows in _sections(found):
        lines += [BLANK, said(f"{clean(title)}: {plural(len(rows), 'case')}", "heading")]
        lines += listing(rows, sheet, width) if rows else []
        lines += [
            (Span(f"{clean(row.case_id)}: "), *sheet.text(row.decided, "")[0]) for row in rows if row.decided
        ]
    return lines


def handoff_markdown(found: Handoff, sheet: Sheet) -> list[str]:
    """The handover for a chat or a ticket; outside text cannot become markup in it."""
    lines = [f"# {escaped(_title(found))}", "", escaped(_counts(found)), "", escaped(_since(found))]
    if cut := _cut(found):
        lines += ["", f"**{cut}**"]
    for title, rows in _sections(found):
        lines += ["", f"## {escaped(title)}: {plural(len(rows), 'case')}", ""]
        if rows:
            cells = [[*texts(row, sheet), row.decided or ""] for row in rows]
            lines += table([*TITLES, "recorded"], cells)
        else:
            lines.append("None.")
    return lines

"""The panes beside the queue: a case in short, and what happened lately over all cases."""

from collections.abc import Sequence

from casework.views import CaseSummary
from console.format import clean, plural
from console.lines import BLANK, Line, said
from console.pages.case_head import head
from console.pages.case_sections import assessment_section
from console.pages.findings import findings_section
from console.pages.sheet import Sheet
from console.pages.status import telemetry_heading, telemetry_lines
from console.pages.timeline import timeline_section
from console.state import ConsoleState, OpenCase

FEWEST_ROWS = 2
"""A pane of fewer has no room to say that it is cut."""


def preview(row: CaseSummary, opened: OpenCase | None, sheet: Sheet) -> list[Line]:
    """The head of a case and, once it was read, why its risk is what it is and the findings."""
    lines = [*head(row, sheet), BLANK]
    if opened is None or opened.detail is None:
        reason = opened.error if opened else ""
        return [
            *lines,
            *(sheet.text(reason, "", "warn") if reason else [said("reading the case ...", "dim")]),
        ]
    return [
        *lines,
        *assessment_section(opened.detail, opened.events, sheet),
        BLANK,
        *findings_section(opened.detail, sheet),
    ]


def in_view(lines: Sequence[Line], height: int, sheet: Sheet) -> Sequence[Line]:
    """As much of a preview as its pane has rows for; if it is cut, how much more there is, and where."""
    if len(lines) <= height or height < FEWEST_ROWS:
        return lines
    more = plural(len(lines) - height + 1, "more line")
    return [*lines[: height - 1], said(f"... {more}: {sheet.key('open')} opens it", "warn")]


def recent(state: ConsoleState, opened: OpenCase | None, sheet: Sheet, height: int) -> list[Line]:
    """The record of the case under the cursor, its end first of all, and below it the telemetry as it flows.

    Telemetry takes a third, and what the record leaves over.
    """
    flowing = telemetry_lines(state.telemetry, sheet, max(2, height // 3 - 2))
    record: list[Line] = []
    if opened is not None and opened.detail is not None:
        record = _record(opened.detail.case.case_id, opened, sheet, height - len(flowing) - 2)
    left = max(2, height - len(record) - 2)
    flowing = telemetry_lines(state.telemetry, sheet, left)
    return [*record, BLANK, telemetry_heading(state.telemetry, sheet), *flowing]


def _record(case_id: str, opened: OpenCase, sheet: Sheet, rows: int) -> list[Line]:
    """The end of a case's timeline under its title, and how much of the beginning is left out."""
    lines, title = timeline_section(opened.events, sheet), sheet.heading(f"timeline of {clean(case_id)}")
    if len(lines) < rows:
        return [title, *lines]
    shown = max(1, rows - 2)
    before = plural(len(lines) - shown, "line")
    keys = f"{sheet.key('open')} {sheet.key('section_4')}"
    return [title, said(f"... {before} before: {keys} shows them", "warn"), *lines[-shown:]]

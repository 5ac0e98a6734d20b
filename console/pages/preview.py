"""The panes beside the queue: a case in short, and what happened lately over all cases."""

from casework.views import CaseSummary
from console.lines import BLANK, Line, said
from console.pages.case_head import head
from console.pages.case_sections import assessment_section
from console.pages.findings import findings_section
from console.pages.sheet import Sheet
from console.pages.status import telemetry_heading, telemetry_lines
from console.pages.timeline import timeline_section
from console.state import ConsoleState, OpenCase


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


def recent(state: ConsoleState, opened: OpenCase | None, sheet: Sheet, height: int) -> list[Line]:
    """The record of the case under the cursor, and below it the telemetry as it flows."""
    lines: list[Line] = []
    if opened is not None and opened.detail is not None:
        lines = timeline_section(opened.events, sheet)[-(height * 2 // 3) :]
    rest = max(2, height - len(lines) - 2)
    return [
        *lines,
        BLANK,
        telemetry_heading(state.telemetry, sheet),
        *telemetry_lines(state.telemetry, sheet, rest),
    ]

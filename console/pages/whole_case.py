"""A case as one page for the shell: what is always said, and what was asked for beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from casework.events import CaseEvent
from casework.views import CaseDetail
from console.lines import BLANK, Line
from console.pages.case_head import head
from console.pages.case_sections import assessment_section, tools_section
from console.pages.customer import customer_section
from console.pages.findings import findings_section
from console.pages.sheet import Sheet
from console.pages.timeline import timeline_section
from console.pages.trigger import trigger_section
from console.rings import found_in
from console.rows import with_other_cases


@dataclass(frozen=True, slots=True)
class Parts:
    """What to show beyond head, assessment, findings and what triggered the alert."""

    rows: bool = False
    tools: bool = False
    timeline: bool = False
    customer: bool = False


def whole_case(detail: CaseDetail, events: Sequence[CaseEvent], parts: Parts, sheet: Sheet) -> list[Line]:
    """The page, a blank line between its parts."""
    row = with_other_cases(detail.summary, found_in(detail))
    page = [*head(row, sheet), BLANK, *assessment_section(detail, events, sheet), BLANK]
    page += [*findings_section(detail, sheet, events, whole=parts.rows), BLANK]
    page += trigger_section(detail, events, sheet)
    if parts.customer:
        page += [BLANK, *customer_section(detail, sheet, whole=True)]
    if parts.tools:
        page += [BLANK, *tools_section(detail, events, sheet, whole=True)]
    if parts.timeline:
        page += [BLANK, *timeline_section(events, sheet)]
    return page

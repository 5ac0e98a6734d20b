"""Claims and the rows behind them, as text: verdicts in a mark and a word, rows as the tools gave them."""

import json
from collections.abc import Sequence

from casework.assessment import Contribution
from casework.citations import CitedRow, Verdict, cited, claims_of, returned_in
from casework.finding import RowRef
from casework.playbooks.rows import key_column
from casework.views import CaseDetail
from console.format import clean, plural
from console.lines import Line, Tone, said
from console.pages.sheet import Sheet, hanging

MOST_ROWS = 50
"""Rows shown behind one claim at most."""

VERDICTS: dict[Verdict, tuple[str, str, Tone]] = {
    Verdict.VERIFIED: ("+", "verified", "good"),
    Verdict.UNVERIFIED: ("!", "NOT VERIFIED", "warn"),
    Verdict.CONTRADICTED: ("x", "CONTRADICTED", "bad"),
    Verdict.NOT_EVALUABLE: ("?", "not evaluable", "warn"),
    Verdict.REMARK: ("-", "remark", "dim"),
}
"""A mark and a word for every verdict, so that none is told by colour alone."""


MOST_IDS = 6
LONG_ID = 8


def rows_text(rows: Sequence[RowRef]) -> str:
    """Cited rows by table, long lists cut with their number: SecurityLogs/41,42,43.

    Ids that are long stand apart, so that a line may end between them.
    """
    by_table: dict[str, list[str]] = {}
    for ref in rows:
        by_table.setdefault(clean(ref.table), []).append(clean(str(ref.row_id)))
    return " ".join(f"{table}/{_some(ids)}" for table, ids in by_table.items())


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else ""
    return (", " if len(ids[0]) > LONG_ID else ",").join(ids[:MOST_IDS]) + more


def contribution_rows(detail: CaseDetail, line: Contribution, sheet: Sheet) -> list[Line]:
    """The rows behind a line of the score."""
    attempt = detail.case.attempt
    for finding in detail.findings:
        if (finding.specialist, finding.attempt) == (line.specialist, attempt):
            return cited_lines(cited(line.rows, returned_in(finding)), sheet)
    return []


def verified(detail: CaseDetail, line: Contribution) -> bool:
    """Whether a line of the score rests on rows that were returned; what the sum itself added is no claim."""
    found = (
        one.verdict
        for finding in detail.findings
        if (finding.specialist, finding.attempt) == (line.specialist, detail.case.attempt)
        for one in claims_of(finding)
        if one.claim.text == line.label and one.claim.rows == line.rows
    )
    return Verdict.UNVERIFIED not in found


def cited_lines(rows: Sequence[CitedRow], sheet: Sheet) -> list[Line]:
    """Rows as the tools returned them; one that none returned says so."""
    lines: list[Line] = []
    before: str | None = None
    for row in rows[:MOST_ROWS]:
        lines += _row(row, sheet, name_tool=row.tool != before)
        before = row.tool
    more = len(rows) - MOST_ROWS
    return [*lines, said(f"   ... {plural(more, 'more row')}", "warn")] if more > 0 else lines


def _row(row: CitedRow, sheet: Sheet, *, name_tool: bool) -> list[Line]:
    """A row with what it says; the tool is named where it is another one than for the row above."""
    lead = f"   {clean(str(row.ref))}  "
    if row.tool is None:
        return hanging(lead, "no tool returned this row", "warn", sheet, "accent")
    shown = (
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in row.fields.items()
        if value is not None and name != key_column(row.ref.table)
    )
    tool = [said(f"   from {clean(row.tool)}:", "dim")] if name_tool else []
    return [*tool, *hanging(lead, "  ".join(shown), "", sheet, "accent")]

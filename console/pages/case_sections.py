"""The sections of a case: the assessment, findings with their claims, tool calls, earlier cases."""

import json
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from casework.actor import Role
from casework.assessment import Assessment, Contribution
from casework.case import Case
from casework.events import CaseEvent, ToolCalled
from casework.finding import Claim, ClaimStatus, Finding, FindingStatus, RowRef, Specialist, ToolCall
from casework.views import CaseDetail
from console.format import clean, plural, points, risk_bar, risk_text
from console.lines import BLANK, Line, Span, Tone, outside, risk_tone, said
from console.pages.case_head import what_is_asked
from console.pages.rows import row
from console.pages.sheet import Sheet, hanging

SHORT_RESULT_LINES = 3
LONGEST_RESULT_LINES = 2000

_CLAIM: dict[ClaimStatus, tuple[str, Tone]] = {
    ClaimStatus.SUPPORTED: ("supported", "good"),
    ClaimStatus.UNSUPPORTED: ("NOT SUPPORTED", "warn"),
    ClaimStatus.CONTRADICTED: ("CONTRADICTED", "bad"),
    ClaimStatus.NOT_EVALUABLE: ("not evaluable", "warn"),
}
_FINDING: dict[FindingStatus, tuple[str, Tone]] = {
    FindingStatus.EVALUATED: ("evaluated", "good"),
    FindingStatus.CONTRADICTED: ("CONTRADICTS the alert", "bad"),
    FindingStatus.NOT_EVALUABLE: ("NOT EVALUABLE", "warn"),
}


def assessment_section(detail: CaseDetail, events: Sequence[CaseEvent], sheet: Sheet) -> list[Line]:
    """Why the risk is what it is, line by line; while the agents work, what they do."""
    case = detail.case
    if case.assessment is None:
        return progress_section(case, events, sheet)
    lines = [*what_is_asked(case, sheet), *_feedback(case, sheet)]
    return [*lines, *_score(case.assessment, sheet), *_reasoning(case.assessment, sheet)]


def _feedback(case: Case, sheet: Sheet) -> list[Line]:
    if not case.feedback:
        return []
    return [said("Rejected before, with this feedback:", "warn"), *sheet.text(case.feedback, "  ")]


def _score(assessment: Assessment, sheet: Sheet) -> list[Line]:
    lines = [sheet.heading("why this risk")]
    for line in assessment.contributions:
        lines += _contribution(line, sheet)
    if not assessment.contributions:
        lines.append(said("  no evidence added to the risk", "dim"))
    lines.append(said(f"  {assessment.evidence_risk:5.2f}  what the evidence weighs", "strong"))
    for floor in assessment.floors:
        said_already = floor.role is Role.ANALYST or floor.role in floor.reason
        who = "" if said_already else f", and a {floor.role} decides"
        lines += hanging(f"  {floor.minimum:5.2f}  ", f"floor: {floor.reason}{who}", "warn", sheet)
    total: Tone = risk_tone(assessment.risk)
    lines.append((Span(f"  {assessment.risk:5.2f}  ", total), Span(f"risk, {assessment.level}", total)))
    return lines


def _contribution(line: Contribution, sheet: Sheet) -> list[Line]:
    tone: Tone = "bad" if line.points > 0 else "good"
    cited = f"  [{rows_text(line.rows)}]" if line.rows else ""
    return hanging(f"  {points(line.points)}  ", f"{line.specialist}: {line.label}{cited}", "", sheet, tone)


def rows_text(rows: Sequence[RowRef]) -> str:
    """Cited rows by table, long lists cut with their number: SecurityLogs/41,42,43."""
    by_table: dict[str, list[str]] = {}
    for ref in rows:
        by_table.setdefault(clean(ref.table), []).append(clean(str(ref.row_id)))
    return " ".join(
        f"{table}/{','.join(ids[:6])}{f' and {len(ids) - 6} more' if len(ids) > 6 else ''}"
        for table, ids in by_table.items()
    )


def _reasoning(assessment: Assessment, sheet: Sheet) -> list[Line]:
    usage = assessment.usage
    lines = [sheet.heading("in words"), *sheet.text(assessment.reasoning)]
    lines += [said(f"DEGRADED: {clean(reason)}", "warn") for reason in assessment.degraded]
    made_by = f"by {clean(assessment.analyst)}, policy {assessment.policy_version}"
    if usage.input_tokens or usage.output_tokens:
        made_by += (
            f", {usage.input_tokens:,} tokens read, {usage.output_tokens:,} written, ${usage.cost_usd:.4f}"
        )
    return [*lines, BLANK, said(f"{made_by}, assessment {assessment.hash[:12]}", "dim")]


def progress_section(case: Case, events: Sequence[CaseEvent], sheet: Sheet) -> list[Line]:
    """The agents at work: each specialist, and every tool call as it happens."""
    lines = [*_feedback(case, sheet), sheet.heading(f"agents at work, attempt {max(1, case.attempt)}")]
    for specialist in Specialist:
        how = case.progress.get(specialist)
        calls = plural(how.tool_calls if how else 0, "tool call")
        if how and how.status:
            text, tone = _FINDING[how.status]
            lines.append(said(f"  {specialist:<9} {text}, risk {risk_text(how.risk).strip()}, {calls}", tone))
        else:
            last = f", last {clean(how.last_tool)}" if how and how.last_tool else ""
            lines.append(said(f"  {specialist:<9} working, {calls}{last}", "accent"))
    lines.append(sheet.heading("tool calls"))
    called = [e.body for e in events if isinstance(e.body, ToolCalled) and e.body.attempt == case.attempt]
    lines += [(Span(f"  {body.specialist:<9} "), *_call_head(body.call)) for body in called]
    return lines if called else [*lines, said("  none yet", "dim")]


def findings_section(detail: CaseDetail, sheet: Sheet) -> list[Line]:
    """What each specialist claims and what it rests on, the present attempt first."""
    if not detail.findings:
        return [said("No specialist has finished yet.", "dim")]
    lines: list[Line] = []
    for finding in sorted(detail.findings, key=lambda f: (-f.attempt, list(Specialist).index(f.specialist))):
        lines += [*_finding(finding, sheet), BLANK]
    return lines[:-1]


def _finding(finding: Finding, sheet: Sheet) -> list[Line]:
    text, tone = _FINDING[finding.status]
    lines: list[Line] = [
        sheet.heading(f"{finding.specialist}, attempt {finding.attempt}"),
        (
            Span(risk_bar(finding.risk, 10, sheet.glyphs), risk_tone(finding.risk)),
            Span(f" {risk_text(finding.risk).strip()}  ", risk_tone(finding.risk)),
            Span(text, tone),
            Span(f"  {plural(len(finding.tool_calls), 'tool call')}, by {clean(finding.analyst)}", "dim"),
        ),
        *sheet.text(finding.summary),
    ]
    if finding.degraded:
        lines += sheet.text(f"DEGRADED: {finding.degraded}", tone="warn")
    for claim in finding.claims:
        lines += _claim(claim, sheet)
    return lines


def _claim(claim: Claim, sheet: Sheet) -> list[Line]:
    text, tone = _CLAIM[claim.status]
    lead = f"  {points(claim.weight)}  " if claim.weight else "      -  "
    lines = hanging(lead, claim.text, "", sheet, "bad" if claim.weight > 0 else "good")
    cited = f"rests on {rows_text(claim.rows)}" if claim.rows else "cites no rows"
    check = f"  (check {clean(claim.check)})" if claim.check else ""
    return [*lines, *hanging(f"         {text}  ", f"{cited}{check}", "dim", sheet, tone)]


def tools_section(
    detail: CaseDetail, events: Sequence[CaseEvent], sheet: Sheet, *, whole: bool
) -> list[Line]:
    """Every tool call with arguments and result; results are cut short unless asked for whole."""
    called = _calls(detail, events)
    if not called:
        return [said("No tool has been called yet.", "dim")]
    lines: list[Line] = []
    for attempt, specialist, call in called:
        lines.append((Span(f"{specialist} {attempt}  ", "heading"), *_call_head(call)))
        lines += _call_body(call, sheet, whole=whole)
    return lines


def _calls(detail: CaseDetail, events: Iterable[CaseEvent]) -> list[tuple[int, Specialist, ToolCall]]:
    """Calls from findings, and from the record those of specialists that have not finished; each once."""
    calls = {(f.attempt, f.specialist, call.call_id): call for f in detail.findings for call in f.tool_calls}
    for event in events:
        if isinstance(event.body, ToolCalled):
            key = (event.body.attempt, event.body.specialist, event.body.call.call_id)
            calls.setdefault(key, event.body.call)
    return [(attempt, specialist, call) for (attempt, specialist, _), call in calls.items()]


def _call_head(call: ToolCall) -> Line:
    arguments = ", ".join(f"{clean(k)}={clean(json.dumps(v))}" for k, v in call.arguments.items())
    took = Span(f"  {call.duration_ms} ms", "dim")
    failed = (Span("  FAILED: ", "bad"), outside(call.error, "bad")) if call.error else ()
    return (Span(clean(call.tool), "accent"), Span(f"({arguments})"), took, *failed)


def _call_body(call: ToolCall, sheet: Sheet, *, whole: bool) -> list[Line]:
    if call.result is None:
        return [] if call.error else [said("    returned nothing", "dim")]
    rows = [line for text in result_rows(call.result) for line in _result_line(text, sheet)]
    limit = LONGEST_RESULT_LINES if whole else SHORT_RESULT_LINES
    if len(rows) <= limit:
        return rows
    more = plural(len(rows) - limit, "more line")
    how = "" if whole else f", {sheet.key('expand')} shows them"
    return [*rows[:limit], said(f"    ... {more}{how}", "warn")]


def _result_line(text: str, sheet: Sheet) -> list[Line]:
    """A line of a result, wrapped under its own indentation."""
    content = text.lstrip(" ")
    return sheet.text(content, " " * (4 + len(text) - len(content)), "dim")


def result_rows(result: JsonValue) -> list[str]:
    """A result as lines: a flat row is one line, what is nested stands indented below its name."""
    match result:
        case list():
            return [line for row in result for line in _nested(row, 0)] or ["no rows"]
        case dict():
            return _fields(result, 0) or ["no fields"]
        case _:
            return [json.dumps(result, ensure_ascii=False)]


def _fields(record: dict[str, JsonValue], depth: int) -> list[str]:
    lines: list[str] = []
    for name, value in record.items():
        if isinstance(value, dict | list) and value:
            lines += [f"{'  ' * depth}{name}:", *_nested(value, depth + 1)]
        else:
            lines.append(f"{'  ' * depth}{name}: {json.dumps(value, ensure_ascii=False)}")
    return lines


def _nested(value: JsonValue, depth: int) -> list[str]:
    """A value below its name; the items of a list begin with a dash where they take several lines."""
    pad = "  " * depth
    if isinstance(value, list) and value:
        items = [_nested(item, depth + 1) for item in value]
        return [line for item in items for line in (f"{pad}- {item[0].lstrip(' ')}", *item[1:])]
    if not isinstance(value, dict):
        return [f"{pad}{json.dumps(value, ensure_ascii=False)}"]
    if any(isinstance(part, dict | list) and part for part in value.values()):
        return _fields(value, depth)
    return [pad + "  ".join(f"{name}={json.dumps(part, ensure_ascii=False)}" for name, part in value.items())]


def earlier_section(detail: CaseDetail, sheet: Sheet) -> list[Line]:
    """Other cases of the same customer, newest first."""
    others = [other for other in detail.related if other.case_id != detail.case.case_id]
    if not others:
        return [said(f"Customer {detail.case.alert.customer_id} has no other case.", "dim")]
    lines: list[Line] = [sheet.heading(f"other cases of customer {detail.case.alert.customer_id}")]
    for other in others:
        lines += [row(other, sheet), (Span("    "), outside(other.case_id, "dim"))]
    return lines

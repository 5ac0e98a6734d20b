"""Sections of a case: the assessment, the agents at work, tool calls."""

import json
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from casework.assessment import Assessment, in_numbers
from casework.case import Case
from casework.events import CaseEvent, ToolCalled
from casework.finding import FindingStatus, Specialist, ToolCall
from casework.views import CaseDetail
from console.format import clean, plural, risk_text
from console.lines import BLANK, Line, Span, Tone, outside, said
from console.pages.attempts import attempts_of, changes
from console.pages.case_head import what_is_asked
from console.pages.score import score
from console.pages.sheet import Sheet

SHORT_RESULT_LINES = 3
MOST_CHANGES = 5
LONGEST_RESULT_LINES = 2000

FINDING_WORDS: dict[FindingStatus, tuple[str, Tone]] = {
    FindingStatus.EVALUATED: ("evaluated", "good"),
    FindingStatus.CONTRADICTED: ("CONTRADICTS the alert", "bad"),
    FindingStatus.NOT_EVALUABLE: ("NOT EVALUABLE", "warn"),
}


def assessment_section(
    detail: CaseDetail, events: Sequence[CaseEvent], sheet: Sheet, *, whole: bool = False
) -> list[Line]:
    """Why the risk is what it is, line by line, with rows when asked; while the agents work, their work."""
    case = detail.case
    if case.assessment is None:
        return progress_section(case, events, sheet)
    lines = [*what_is_asked(case, sheet), *_feedback(case, sheet), *_against_before(detail, events, sheet)]
    return [*lines, *score(detail, case.assessment, sheet, whole=whole), *_reasoning(case.assessment, sheet)]


def _against_before(detail: CaseDetail, events: Sequence[CaseEvent], sheet: Sheet) -> list[Line]:
    """What a later attempt changed against the one before; of much, the beginning."""
    present, *earlier = [
        [finding for finding in detail.findings if finding.attempt == attempt]
        for attempt in attempts_of(detail.findings)
    ] or [[]]
    if not earlier or not present or present[0].attempt != detail.case.attempt:
        return []
    lines = changes(present, earlier[0], events, sheet)
    more = len(lines) - MOST_CHANGES
    if more <= 1:
        return lines
    return [
        *lines[:MOST_CHANGES],
        said(f"  ... {sheet.key('section_2')}: {plural(more, 'more line')}", "dim"),
    ]


def _feedback(case: Case, sheet: Sheet) -> list[Line]:
    """The feedback where the head does not have all of it: long ones, and those of older projections."""
    if not case.feedback or (case.rejected is not None and len(case.feedback) <= sheet.width):
        return []
    return [said("Rejected before, with this feedback:", "warn"), *sheet.text(case.feedback, "  ")]


def _reasoning(assessment: Assessment, sheet: Sheet) -> list[Line]:
    """What the score above does not say."""
    usage = assessment.usage
    told = "\n".join(line for line in assessment.reasoning.splitlines() if line not in in_numbers(assessment))
    lines = [sheet.heading("in words"), *sheet.text(told)]
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
            text, tone = FINDING_WORDS[how.status]
            lines.append(said(f"  {specialist:<9} {text}, risk {risk_text(how.risk).strip()}, {calls}", tone))
        else:
            last = f", last {clean(how.last_tool)}" if how and how.last_tool else ""
            lines.append(said(f"  {specialist:<9} working, {calls}{last}", "accent"))
    lines.append(sheet.heading("tool calls"))
    called = [e.body for e in events if isinstance(e.body, ToolCalled) and e.body.attempt == case.attempt]
    lines += [(Span(f"  {body.specialist:<9} "), *_call_head(body.call)) for body in called]
    return lines if called else [*lines, said("  none yet", "dim")]


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
    """Calls from findings, and from the record those of specialists that have not finished; each once.

    The newest attempt comes first, as in the findings.
    """
    calls = {(f.attempt, f.specialist, call.call_id): call for f in detail.findings for call in f.tool_calls}
    for event in events:
        if isinstance(event.body, ToolCalled):
            key = (event.body.attempt, event.body.specialist, event.body.call.call_id)
            calls.setdefault(key, event.body.call)
    told = [(attempt, specialist, call) for (attempt, specialist, _), call in calls.items()]
    return sorted(told, key=lambda one: -one[0])


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

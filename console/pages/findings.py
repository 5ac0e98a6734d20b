"""The findings of a case: what each specialist claims, the rows behind every claim, and what it cost."""

from collections.abc import Sequence

from casework.citations import CheckedClaim, checked_claims, claims_of
from casework.events import CaseEvent
from casework.finding import Finding, SecondOpinion, Specialist
from casework.views import CaseDetail
from console.format import clean, plural, points, risk_bar, risk_text
from console.lines import BLANK, Line, Span, risk_tone, said
from console.pages.attempts import attempts_of, changes, collapsed, counted
from console.pages.case_sections import FINDING_WORDS
from console.pages.claims import VERDICTS, cited_lines, rows_text
from console.pages.cost import cost_lines
from console.pages.sheet import Sheet, hanging


def findings_section(
    detail: CaseDetail,
    sheet: Sheet,
    events: Sequence[CaseEvent] = (),
    *,
    whole: bool = False,
    hint: str = "",
) -> list[Line]:
    """What each specialist claims and what it rests on; the rows, and earlier attempts, when asked.

    `hint` says, behind the counts, how to ask for them where there is a way.
    """
    if not detail.findings:
        return [said("No specialist has finished yet.", "dim")]
    findings = sorted(detail.findings, key=lambda f: (-f.attempt, list(Specialist).index(f.specialist)))
    present, *earlier = (
        [finding for finding in findings if finding.attempt == attempt] for attempt in attempts_of(findings)
    )
    lines = [(*counted(checked_claims(present)), Span(hint, "dim"))]
    if earlier:
        lines += changes(present, earlier[0], events, sheet)
    for finding in present:
        lines += [*_finding(finding, sheet, whole=whole), BLANK]
    for past in earlier:
        lines += _earlier(past, sheet, whole=whole)
    return [*lines, *cost_lines(findings, events, sheet)]


def _earlier(findings: Sequence[Finding], sheet: Sheet, *, whole: bool) -> list[Line]:
    """An attempt that was rejected: a line, or all of it."""
    lines = [collapsed(findings, "" if whole else f"{sheet.key('expand')} shows them")]
    for finding in findings if whole else ():
        lines += [*_finding(finding, sheet, whole=True), BLANK]
    return lines if whole else [*lines, BLANK]


def _finding(finding: Finding, sheet: Sheet, *, whole: bool) -> list[Line]:
    text, tone = FINDING_WORDS[finding.status]
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
    else:
        for rung in finding.rungs:
            if rung.failed:
                lines += sheet.text(
                    f"asked before: {rung.analyst}, which did not: {rung.failed}", tone="warn"
                )
    if finding.second_opinion is not None:
        lines += sheet.text(_second(finding.second_opinion), tone="dim")
    for claim in claims_of(finding):
        lines += _claim(claim, sheet, whole=whole)
    return lines


def _second(opinion: SecondOpinion) -> str:
    """What the playbook's checks make of it, beside the model's own risk."""
    risk = "" if opinion.risk is None else f", risk {risk_text(opinion.risk).strip()}"
    return f"the playbook's checks: {FINDING_WORDS[opinion.status][0]}{risk}"


def _claim(checked: CheckedClaim, sheet: Sheet, *, whole: bool) -> list[Line]:
    claim = checked.claim
    mark, word, tone = VERDICTS[checked.verdict]
    lead = f"  {points(claim.weight)}  " if claim.weight else "      -  "
    lines = hanging(lead, claim.text, "", sheet, "bad" if claim.weight > 0 else "good")
    on = f"rests on {rows_text(claim.rows)}" if claim.rows else "cites no rows"
    check = f"  (check {clean(claim.check)})" if claim.check else ""
    lines += hanging(f"       {mark} {word}  ", f"{on}{check}", "dim", sheet, tone)
    return [*lines, *cited_lines(checked.rows, sheet)] if whole else lines

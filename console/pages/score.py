"""Why the risk is what it is: what each fact adds, the floors, and the sum. Pure."""

from collections.abc import Sequence

from casework.actor import Role
from casework.assessment import Assessment, Contribution
from casework.citations import Verdict
from casework.views import CaseDetail
from console.format import points
from console.lines import Line, Span, Tone, risk_tone, said
from console.pages.claims import VERDICTS, contribution_rows, rows_text, verified
from console.pages.sheet import Sheet, hanging


def score(detail: CaseDetail, assessment: Assessment, sheet: Sheet, *, whole: bool) -> list[Line]:
    """Line by line, so that it adds up. A fact that several specialists found is one line, unless all is
    asked for: then each has its own, with the rows it rests on.
    """
    lines = [sheet.heading("why this risk")]
    if not assessment.contributions:
        lines.append(said("  no evidence added to the risk", "dim"))
    for line in assessment.contributions if whole else ():
        cited = f"  [{rows_text(line.rows)}]" if line.rows else ""
        lines += _fact(detail, [line], cited, sheet)
        lines += contribution_rows(detail, line, sheet)
    for same in () if whole else _facts(assessment.contributions):
        lines += _fact(detail, same, "", sheet)
    lines.append(said(f"  {assessment.evidence_risk:5.2f}  what the evidence weighs", "strong"))
    for floor in assessment.floors:
        said_already = floor.role is Role.ANALYST or floor.role in floor.reason
        who = "" if said_already else f", and a {floor.role} decides"
        lines += hanging(f"  {floor.minimum:5.2f}  ", f"floor: {floor.reason}{who}", "warn", sheet)
    total: Tone = risk_tone(assessment.risk)
    lines.append((Span(f"  {assessment.risk:5.2f}  ", total), Span(f"risk, {assessment.level}", total)))
    return lines


def _facts(contributions: Sequence[Contribution]) -> list[list[Contribution]]:
    """Contributions of the same words together, what weighs most in front."""
    same: dict[str, list[Contribution]] = {}
    for line in contributions:
        same.setdefault(line.label, []).append(line)
    return sorted(same.values(), key=lambda lines: -sum(line.points for line in lines))


def _fact(detail: CaseDetail, same: Sequence[Contribution], cited: str, sheet: Sheet) -> list[Line]:
    weighs = sum(line.points for line in same)
    tone: Tone = "bad" if weighs > 0 else "good"
    who = ", ".join(dict.fromkeys(line.specialist for line in same))
    lines = hanging(f"  {points(weighs)}  ", f"{who}: {same[0].label}{cited}", "", sheet, tone)
    return [*lines, *_not_verified(detail, same, sheet)]


def _not_verified(detail: CaseDetail, same: Sequence[Contribution], sheet: Sheet) -> list[Line]:
    """That no row bears out a line of the score, or the part of it that one specialist adds."""
    doubtful = list(dict.fromkeys(line.specialist for line in same if not verified(detail, line)))
    if not doubtful:
        return []
    mark, word, tone = VERDICTS[Verdict.UNVERIFIED]
    whose = (
        f", as {' and '.join(doubtful)} has it"
        if len(doubtful) < len({line.specialist for line in same})
        else ""
    )
    return sheet.text(f"{mark} {word}{whose}", "         ", tone)

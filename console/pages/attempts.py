"""What an attempt changed against the one before: risk, and claims that came, went or are judged anew."""

from collections.abc import Iterable, Sequence

from casework.citations import CheckedClaim, Verdict, checked_claims
from casework.events import AssessmentRecorded, CaseEvent
from casework.finding import Finding
from console.format import plural, risk_text
from console.lines import Line, Span, said
from console.pages.claims import VERDICTS
from console.pages.sheet import Sheet, hanging

_Claim = tuple[str, str]


def attempts_of(findings: Iterable[Finding]) -> list[int]:
    """The attempts there are findings of, the newest first."""
    return sorted({finding.attempt for finding in findings}, reverse=True)


def changes(
    now: Sequence[Finding], before: Sequence[Finding], events: Sequence[CaseEvent], sheet: Sheet
) -> list[Line]:
    """The present attempt against the one before, as far as the same specialists have finished both."""
    done = {finding.specialist for finding in now}
    new = _claims(now)
    old = _claims([finding for finding in before if finding.specialist in done])
    lines: list[Line] = []
    for key, verdict in new.items():
        if key not in old:
            lines += _told("new", key, verdict, sheet)
        elif old[key] is not verdict:
            lines += _told(f"was {VERDICTS[old[key]][1]}", key, verdict, sheet)
    for key, verdict in old.items():
        if key not in new:
            lines += _told("gone", key, verdict, sheet)
    attempt = before[0].attempt
    risk = _risk_change(now[0].attempt, attempt, events)
    what = risk or ("the risk is the same" if lines else "nothing changed")
    return [said(f"Against attempt {attempt}: {what}", "strong"), *lines]


def _claims(findings: Iterable[Finding]) -> dict[_Claim, Verdict]:
    return {(one.specialist.value, one.claim.text): one.verdict for one in checked_claims(findings)}


def _told(how: str, key: _Claim, verdict: Verdict, sheet: Sheet) -> list[Line]:
    mark, word, tone = VERDICTS[verdict]
    return hanging(f"  {how}: {mark} {word}  ", f"{key[0]}: {key[1]}", "", sheet, tone)


def _risk_change(attempt: int, before: int, events: Sequence[CaseEvent]) -> str:
    """The two risks where the record has both and they differ."""
    risks: dict[int, float] = {}
    at = 0
    for event in events:
        if event.body.type == "investigation_started":
            at = event.body.attempt
        elif isinstance(event.body, AssessmentRecorded):
            risks[at] = event.body.assessment.risk
    if attempt not in risks or before not in risks or risks[attempt] == risks[before]:
        return ""
    return f"risk {risk_text(risks[before])} -> {risk_text(risks[attempt])}"


def collapsed(findings: Sequence[Finding], hint: str) -> Line:
    """An earlier attempt in a line: how many claims had which verdict."""
    claims: list[CheckedClaim] = list(checked_claims(findings))
    return (
        Span(f"attempt {findings[0].attempt}  ", "heading"),
        Span(f"{plural(len(claims), 'claim')}  ", "dim"),
        *counted(claims),
        Span(hint, "dim"),
    )


def counted(claims: Iterable[CheckedClaim]) -> Line:
    """How many claims have which verdict."""
    made = list(claims)
    spans: list[Span] = []
    for verdict, (mark, word, tone) in VERDICTS.items():
        number = sum(one.verdict is verdict for one in made)
        if number:
            spans.append(Span(f"{mark} {number} {word}  ", tone))
    return tuple(spans)

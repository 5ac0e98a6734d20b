"""The head of a case: who, what, how sure, by when, and in whose hands."""

from casework.case import Case
from casework.decision import Stage
from casework.transitions import Status
from casework.views import CaseSummary, DeferralView, UndoneView, found_in
from console.format import (
    age,
    clean,
    countdown,
    day_and_time,
    money,
    plural,
    risk_bar,
    risk_text,
    time_left,
    words,
)
from console.lines import Line, Span, flow, outside, risk_tone, said
from console.pages.rows import SEVERITY_TONE, left_text, left_tone, progress_text, status_text, status_tone
from console.pages.sheet import Sheet

MOST_WORDS_LINES = 2


def head(row: CaseSummary, sheet: Sheet) -> list[Line]:
    """Four to six lines that stay on top whatever section is read."""
    told = (_where(row, sheet), _what(row), _risk(row, sheet))
    lines = [part for line in told for part in flow(line, sheet.width)] + _description(row, sheet)
    if row.proposed:
        lines.append(
            (Span("First approval: ", "warn"), outside(row.proposed), Span(" - needs another person"))
        )
    if row.passed_on:
        lines += sheet.text(f"To a senior: {row.passed_on}", "", "warn")
    if row.rejected:
        lines += _shortened(sheet.text(row.rejected[0].upper() + row.rejected[1:], "", "warn"), sheet)
    if row.returned is not None:
        lines += _shortened(_returned(row.returned, sheet), sheet)
    if row.deferral is not None:
        lines += _deferral(row.deferral, sheet)
    if row.decided:
        lines.append((Span("Recorded: ", "good"), outside(row.decided)))
    if row.undone is not None:
        lines += _shortened(_undone(row.undone, sheet), sheet)
    return lines


def _undone(undone: UndoneView, sheet: Sheet) -> list[Line]:
    """Who took back what had been done, when and why; that it was ordered, until it is done."""
    how = ("Undone" if undone.whole else "Undone in part") if undone.done else "Undoing ordered"
    what = " and ".join(words(step.inverse) for step in undone.steps)
    why = f": {undone.reason}" if undone.reason else ""
    told = f"{how} by {undone.name} at {day_and_time(undone.at)}, {what}{why}"
    return sheet.text(told, "", "warn")


def _deferral(deferral: DeferralView, sheet: Sheet) -> list[Line]:
    why = f": {deferral.reason}" if deferral.reason else ""
    until = f"{day_and_time(deferral.until)}, {time_left(deferral.until, sheet.now)}"
    return sheet.text(f"Deferred by {deferral.name} until {until}{why}", "", "warn")


def _returned(before: DeferralView, sheet: Sheet) -> list[Line]:
    why = f": {before.reason}" if before.reason else ""
    until = day_and_time(before.until)
    return sheet.text(f"Back: deferred by {before.name} until {until}{why}", "", "warn")


def _shortened(lines: list[Line], sheet: Sheet) -> list[Line]:
    """Words of any length, as many as the head has room for; the record has all of them."""
    if len(lines) <= MOST_WORDS_LINES:
        return lines
    return [*lines[: MOST_WORDS_LINES - 1], said(f"... {sheet.key('section_4')}: all of it", "dim")]


def _where(row: CaseSummary, sheet: Sheet) -> Line:
    spans = [
        Span(clean(row.case_id), "strong"),
        Span("  "),
        Span(status_text(row, sheet), status_tone(row)),
    ]
    if row.deadline:
        spans.append(Span(f"  left {left_text(row, sheet)}", left_tone(row, sheet)))
    if row.closed_at:
        return (*spans, Span(f"  closed {age(row.closed_at, sheet.now)} ago", "dim"))
    if row.hold_until and row.status is Status.HELD:
        left = countdown(row.hold_until, sheet.now)
        spans += [Span(f"  takes effect in {left}, {sheet.key('withdraw')} withdraws", "warn")]
    if row.claim and row.claim.until > sheet.now:
        holder = f"{clean(row.claim.name)} {countdown(row.claim.until, sheet.now)}"
        spans.append(Span(f"  claim {holder}", "accent"))
    else:
        spans.append(Span("  claim nobody", "dim"))
    return tuple(spans)


def _what(row: CaseSummary) -> Line:
    spans = [
        Span(f"customer {row.customer_id}", "strong"),
        Span("  "),
        Span(words(clean(row.alert_type))),
        Span("  "),
        Span(row.severity, SEVERITY_TONE[row.severity]),
        Span(f"  attempt {row.attempt} of {row.max_attempts}"),
    ]
    if row.amount is not None:
        spans.append(Span(f"  {money(row.amount)} at stake", "warn"))
    if found_in(row):
        spans.append(Span(f"  in {plural(found_in(row), 'other case')}", "warn"))
    if row.tags:
        spans.append(Span("  " + " ".join(f"#{clean(tag)}" for tag in row.tags), "accent"))
    if row.notes:
        spans.append(Span(f"  notes {row.notes}", "dim"))
    if row.degraded:
        spans.append(Span("  DEGRADED", "warn"))
    return tuple(spans)


def _risk(row: CaseSummary, sheet: Sheet) -> Line:
    if row.risk is None:
        return (
            Span("risk not known yet  ", "dim"),
            Span(f"agents {progress_text(row.progress)}", "accent"),
            Span("  (+ found, x contradicted, ? not evaluable)", "dim"),
        )
    spans = [
        Span(risk_bar(row.risk, 10, sheet.glyphs), risk_tone(row.risk)),
        Span(f" {risk_text(row.risk)} {row.level or ''}", risk_tone(row.risk)),
    ]
    if row.evidence_risk is not None and row.evidence_risk < row.risk:
        spans.append(Span(f"  evidence {row.evidence_risk:.2f}, raised by a floor", "dim"))
    if row.recommended_action:
        spans.append(Span(f"  recommended {row.recommended_action.in_words}", "strong"))
    if row.required_role:
        spans.append(Span(f"  by {row.required_role}", "dim"))
    if row.second_approver:
        spans.append(Span("  four-eyes", "warn"))
    return tuple(spans)


def _description(row: CaseSummary, sheet: Sheet) -> list[Line]:
    wrapped = sheet.text(row.description, tone="dim")
    return wrapped[:2] if row.description else []


def what_is_asked(case: Case, sheet: Sheet) -> list[Line]:
    """What the case waits for, and what silence means."""
    review = case.review
    if review is None or not case.awaiting:
        return []
    who = {
        Stage.ANALYST: f"Waits for a decision by {review.required_role} or higher",
        Stage.SECOND: f"Waits for a second, different person, {review.required_role} or higher",
        Stage.SENIOR: f"In the senior queue, waits for {review.required_role} or higher",
    }
    return sheet.text(f"{who[review.stage]}, {time_left(review.deadline, sheet.now)}.")

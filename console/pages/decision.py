"""What a decision would do, in words, before it is made; and why one was refused."""

from typing import NamedTuple

from casework.action import Action, Step
from casework.actor import Actor
from casework.decision import Stage
from casework.views import CaseDetail, CaseSummary
from console.format import clean, day_and_time, risk_bar, risk_text, span, words
from console.lines import BLANK, Line, Span, risk_tone, said
from console.pages.sheet import Sheet, hanging

_DOES = {
    Step.LOCK_ACCOUNT: "locks the account of customer {customer}",
    Step.REFUND_CHARGES: "refunds the disputed charges of customer {customer}{amount}",
}
MOST_BEFORE = 2
"""Lines for each thing that was there before."""
UNDO = {step: words(step.inverse) for step in _DOES}
"""What undoes a step, in words."""


def in_words(action: Action | None) -> str:
    """What an action is, in the words that all of the console has for it; a dash for none."""
    return action.in_words if action else "-"


def subject(detail: CaseDetail, sheet: Sheet) -> list[Line]:
    """What is being decided: the case and the assessment the decision will name."""
    row = detail.summary
    return [
        *which_case(row, sheet),
        said(f"attempt {row.attempt}, assessment {(row.assessment_hash or '-')[:12]}", "dim"),
    ]


def which_case(row: CaseSummary, sheet: Sheet) -> list[Line]:
    """Which case it is about, whose, and how much risk was found in it."""
    return [
        (Span(clean(row.case_id), "strong"), Span(f"  customer {row.customer_id}  {words(row.alert_type)}")),
        (
            Span(risk_bar(row.risk, 10, sheet.glyphs), risk_tone(row.risk)),
            Span(f" {risk_text(row.risk)} {row.level or ''}", risk_tone(row.risk)),
            Span("  recommended "),
            Span(in_words(row.recommended_action), "strong"),
        ),
    ]


def consequences(detail: CaseDetail, action: Action, sheet: Sheet) -> list[Line]:
    """What an approval touches, how it is undone, when it takes effect, and who else is needed."""
    lines: list[Line] = []
    amount = f" ({detail.case.alert.amount:,.2f})" if detail.case.alert.amount is not None else ""
    for step in action.steps:
        text = _DOES[step].format(customer=detail.summary.customer_id, amount=amount)
        lines += hanging("  does    ", text, "strong", sheet, "dim")
        lines += hanging("  undo    ", UNDO[step], "", sheet, "dim")
    if not action.steps:
        lines.append((Span("  does    ", "dim"), Span("touches nothing; the case ends as cleared", "strong")))
    lines += hanging("  when    ", _when(detail, action, sheet), "", sheet, "dim")
    recommended = detail.summary.recommended_action
    if recommended is not None and action is not recommended:
        lines += sheet.text(f"Against the recommendation, which is to {in_words(recommended)}.", "", "bad")
    return lines


def _when(detail: CaseDetail, action: Action, sheet: Sheet) -> str:
    if needs_second(detail, action):
        return "only after a second, different person approves the same (four-eyes)"
    seconds = detail.case.terms.hold_seconds
    undo = f"until then {sheet.key('withdraw')} withdraws it"
    when = f"after a hold of {span(seconds)}; {undo}" if seconds else "at once"
    changed = action is not detail.summary.recommended_action and action is not Action.CLEAR
    return when + (
        "; policy may ask for a second person, as this is not what was recommended" if changed else ""
    )


def needs_second(detail: CaseDetail, action: Action) -> bool:
    """Whether this approval is only the first of two."""
    review = detail.case.review
    return (
        detail.summary.second_approver
        and action is not Action.CLEAR
        and (review is None or review.stage is not Stage.SECOND)
    )


def warnings(
    detail: CaseDetail, me: Actor | None, sheet: Sheet, now: CaseSummary | None = None
) -> list[Line]:
    """What was there before, and what may stand in the way: a role, an approval of one's own, or that
    somebody else holds the case, by its row as it is `now`."""
    claim = (now or detail.summary).claim
    row, lines = detail.summary, before_this(detail, me, sheet)
    required = row.required_role
    if me and required and (me.role is None or not me.role.includes(required)):
        lines += sheet.text(f"This needs the role {required}; you are {me.role or 'without one'}.", "", "bad")
    if me and claim and claim.actor_id != me.actor_id:
        lines += sheet.text(f"{claim.name} is working on this case.", "", "warn")
    proposed = detail.case.review.proposed if detail.case.review else None
    if me and proposed and proposed.actor.actor_id == me.actor_id:
        lines += sheet.text("You gave the first approval; another person must give the second.", "", "bad")
    if row.degraded:
        lines += sheet.text(f"Degraded: {', '.join(row.degraded)}", "", "warn")
    return lines


def before_this(detail: CaseDetail, me: Actor | None, sheet: Sheet) -> list[Line]:
    """Who sent the case to a senior, put it off or rejected it before, and why, in two lines each."""
    case, row = detail.case, detail.summary
    told: list[str] = []
    if row.passed_on and case.passed_on:
        told.append(f"{_by(case.passed_on.actor, me)} escalated it: {case.passed_on.feedback}")
    if (put_off := row.deferral or row.returned) is not None:
        who = "You" if me and put_off.actor_id == me.actor_id else put_off.name
        how = "deferred it until" if row.deferral else "deferred it before, until"
        why = f": {put_off.reason}" if put_off.reason else ""
        told.append(f"{who} {how} {day_and_time(put_off.until)}{why}")
    if case.rejected is not None:
        who = _by(case.rejected.actor, me)
        told.append(f"{who} rejected attempt {case.rejected.attempt}: {case.rejected.feedback}")
    return [line for text in told for line in _in_two_lines(text, sheet)]


def _by(actor: Actor, me: Actor | None) -> str:
    return "You" if me and actor.actor_id == me.actor_id else actor.label


def _in_two_lines(text: str, sheet: Sheet) -> list[Line]:
    lines = sheet.text(text, "", "warn")
    return (
        lines
        if len(lines) <= MOST_BEFORE
        else [*lines[: MOST_BEFORE - 1], said("... all of it is in the timeline", "dim")]
    )


def rejection(row: CaseSummary, sheet: Sheet) -> list[Line]:
    """What rejecting does, and that it cannot be taken back."""
    left = row.max_attempts - row.attempt
    then = (
        "the agents begin again at once, with your words"
        if left > 0
        else "no attempt is left: it goes to a senior at once"
    )
    return [*hanging("  does    ", then, "strong", sheet, "dim"), *never_undone(sheet)]


def never_undone(sheet: Sheet) -> list[Line]:
    """That there is no hold, as an approval has one."""
    return hanging("  undo    ", "none: it cannot be taken back", "", sheet, "dim")


def why_not(detail: CaseDetail | None) -> str:
    """Why no decision can be made on a case now; empty when one can."""
    if detail is None:
        return "the case is still being read"
    row = detail.summary
    if row.assessment_hash is None or not detail.case.awaiting:
        asked = f"recorded: {row.decided}" if row.decided else f"the case is {words(row.status)}"
        return f"no decision is asked for now; {asked}"
    return ""


class Question(NamedTuple):
    """What a decision answers: this attempt's assessment, at this stage of its review."""

    attempt: int
    assessment_hash: str | None
    stage: Stage | None


def question(row: CaseSummary) -> Question:
    """What the row asks; when it differs from what was on the screen, one must look again."""
    return Question(row.attempt, row.assessment_hash, row.stage)


def overtaken(seen: CaseSummary, row: CaseSummary, sheet: Sheet) -> list[Line]:
    """That the case went on while it was being decided, and how."""
    return [
        said("Nothing was sent: the case is not what was on your screen any more.", "bad"),
        BLANK,
        said("What changed since you looked:", "heading"),
        *what_changed(seen, row, sheet),
    ]


def what_changed(old: CaseSummary, new: CaseSummary, sheet: Sheet) -> list[Line]:
    """The differences between what was decided on and what stands now."""
    pairs = (
        ("status", words(old.status), words(new.status)),
        ("review", words(old.stage or "-"), words(new.stage or "-")),
        ("attempt", str(old.attempt), str(new.attempt)),
        ("assessment", (old.assessment_hash or "-")[:12], (new.assessment_hash or "-")[:12]),
        ("risk", risk_text(old.risk), risk_text(new.risk)),
        ("recommended", in_words(old.recommended_action), in_words(new.recommended_action)),
        ("proposed", old.proposed or "-", new.proposed or "-"),
        ("decided", old.decided or "-", new.decided or "-"),
        ("deferred", old.deferral.name if old.deferral else "-", new.deferral.name if new.deferral else "-"),
        ("claim", old.claim.name if old.claim else "-", new.claim.name if new.claim else "-"),
    )
    lines: list[Line] = []
    for name, was, now in pairs:
        if was != now:
            lines += sheet.text(f"{name:<12} {was}  ->  {now}", "  ", "warn")
    return lines or [said("  nothing that shows in the case", "dim")]


def refusal(message: str, before: CaseSummary, after: CaseSummary | None, sheet: Sheet) -> list[Line]:
    """Why a decision was not recorded, in the server's words, and what stands now."""
    lines = [said("NOT RECORDED", "bad"), *sheet.text(message), BLANK]
    if after is None:
        return [*lines, said("The case could not be read again yet.", "warn")]
    return [*lines, said("What changed since you looked:", "heading"), *what_changed(before, after, sheet)]

"""A case's record in words: one line per event, with who and when."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from casework import events as ev
from casework.action import Action
from casework.actor import Actor, ActorKind
from casework.decision import Decision
from casework.events import CaseEvent
from casework.standing import Change, history
from console.format import clean, clock, clock_and_zone, day_and_time, fit, stamp, words, zone
from console.lines import Line, Span, Tone, plain, said
from console.pages.sheet import Sheet


def timeline_section(events: Iterable[CaseEvent], sheet: Sheet) -> list[Line]:
    """The record, oldest first, a heading per day."""
    lines: list[Line] = []
    day = ""
    for event, changed in history(events):
        today = f"{stamp(event.occurred_at)[:10]} {zone(event.occurred_at)}"
        if today != day:
            lines.append(sheet.heading(today))
            day = today
        lines += [*event_lines(event, sheet), *_changed(changed, sheet)]
    return lines or [said("Nothing is recorded yet.", "dim")]


_FROM_NOTHING = frozenset({"claim", "deferred"})
"""What is told although it was not there before; of the rest, its beginning is in the event's words."""


def _changed(changes: Sequence[Change], sheet: Sheet) -> list[Line]:
    """What an event changed, old and new, below its words"""
    told = [
        f"{words(change.what)} {_value(change.what, change.old)} -> {_value(change.what, change.new)}"
        for change in changes
        if change.old is not None or change.what in _FROM_NOTHING
    ]
    return sheet.text("   ".join(told), " " * (13 + _who_width(sheet) + 1), "accent") if told else []


def _value(what: str, value: object) -> str:  # noqa: PLR0911 (one per kind of value)
    match value:
        case None if what == "claim":
            return "nobody"
        case None | ():
            return "none"
        case tuple():
            return ", ".join(str(part) for part in value)
        case float():
            return f"{value:.2f}"
        case datetime():
            return f"{stamp(value)[5:16]} {zone(value)}"
        case Action():
            return value.in_words
        case _:
            return words(str(value))


def _who_width(sheet: Sheet) -> int:
    return 10 if sheet.width >= 60 else 8


def event_lines(event: CaseEvent, sheet: Sheet) -> list[Line]:
    """One event, wrapped under its own text."""
    text, tone = described(event)
    who = _who(event.actor)
    lead: Line = (
        Span(f"{event.seq:>3} ", "dim"),
        Span(f"{clock(event.occurred_at)} ", "dim"),
        Span(
            fit(who, _who_width(sheet), sheet.glyphs) + " ",
            "accent" if event.actor.kind is ActorKind.PERSON else "dim",
        ),
    )
    indent = " " * len(plain(lead))
    wrapped = sheet.text(text, indent, tone)
    return [(*lead, *wrapped[0][1:]), *wrapped[1:]]


def _who(actor: Actor) -> str:
    """People by their name, everybody else by what they are."""
    return clean(actor.label) if actor.kind is ActorKind.PERSON else f"{actor.kind}"


def described(event: CaseEvent) -> tuple[str, Tone]:  # noqa: PLR0911, PLR0912 (one case per kind of event)
    """What happened, in words, and how it should sound."""
    match event.body:
        case ev.Opened(alert=alert):
            return f"opened: {words(alert.alert_type)}, {alert.severity}", "strong"
        case ev.InvestigationStarted(attempt=attempt, feedback=feedback):
            return f"attempt {attempt} begins" + (f": {feedback}" if feedback else ""), ""
        case ev.ToolCalled(specialist=specialist, call=call):
            outcome = f" FAILED: {call.error}" if call.error else f" in {call.duration_ms} ms"
            return f"{specialist} called {call.tool}{outcome}", "warn" if call.error else "dim"
        case ev.FindingRecorded(finding=found):
            risk = "not evaluable" if found.risk is None else f"risk {found.risk:.2f}, {words(found.status)}"
            return f"{found.specialist}: {risk}", ""
        case ev.AssessmentRecorded(assessment=a, assessment_hash=sealed):
            return (
                f"assessed: risk {a.risk:.2f} {a.level}, {a.recommended_action.in_words} ({sealed[:12]})",
                "strong",
            )
        case ev.ReviewRequested(stage=stage, required_role=role, attempt=attempt):
            return f"waits for a decision: {stage} review of attempt {attempt}, by {role}", "warn"
        case ev.Claimed(until=until):
            return f"claimed until {clock_and_zone(until)}", ""
        case ev.Released():
            return "gave the claim back", ""
        case ev.Deferred(until=until, reason=reason):
            return f"deferred until {day_and_time(until)}" + (f": {reason}" if reason else ""), "warn"
        case ev.DeferralEnded():
            return "not deferred any more", ""
        case ev.TagsChanged(added=added, removed=removed):
            return "tags " + " ".join([*(f"+{tag}" for tag in added), *(f"-{tag}" for tag in removed)]), ""
        case ev.NoteAdded(text=text):
            return f"note: {text}", ""
        case ev.DecisionSubmitted(decision=decision):
            return _decision(decision), "warn" if decision.escalate else "good"
        case ev.DecisionApplied():
            return "the decision reached the case flow", "dim"
        case ev.HoldStarted(action=action, until=until):
            return f"{action.in_words} is held until {clock_and_zone(until)}", "warn"
        case ev.DecisionWithdrawn(reason=reason):
            return "withdrew the decision" + (f": {reason}" if reason else ""), "warn"
        case _:
            return _ending(event)


def _decision(decision: Decision) -> str:
    said_why = "reason" if decision.escalate else "feedback"
    parts = (
        ("code", words(decision.reason_code) if decision.reason_code else ""),
        (said_why, decision.feedback),
        ("notes", decision.notes),
    )
    return decision.summary + "".join(f"; {name}: {text}" for name, text in parts if text)


def _ending(event: CaseEvent) -> tuple[str, Tone]:  # noqa: PLR0911 (one per kind of event)
    """The events after a decision took effect."""
    match event.body:
        case ev.ActionStarted(action=action):
            return f"{action.in_words} begins", ""
        case ev.ActionExecuted(receipt=receipt):
            return f"done: {words(receipt.step)}, reference {receipt.reference}", "good"
        case ev.ActionFailed(step=step, error=error):
            return f"FAILED: {words(step)}: {error}", "bad"
        case ev.ActionReversed(receipt=receipt, reason=reason):
            return f"undone by {words(receipt.step)}" + (f": {reason}" if reason else ""), "warn"
        case ev.ReversalOrdered(reason=reason):
            return "ordered undoing" + (f": {reason}" if reason else ""), "warn"
        case ev.OrderRefused(order=order, claims=claims, reason=reason):
            return f"REFUSED a {order} said to be by {claims or 'nobody'}: {reason}", "bad"
        case ev.Escalated(reason=reason):
            return f"escalated: {words(reason)}", "bad"
        case ev.NotificationSent(channel=channel, text=text):
            return f"told {channel}: {text}", "dim"
        case ev.CaseClosed(outcome=outcome, action=action, detail=detail):
            done = f", {action.in_words}" if action else ""
            return f"closed: {words(outcome)}{done}" + (f" ({detail})" if detail else ""), "strong"
        case _:
            return words(event.body.type), "dim"

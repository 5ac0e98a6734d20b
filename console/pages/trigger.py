"""What triggered the alert: the rule, its window, and the telemetry that was seen at the time."""

from collections.abc import Sequence

from casework.alert import Alert
from casework.events import CaseEvent, Opened
from casework.telemetry import Telemetry
from casework.views import CaseDetail
from console.format import clean, day_and_time, money, plural, stamp, words, zone
from console.lines import Line, Span, said
from console.pages.rows import SEVERITY_TONE
from console.pages.sheet import Sheet, hanging
from console.pages.status import telemetry_words

SHOWN_IDS = 10
IDS_FROM = 100
"""From this width each event is shown with its id."""


def trigger_section(detail: CaseDetail, events: Sequence[CaseEvent], sheet: Sheet) -> list[Line]:
    """The alert in its rule's words, and the events kept with the case when it opened."""
    alert = detail.case.alert
    kept = next((event.body.triggers for event in events if isinstance(event.body, Opened)), ())
    lines = [sheet.heading("what triggered it"), _kind(alert), *sheet.text(alert.description, "  ")]
    lines += hanging("  raised   ", _raised(alert), "", sheet, "dim")
    if alert.window_start and alert.window_end:
        window = f"{day_and_time(alert.window_start)} to {day_and_time(alert.window_end)}"
        lines += hanging("  window   ", window, "", sheet, "dim")
    return [*lines, *_seen(alert, kept, sheet)]


def _kind(alert: Alert) -> Line:
    stake = f"  {money(alert.amount)} at stake" if alert.amount is not None else ""
    return (
        Span(f"  {words(clean(alert.alert_type))}", "strong"),
        Span(f"  {alert.severity}", SEVERITY_TONE[alert.severity]),
        Span(stake, "warn"),
    )


def _raised(alert: Alert) -> str:
    by = f"by rule {alert.rule_id}, version {alert.rule_version}" if alert.rule_id else "by hand, no rule"
    return f"{day_and_time(alert.detected_at)} {by}"


def _seen(alert: Alert, kept: Sequence[Telemetry], sheet: Sheet) -> list[Line]:
    if not alert.event_ids and not kept:
        return [said("  no telemetry is behind this alert", "dim")]
    if not kept:
        few = ", ".join(alert.event_ids[:SHOWN_IDS])
        text = f"the events themselves were not kept with this case; their ids: {few}"
        return sheet.text(text, "  ", "warn")
    of = f"{len(kept)} of " if len(alert.event_ids) > len(kept) else ""
    events = f"{of}{plural(max(len(alert.event_ids), len(kept)), 'event')}"
    heading = sheet.heading(f"the telemetry behind it, {events}, {zone(kept[0].occurred_at)}")
    return [heading, *(line for event in kept for line in _event(event, sheet))]


def _event(event: Telemetry, sheet: Sheet) -> list[Line]:
    """One event, wrapped under its own words."""
    what, tone = telemetry_words(event)
    lead = f"  {stamp(event.occurred_at)}  {words(event.event_type):<15}"
    named = f"{what}  ({event.event_id})" if sheet.width >= IDS_FROM else what
    return hanging(lead, named, tone, sheet, "")

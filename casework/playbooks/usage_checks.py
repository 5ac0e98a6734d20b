"""Checks over daily usage: how far from usual, for how long, and whether it happens every week."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from statistics import median

from casework.finding import Claim, ClaimStatus
from casework.playbooks.evidence import RECENT_DAYS, Evidence
from casework.playbooks.playbook import claim
from casework.playbooks.typed_rows import UsageDay, refs

SPIKE = 3.0
"""Times the usual day from which a day is called a spike."""
ORDINARY = 1.6
"""Times the usual day up to which a day is called ordinary."""
WEEKS_BACK = 4
LEAST_HISTORY = 7


def data_spike(evidence: Evidence) -> Iterator[Claim]:
    """Days far above the usual one."""
    usual = _usual([day.megabytes for day in _older(evidence)])
    spikes = [day for day in _recent(evidence) if usual and day.megabytes >= SPIKE * usual]
    if not usual or not spikes:
        return
    top = max(spikes, key=lambda day: day.megabytes)
    times = top.megabytes / usual
    weight = 0.7 if times >= 20 else 0.5 if times >= 8 else 0.35
    text = f"{_gb(top.megabytes)} on {top.day:%d %B} where {_gb(usual)} is usual ({times:.1f} times)"
    yield claim("data_spike", text, weight, refs([top]))
    if len(spikes) >= 2:
        days = (spikes[-1].day - spikes[0].day).days + 1
        time = "in a row" if days == len(spikes) else f"within {days} days"
        yield claim("data_spike_lasts", f"{len(spikes)} such days {time}", 0.2, refs(spikes))
    yield from _every_week(evidence, spikes, weight + (0.2 if len(spikes) >= 2 else 0.0))


def _every_week(evidence: Evidence, spikes: Sequence[UsageDay], weight: float) -> Iterator[Claim]:
    """The same weekdays look the same in most of the weeks before: a habit, not an event."""
    by_day = {day.day: day for day in evidence.usage}
    echoes: list[UsageDay] = []
    fewest = WEEKS_BACK
    for spike in spikes:
        past = [by_day.get(spike.day - timedelta(weeks=week)) for week in range(1, WEEKS_BACK + 1)]
        alike = [day for day in past if day is not None and day.megabytes >= 0.6 * spike.megabytes]
        if len(alike) < WEEKS_BACK - 1:
            return
        echoes += alike
        fewest = min(fewest, len(alike))
    weeks = f"the {WEEKS_BACK}" if fewest == WEEKS_BACK else f"at least {fewest} of the {WEEKS_BACK}"
    text = f"the same weekdays looked the same in {weeks} weeks before"
    yield claim("every_week", text, -weight, refs(echoes))


def spike_denied(evidence: Evidence) -> Iterator[Claim]:
    """The alert says that usage rose; the usage table of those days says that it did not."""
    usual = _usual([day.megabytes for day in _older(evidence)])
    recent = _recent(evidence)
    if not usual or not recent:
        return
    top = max(recent, key=lambda day: day.megabytes)
    if top.megabytes < ORDINARY * usual:
        text = (
            f"the alert says usage rose, but no day since {recent[0].day:%d %B} is above"
            f" {_gb(top.megabytes)}, where {_gb(usual)} is usual"
        )
        yield claim("spike_denied", text, 0.0, refs(recent), ClaimStatus.CONTRADICTED)


def voice_spike(evidence: Evidence) -> Iterator[Claim]:
    """Days with far more call minutes than usual."""
    usual = max(_usual([day.voice_minutes for day in _older(evidence)]), 1.0)
    spikes = [day for day in _recent(evidence) if day.voice_minutes >= max(120, SPIKE * usual)]
    if spikes:
        top = max(spikes, key=lambda day: day.voice_minutes)
        times = top.voice_minutes / usual
        text = f"{top.voice_minutes:.0f} call minutes on {top.day:%d %B} where {usual:.0f} are usual"
        yield claim("voice_spike", text, 0.7 if times >= 8 else 0.4, refs(spikes))


def ordinary_usage(evidence: Evidence) -> Iterator[Claim]:
    """Usage looks as ever: said for the record, without weight."""
    usual = _usual([day.megabytes for day in _older(evidence)])
    recent = _recent(evidence)
    if usual and recent and max(day.megabytes for day in recent) < ORDINARY * usual:
        text = f"data usage is ordinary, about {_gb(usual)} a day"
        yield claim("ordinary_usage", text, 0.0, refs(recent))


def _recent(evidence: Evidence) -> list[UsageDay]:
    since = evidence.now.date() - timedelta(days=RECENT_DAYS)
    return [day for day in evidence.usage if day.day >= since]


def _older(evidence: Evidence) -> list[UsageDay]:
    since = evidence.now.date() - timedelta(days=RECENT_DAYS)
    return [day for day in evidence.usage if day.day < since]


def _usual(values: Sequence[float]) -> float:
    """The usual value; 0 when there is too little history to say."""
    return median(values) if len(values) >= LEAST_HISTORY else 0.0


def _gb(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB"


ANY = (data_spike, voice_spike, ordinary_usage)
ABOUT_DATA = (data_spike, spike_denied, voice_spike)

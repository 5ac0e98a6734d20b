"""Moments as people write them: 30m, 2h, 14:30, tomorrow 9:00, fri, 2026-03-02, each of one's own day."""

import re
from datetime import UTC, datetime, time, timedelta

from console.format import shortened

WAYS = "30m, 2h, 1d, 14:30, tomorrow 9:00, fri, 2026-03-02 or 2026-03-02T14:30"
BEGINS = time(9)
"""When a day begins that is named without a time."""

_SPAN = re.compile(r"(\d{1,5})([mhd])")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FEWEST_LETTERS = 3
_QUOTED = 40


class MomentError(ValueError):
    """What was written is no moment to come; the message, of one line, says what is possible."""


def moment(text: str, now: datetime) -> datetime:
    """The moment that is meant, to come; a bare time of day is the next one. Raises MomentError."""
    written = text.strip().lower()
    quoted = shortened(text.strip(), _QUOTED) or "nothing"
    try:
        found = _read(written, now)
    except (ValueError, OverflowError) as error:
        raise MomentError(f"{quoted} is no time; write {WAYS}") from error
    if found <= now:
        raise MomentError(f"{quoted} is past; write {WAYS}")
    return found


def moment_and_words(text: str, now: datetime) -> tuple[datetime, str]:
    """A moment and what was written after it, there or on the next lines. Raises MomentError."""
    head, *more = text.strip().splitlines() or [""]
    first, _, rest = head.partition(" ")
    second, _, after = rest.strip().partition(" ")
    if _CLOCK.fullmatch(second) and _is_day(first.lower()):
        when, rest = moment(f"{first} {second}", now), after
    else:
        when = moment(first, now)
    return when, "\n".join([rest.strip(), *more]).strip()


def _is_day(written: str) -> bool:
    """Whether a time of day may stand behind it."""
    return _named_day(written) is not None or ("-" in written and "t" not in written)


def _named_day(written: str) -> int | None:
    """Monday is 0, tomorrow and today are -1 and -2; None is no name of a day."""
    if written in ("today", "tomorrow"):
        return -1 if written == "tomorrow" else -2
    if len(written) < _FEWEST_LETTERS:
        return None
    return next((at for at, day in enumerate(_WEEKDAYS) if day.startswith(written)), None)


def _read(written: str, now: datetime) -> datetime:
    if found := _SPAN.fullmatch(written):
        return now + timedelta(seconds=int(found.group(1)) * _UNIT_SECONDS[found.group(2)])
    if found := _CLOCK.fullmatch(written):
        return _next(_clock(written), now)
    day, _, clock = written.partition(" ")
    if (named := _named_day(day)) is not None:
        return _on(named, _clock(clock) if clock else BEGINS, now)
    return datetime.fromisoformat(written.upper().replace(" ", "T")).astimezone(UTC)


def _clock(written: str) -> time:
    found = _CLOCK.fullmatch(written.strip())
    if found is None:
        raise ValueError(written)
    return time(int(found.group(1)), int(found.group(2)))


def _on(named: int, clock: time, now: datetime) -> datetime:
    """That time today, tomorrow, or on the next such weekday, this one if it is still to come."""
    today = now.astimezone().replace(tzinfo=None)
    if named < 0:
        ahead = 1 if named == -1 else 0
    else:
        ahead = (named - today.weekday()) % 7
        ahead += 7 if ahead == 0 and clock <= today.time() else 0
    return datetime.combine(today.date() + timedelta(days=ahead), clock).astimezone(UTC)


def _next(clock: time, now: datetime) -> datetime:
    """The next time the clock on the analyst's wall says this."""
    today = now.astimezone().replace(tzinfo=None)
    return _on(-2 if clock > today.time() else -1, clock, now)

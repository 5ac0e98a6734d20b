"""Moments as people write them: 30m, 2h, 14:30, 2026-03-02, 2026-03-02 14:30, each of one's own day."""

import re
from datetime import UTC, datetime, time, timedelta

WAYS = "30m, 2h, 1d, 14:30, 2026-03-02 or 2026-03-02T14:30"

_SPAN = re.compile(r"(\d{1,5})([mhd])")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400}


class MomentError(ValueError):
    """What was written is no moment to come; the message says what is possible."""


def moment(text: str, now: datetime) -> datetime:
    """The moment that is meant, to come; a bare time of day is the next one. Raises MomentError."""
    written = text.strip().lower()
    try:
        found = _read(written, now)
    except (ValueError, OverflowError) as error:
        raise MomentError(f"{text.strip()[:40] or 'nothing'} is no time; write {WAYS}") from error
    if found <= now:
        raise MomentError(f"{text.strip()[:40]} is past; write {WAYS}")
    return found


def moment_and_words(text: str, now: datetime) -> tuple[datetime, str]:
    """A moment and what was written after it. Raises MomentError."""
    first, _, rest = text.strip().partition(" ")
    second, _, words = rest.strip().partition(" ")
    if _CLOCK.fullmatch(second) and "-" in first and "t" not in first.lower():
        return moment(f"{first}T{second}", now), words.strip()
    return moment(first, now), rest.strip()


def _read(written: str, now: datetime) -> datetime:
    if found := _SPAN.fullmatch(written):
        return now + timedelta(seconds=int(found.group(1)) * _UNIT_SECONDS[found.group(2)])
    if found := _CLOCK.fullmatch(written):
        return _next(time(int(found.group(1)), int(found.group(2))), now)
    return datetime.fromisoformat(written.upper()).astimezone(UTC)


def _next(clock: time, now: datetime) -> datetime:
    """The next time the clock on the analyst's wall says this."""
    today = now.astimezone().replace(tzinfo=None)
    day = today.date() if clock > today.time() else today.date() + timedelta(days=1)
    return datetime.combine(day, clock).astimezone(UTC)

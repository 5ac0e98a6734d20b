"""What is called out, until it was in view for long enough, was opened or was put away. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from console.lines import Tone

IN_VIEW = timedelta(seconds=30)
"""How long one stays, counted only while it can be seen."""
MOST_KEPT = 20
LONGEST_STEP = timedelta(seconds=2)
"""More than this between two looks at the clock is sleep, in which nobody saw anything."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to look up for: about which case, and what.

    `until_decided` marks a warning that means nothing any more once the case has been decided.
    """

    case_id: str
    text: str
    tone: Tone = "warn"
    until_decided: bool = False


@dataclass(frozen=True, slots=True)
class _Toast:
    alarm: Alarm
    left: timedelta = IN_VIEW


class Tray:
    """The alarms that are called out now, newest first, and behind them those that went by unopened."""

    def __init__(self) -> None:
        self._fresh: list[_Toast] = []
        self._past: list[Alarm] = []
        self._at: datetime | None = None

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What is to be shown, newest first."""
        return tuple(toast.alarm for toast in self._fresh)

    def add(self, alarm: Alarm) -> None:
        """Call something out; the same words about the same case begin anew instead of standing twice."""
        others = [toast for toast in self._fresh if toast.alarm != alarm]
        self._fresh = [_Toast(alarm), *others][:MOST_KEPT]

    def pass_time(self, now: datetime, *, in_view: bool) -> None:
        """Let time go by; what was in view for long enough goes."""
        step = min(now - self._at, LONGEST_STEP) if self._at else timedelta()
        self._at = now
        if not (in_view and self._fresh):
            return
        aged = [replace(toast, left=toast.left - step) for toast in self._fresh]
        self._fresh = [toast for toast in aged if toast.left > timedelta()]
        gone = [toast.alarm for toast in aged if toast.left <= timedelta()]
        self._past = [*gone, *self._past][:MOST_KEPT]

    def take(self) -> Alarm | None:
        """The newest one, to be opened; one that went by unopened when none is shown."""
        if self._fresh:
            return self._fresh.pop(0).alarm
        return self._past.pop(0) if self._past else None

    def put_away(self) -> bool:
        """Take everything away, and whether there was anything."""
        shown, self._fresh, self._past = bool(self._fresh), [], []
        return shown

    def keep(self, still_true: Callable[[Alarm], bool]) -> None:
        """Drop what means nothing any more."""
        self._fresh = [toast for toast in self._fresh if still_true(toast.alarm)]
        self._past = [alarm for alarm in self._past if still_true(alarm)]

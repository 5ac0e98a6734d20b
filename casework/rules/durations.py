"""Durations as people write them ("2h", "90s", 300) and as people read them ("7 minutes")."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PATTERN = re.compile(r"^(\d+(?:\.\d+)?)\s*([smhd])$")
_ALLOWED = 'allowed: a number of seconds, or a number with s, m, h or d such as "300s", "15m", "2h", "1d"'
LONGEST_SECONDS = 7 * 86400


def parse_seconds(value: Any) -> float:
    """Seconds in a duration; raises ValueError that says what is allowed."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(_ALLOWED)
    if isinstance(value, int | float):
        return float(value)
    match = _PATTERN.match(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is not a duration; {_ALLOWED}")
    return float(match.group(1)) * _UNITS[match.group(2)]


Seconds = Annotated[float, BeforeValidator(parse_seconds), Field(ge=1, le=LONGEST_SECONDS)]
"""A duration between one second and seven days, in seconds."""


def in_words(seconds: float) -> str:
    """A duration a person can read at a glance: "40 seconds", "7 minutes", "2 hours"."""
    if seconds < 1:
        return "under a second"
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or seconds == size:
            return _counted(round(seconds / size), name)
    return _counted(round(seconds), "second")


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"

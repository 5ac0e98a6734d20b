"""How operators write an age and a list of statuses."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")

ENDED_STATUSES = ("completed", "failed", "terminated", "canceled")


def parse_age(text: str) -> timedelta:
    """``30d``, ``12h``, ``90m``, ``45s`` or ``2w``. Raises ValueError with a sentence."""
    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError("an age is a number and a unit: 45s, 90m, 12h, 30d or 2w")
    try:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    except OverflowError:
        raise ValueError("an age is shorter than a million days") from None


def parse_statuses(text: str) -> frozenset[str]:
    """``completed,failed``: statuses an instance ends in. Raises ValueError with a sentence."""
    wanted = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    unknown = sorted(wanted.difference(ENDED_STATUSES))
    if unknown or not wanted:
        raise ValueError(f"statuses are {', '.join(ENDED_STATUSES)}, separated by commas")
    return wanted

"""Where time enters the console."""

import time
from datetime import UTC, datetime


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def ticks() -> float:
    """Seconds that pass for the person at the keyboard, whatever the clock on the wall does."""
    return time.monotonic()

"""What one shift hands to the next: gathered from the server, and sorted by what it means."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime

from casework.actor import Actor
from casework.alert import Frozen
from casework.filters import in_order
from casework.transitions import AWAITING, Status
from casework.views import CaseSummary
from console.problems import UsageError

if TYPE_CHECKING:
    from console.api import ConsoleApi

PAGE = 500
MOST_OPEN = 20_000
MOST_CHANGED = 2_000
DUE_WITHIN = timedelta(hours=12)
BEFORE_ANY_LOGIN = timedelta(hours=12)
"""How far back is looked when no login is known."""
IN_FORCE_SOON = frozenset({Status.DECIDED, Status.HELD, Status.EXECUTING})

Since = Literal["given", "last login", "no login known"]


class Handoff(Frozen):
    """The desk at the change of a shift."""

    at: AwareDatetime
    since: AwareDatetime
    since_is: Since
    operator: Actor
    environment: str
    by_status: dict[Status, int]
    claimed: tuple[CaseSummary, ...]
    due: tuple[CaseSummary, ...]
    held: tuple[CaseSummary, ...]
    changed: tuple[CaseSummary, ...]
    whole: bool
    """Whether every open and every changed case was looked at."""

    @property
    def opened(self) -> int:
        """How many of the changed cases are new."""
        return sum(row.opened_at >= self.since for row in self.changed)

    @property
    def closed(self) -> int:
        """How many of the changed cases are closed."""
        return sum(row.status is Status.CLOSED for row in self.changed)


async def gather(api: "ConsoleApi", since: datetime, since_is: Since, now: datetime) -> Handoff:
    """Ask the server for everything a handover says."""
    me = await api.me()
    counts = await api.counts()
    rows, all_open = await _pages(api, MOST_OPEN, status="open", sort="deadline")
    recent, all_recent = await _pages(api, MOST_CHANGED, since=since, sort="updated", desc="true")
    mine = [row for row in rows if row.claim is not None and row.claim.actor_id == me.actor.actor_id]
    due = [
        row for row in rows if row.status in AWAITING and row.deadline and row.deadline <= now + DUE_WITHIN
    ]
    return Handoff(
        at=now,
        since=since,
        since_is=since_is,
        operator=me.actor,
        environment=me.environment,
        by_status={status: counts.by_status[status] for status in Status if counts.by_status.get(status)},
        claimed=_ordered(mine),
        due=_ordered(due),
        held=_ordered(row for row in rows if row.status in IN_FORCE_SOON),
        changed=tuple(sorted(recent, key=lambda row: row.updated_at, reverse=True)),
        whole=all_open and all_recent,
    )


def _ordered(rows: Iterable[CaseSummary]) -> tuple[CaseSummary, ...]:
    return tuple(in_order(rows))


async def _pages(
    api: "ConsoleApi", most: int, since: datetime | None = None, **query: str
) -> tuple[list[CaseSummary], bool]:
    """Rows up to a bound, those changed since a moment if one is given; and whether these are all."""
    rows: list[CaseSummary] = []
    after: dict[str, str] = {}
    while True:
        page = await api.cases(**query, limit=str(PAGE), **after)
        fresh = [row for row in page.items if since is None or row.updated_at >= since]
        rows += fresh
        if page.next_cursor is None or (since is not None and not fresh):
            return rows, True
        if len(rows) >= most:
            return rows, False
        after = {"cursor": page.next_cursor}


_AGO = re.compile(r"(\d+(?:\.\d+)?)([mhd])")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> datetime:
    """A time as people write it: 8h (ago), 06:30 (the last one), or a date and time. Raises UsageError."""
    if ago := _AGO.fullmatch(text.strip()):
        try:
            return now - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
        except OverflowError:
            raise UsageError(f"{text} is too long ago") from None
    if clock := _CLOCK.fullmatch(text.strip()):
        today = now.astimezone().replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return today if today <= now else today - timedelta(days=1)
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(f"{text} is no time; write 8h, 06:30 or 2026-01-31T06:30") from None

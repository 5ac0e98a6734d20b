"""What the console knows. `reducing.reduce` is the one way in which it comes to know more. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from casework.events import CaseEvent
from casework.links import MOST_LINKED
from casework.views import CaseDetail, CaseSummary, Me, TelemetrySeen
from console import news as n
from console.rings import Rings

RATE_SECONDS = 10

Phase = Literal["connecting", "live", "away"]


@dataclass(frozen=True, slots=True)
class Connection:
    """How the line to the server is, and since when."""

    phase: Phase = "connecting"
    since: datetime | None = None
    heard_at: datetime | None = None
    reason: str = ""
    short: str = ""
    retry_at: datetime | None = None
    heartbeat_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """The server wants somebody to sign in: why, and once a sign-in has begun the page and the code."""

    reason: str = ""
    page: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class OpenCase:
    """The case on the screen: its detail and its record, both kept current by the stream.

    `gap` says that a change came that does not follow what we have, so it must be read again.
    """

    case_id: str
    detail: CaseDetail | None = None
    events: tuple[CaseEvent, ...] = ()
    gap: bool = False
    error: str = ""
    gone: bool = False
    """The server has no such case: it is forgotten when its page is left."""


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """What is wished of one case or of many, those of them that the server has not answered for yet."""

    what: n.Wish
    case_ids: frozenset[str]
    sent_at: datetime
    tries: int = 1
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TelemetryTail:
    """The latest telemetry, how much comes per second, and which events raised an alert."""

    latest: tuple[TelemetrySeen, ...] = ()
    per_second: tuple[tuple[int, int], ...] = ()
    alerting: tuple[str, ...] = ()

    def rate(self, now: datetime) -> float:
        """Events per second over the last ten whole seconds, or since the first one if that is less."""
        second = int(now.timestamp())
        counted = [(when, count) for when, count in self.per_second if second - RATE_SECONDS <= when < second]
        return sum(count for _, count in counted) / (second - counted[0][0]) if counted else 0.0


@dataclass(frozen=True, slots=True)
class ConsoleState:
    """Everything the screens render. `version` grows whenever a case's row does."""

    me: Me | None = None
    cases: Mapping[str, CaseSummary] = field(default_factory=dict)
    version: int = 0
    rings: Rings = field(default_factory=Rings)
    closed_held: int = 0
    claims: Mapping[str, datetime] = field(default_factory=dict)
    """Until when the cases are held that somebody holds."""
    found: frozenset[str] = frozenset()
    """The cases of the last search at the server; they are kept although closed."""
    touched: tuple[frozenset[str], ...] = ()
    """The cases of the latest versions, newest last: whose rows are new, changed or gone."""
    open_total: int = 0
    loaded_at: datetime | None = None
    cursor: str | None = None
    connection: Connection = Connection()
    sign_in: SignIn | None = None
    seams_away: tuple[str, ...] = ()
    opened: OpenCase | None = None
    telemetry: TelemetryTail = TelemetryTail()
    pending: Mapping[str, OnItsWay] = field(default_factory=dict)
    drafts: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def changed_since(self, version: int) -> frozenset[str] | None:
        """The cases whose rows are not as they were at an earlier version; None when that is unknown."""
        behind = self.version - version
        if behind == 0:
            return frozenset()
        if not 0 < behind <= len(self.touched):
            return None
        return frozenset().union(*self.touched[-behind:])

    def ring(self, customer: int) -> Mapping[int, tuple[CaseSummary, ...]]:
        """The customers linked to one, by either's cases, with those of their cases that are held."""
        near = sorted(self.rings.around(customer))[:MOST_LINKED]
        return {one: tuple(self.cases[case_id] for case_id in self.rings.cases_of(one)) for one in near}

    def sending(self, *what: n.Wish) -> frozenset[str]:
        """The cases on which something of these kinds is on its way; without any, on which anything is."""
        going = (one.case_ids for one in self.pending.values() if not what or one.what in what)
        return frozenset().union(*going)

    def own_claims(self) -> list[CaseSummary]:
        """The cases that we hold."""
        claimed = (self.cases[case_id] for case_id in self.claims)
        return [row for row in claimed if row.claim and row.claim.actor_id == self.actor_id]

    @property
    def open_beyond(self) -> int:
        """How many open cases the server has and we do not hold."""
        return max(0, self.open_total - (len(self.cases) - self.closed_held))

    @property
    def actor_id(self) -> str | None:
        """Who we are to the server, once it said so."""
        return self.me.actor.actor_id if self.me else None

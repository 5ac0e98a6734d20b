"""What the console learns, one value per kind; `reduce` is the only one that acts on them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from casework.events import CaseEvent
from casework.views import CaseChange, CaseDetail, CaseSummary, Me, TelemetrySeen


@dataclass(frozen=True, slots=True)
class MeKnown:
    """The server said who it takes us for."""

    me: Me


@dataclass(frozen=True, slots=True)
class RowsRead:
    """A page of a snapshot that is being read, and how many open cases there are in all."""

    rows: tuple[CaseSummary, ...]
    open_total: int


@dataclass(frozen=True, slots=True)
class QueueRead:
    """The end of a snapshot: every open case (up to our bound) and the latest closed ones are known.

    `read_before` names the open cases that came in pages; the others are here.
    `cursor` was read before the cases were, so whatever the snapshot missed follows in the stream.
    """

    open_cases: tuple[CaseSummary, ...]
    closed_cases: tuple[CaseSummary, ...]
    open_total: int
    cursor: str
    at: datetime
    read_before: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RowsFound:
    """A page of what the server found for a filter; it may hold more than we do.

    Without `further` it begins another search, and what the last one found may be forgotten.
    """

    rows: tuple[CaseSummary, ...]
    further: bool = False


@dataclass(frozen=True, slots=True)
class CasesChanged:
    """Frames of the stream, in the order they came; repeats are possible after a reconnect."""

    changes: tuple[CaseChange, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseAnswered:
    """The server's row of a case in answer to something we asked; it is recorded."""

    summary: CaseSummary


@dataclass(frozen=True, slots=True)
class TelemetryCame:
    """Telemetry frames of the stream, in order."""

    seen: tuple[TelemetrySeen, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class TimePassed:
    """It is so late now: claims end with time alone, and the server says nothing about it."""

    now: datetime


@dataclass(frozen=True, slots=True)
class LineLive:
    """The stream is connected; how long nothing comes at most, where the server said so."""

    at: datetime
    heartbeat_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LineHeard:
    """Something came over the stream, if only a heartbeat."""

    at: datetime


@dataclass(frozen=True, slots=True)
class LineLost:
    """The server is out of reach; when it will be tried again, and why it failed, in words and in few."""

    at: datetime
    reason: str
    retry_at: datetime
    short: str = ""


@dataclass(frozen=True, slots=True)
class SignInWanted:
    """The server wants a token we do not have, or not any more; why, and what to do, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class SignInAsked:
    """A code to type on a page, in any browser; somebody is being waited for."""

    page: str
    code: str


@dataclass(frozen=True, slots=True)
class SignInSettled:
    """Somebody signed in."""


@dataclass(frozen=True, slots=True)
class SeamsKnown:
    """Which of the things the server needs are away; empty when all is well."""

    away: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """The analyst looks at a case now."""

    case_id: str


@dataclass(frozen=True, slots=True)
class CaseLeft:
    """The analyst looks at no case any more."""


@dataclass(frozen=True, slots=True)
class CaseRead:
    """A case whole, with its record, read from the server."""

    detail: CaseDetail
    events: tuple[CaseEvent, ...]


@dataclass(frozen=True, slots=True)
class CaseUnread:
    """The case could not be read; why, in words, and whether the server says that there is no such case."""

    case_id: str
    reason: str
    gone: bool = False


Wish = Literal["decision", "withdrawal", "deferral", "claim", "release", "tag change", "note"]
"""What can be on its way to the server, as a noun that is counted."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Something is wished of a case, or of many with one confirmation; nothing is recorded yet."""

    key: str
    what: Wish
    case_ids: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Stuck:
    """What was sent under a key has not reached the server yet and is sent again, under the same one."""

    key: str
    tries: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """Of the cases that were sent under a key these were recorded or refused; the others still go."""

    key: str
    case_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What was sent under a key was recorded or refused; either way it is no longer on its way."""

    key: str


@dataclass(frozen=True, slots=True)
class DraftKept:
    """Words that were typed for a case and not sent; empty text forgets them."""

    case_id: str
    kind: str
    text: str


News = (
    MeKnown
    | RowsRead
    | QueueRead
    | RowsFound
    | CasesChanged
    | CaseAnswered
    | TelemetryCame
    | TimePassed
    | LineLive
    | LineHeard
    | LineLost
    | SignInWanted
    | SignInAsked
    | SignInSettled
    | SeamsKnown
    | CaseOpened
    | CaseLeft
    | CaseRead
    | CaseUnread
    | Sent
    | Stuck
    | Answered
    | Settled
    | DraftKept
)

"""What the console knows, and `reduce`: the one function through which it comes to know more. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from casework.errors import CaseworkError
from casework.events import CaseClosed, CaseEvent, FindingRecorded, Opened
from casework.history import apply
from casework.links import MOST_LINKED
from casework.transitions import Status
from casework.views import CaseChange, CaseDetail, CaseSummary, Me, TelemetrySeen
from console import news as n
from console.rings import Recount, Rings
from console.rows import light, with_other_cases, without_claim

KEEP_CLOSED = 300
"""Closed cases remembered, newest first; the server has the rest."""
FORGET_CLOSED = 50
"""How many more there may be before some are forgotten."""
KEEP_TOUCHED = 64
"""For so many versions it is known which cases changed; who is further behind reads all."""
KEEP_TELEMETRY = 200
KEEP_ALERTING = 2000
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

    @property
    def open_beyond(self) -> int:
        """How many open cases the server has and we do not hold."""
        return max(0, self.open_total - (len(self.cases) - self.closed_held))

    @property
    def actor_id(self) -> str | None:
        """Who we are to the server, once it said so."""
        return self.me.actor.actor_id if self.me else None


def reduce(state: ConsoleState, event: n.News) -> ConsoleState:  # noqa: PLR0911 (one per kind)
    """The state after one more piece of news. Repeated or reordered news changes nothing twice."""
    match event:
        case n.MeKnown(me):
            return replace(state, me=me)
        case n.RowsRead() | n.RowsFound() | n.QueueRead():
            return _listed(state, event)
        case n.TimePassed(now):
            return _without_ended_claims(state, now)
        case n.CasesChanged(changes, at):
            return _heard(_changed(state, changes), at)
        case n.CaseAnswered(summary):
            return _with_rows(state, [summary])
        case n.TelemetryCame(seen, at):
            return _heard(_telemetry(state, seen, at), at)
        case n.LineLive() | n.LineHeard() | n.LineLost():
            asked = None if isinstance(event, n.LineLive) else state.sign_in
            return replace(state, connection=_connection(state.connection, event), sign_in=asked)
        case n.SignInWanted() | n.SignInAsked() | n.SignInSettled():
            return replace(state, sign_in=_sign_in(state.sign_in, event))
        case n.SeamsKnown(away):
            return state if away == state.seams_away else replace(state, seams_away=away)
        case n.CaseOpened() | n.CaseLeft() | n.CaseRead() | n.CaseUnread():
            return _looking(state, event)
        case n.Sent() | n.Stuck() | n.Answered() | n.Settled():
            return replace(state, pending=_pending(state.pending, event))
        case n.DraftKept(case_id, kind, text):
            kept = {key: value for key, value in state.drafts.items() if key != (case_id, kind)}
            return replace(state, drafts=kept | ({(case_id, kind): text} if text.strip() else {}))


def _sign_in(known: SignIn | None, event: n.SignInWanted | n.SignInAsked | n.SignInSettled) -> SignIn | None:
    """A code that is on the screen stays there until it was typed or is given up."""
    match event:
        case n.SignInWanted(reason):
            return known if known and known.code and "failed" not in reason else SignIn(reason)
        case n.SignInAsked(page, code):
            return SignIn("", page, code)
        case n.SignInSettled():
            return None


def _heard(state: ConsoleState, at: datetime) -> ConsoleState:
    return replace(state, connection=replace(state.connection, heard_at=at))


def _connection(line: Connection, event: n.LineLive | n.LineHeard | n.LineLost) -> Connection:
    match event:
        case n.LineLive(at, heartbeat_seconds):
            return Connection("live", since=at, heard_at=at, heartbeat_seconds=heartbeat_seconds)
        case n.LineHeard(at):
            return replace(line, heard_at=at)
        case n.LineLost(at, reason, retry_at, short):
            since = line.since if line.phase == "away" else at
            lost = replace(line, phase="away", since=since, reason=reason)
            return replace(lost, short=short, retry_at=retry_at)


def _listed(state: ConsoleState, event: n.RowsRead | n.RowsFound | n.QueueRead) -> ConsoleState:
    match event:
        case n.RowsRead(rows, open_total):
            return replace(_with_rows(state, rows), open_total=open_total)
        case n.RowsFound(rows, further):
            before = state.found if further else frozenset[str]()
            return _with_rows(replace(state, found=before.union(row.case_id for row in rows)), rows)
        case n.QueueRead():
            return _queue_read(state, event)


def _queue_read(state: ConsoleState, event: n.QueueRead) -> ConsoleState:
    """A snapshot is whole: what it lacks goes, but for the case on the screen, which is read again."""
    state = _with_rows(state, [*event.open_cases, *event.closed_cases])
    state = _without(state, _gone(state, event))
    looking = replace(state.opened, gap=True) if state.opened else None
    return replace(
        state,
        cursor=event.cursor,
        open_total=event.open_total,
        loaded_at=event.at,
        opened=looking,
        connection=replace(state.connection, heard_at=event.at),
    )


def _gone(state: ConsoleState, event: n.QueueRead) -> frozenset[str]:
    """The cases we hold that a snapshot lacks: the server may have another record than before."""
    rows = (*event.open_cases, *event.closed_cases)
    opened = {state.opened.case_id} if state.opened else set[str]()
    return frozenset(state.cases.keys() - event.read_before.union(row.case_id for row in rows) - opened)


def _without(state: ConsoleState, gone: frozenset[str]) -> ConsoleState:
    """The state without these cases."""
    if not gone:
        return state
    recount = Recount(state.rings)
    for case_id in gone:
        recount.gone(state.cases[case_id])
    closed = sum(state.cases[case_id].status is Status.CLOSED for case_id in gone)
    cases = {case_id: row for case_id, row in state.cases.items() if case_id not in gone}
    rings, recounted = _recounted(recount, cases)
    left = replace(
        state,
        cases=cases,
        rings=rings,
        closed_held=state.closed_held - closed,
        found=state.found - gone,
        claims=_claims(state.claims, gone, cases),
    )
    return _next_version(left, gone | recounted)


def _recounted(recount: Recount, cases: dict[str, CaseSummary]) -> tuple[Rings, frozenset[str]]:
    """The customers after some rows came or went, and the cases whose rows say another number now."""
    rings, numbers = recount.done(cases)
    for case_id, number in numbers.items():
        cases[case_id] = with_other_cases(cases[case_id], number)
    return rings, frozenset(numbers)


def _next_version(state: ConsoleState, touched: frozenset[str]) -> ConsoleState:
    """The state after some rows changed or went."""
    return replace(state, version=state.version + 1, touched=(*state.touched, touched)[-KEEP_TOUCHED:])


def _with_rows(state: ConsoleState, rows: Iterable[CaseSummary]) -> ConsoleState:
    """Rows newer than the ones we have replace them; older ones say nothing new."""
    cases = dict(state.cases)
    closed, ended = state.closed_held, 0
    recount = Recount(state.rings)
    fresh: set[str] = set()
    for read in rows:
        known = cases.get(read.case_id)
        if known is not None and read.seq < known.seq and _same(known, read):
            continue
        row = light(read, known)
        recount.told(known, row)
        if known is not None and row.other_cases != known.other_cases:
            row = with_other_cases(row, known.other_cases)
        if known == row:
            continue
        if row.status is Status.CLOSED and (known is None or known.status is not Status.CLOSED):
            closed += 1
            ended += known is not None
        elif known is not None and known.status is Status.CLOSED and row.status is not Status.CLOSED:
            closed -= 1
        cases[row.case_id] = row
        fresh.add(row.case_id)
    if closed > KEEP_CLOSED + FORGET_CLOSED + len(state.found):
        forgotten = _forget_closed(cases, state.found, recount)
        fresh |= forgotten
        closed -= len(forgotten)
    rings, recounted = _recounted(recount, cases)
    touched = recounted.union(fresh)
    if not touched:
        return state
    left = max(0, state.open_total - ended)
    claims = _claims(state.claims, fresh, cases)
    held = replace(state, cases=cases, rings=rings, closed_held=closed, claims=claims, open_total=left)
    return _next_version(held, touched)


def _claims(
    known: Mapping[str, datetime], touched: Iterable[str], cases: Mapping[str, CaseSummary]
) -> Mapping[str, datetime]:
    """Until when cases are held, after some rows changed or went."""
    changed = {
        case_id: row.claim.until if (row := cases.get(case_id)) is not None and row.claim else None
        for case_id in touched
    }
    if all(known.get(case_id) == until for case_id, until in changed.items()):
        return known
    return {case_id: until for case_id, until in {**known, **changed}.items() if until is not None}


def _without_ended_claims(state: ConsoleState, now: datetime) -> ConsoleState:
    """The state when it is so late: a claim whose time is over is none, as it is to the server."""
    ended = frozenset(case_id for case_id, until in state.claims.items() if until <= now)
    if not ended:
        return state
    cases = {**state.cases, **{case_id: without_claim(state.cases[case_id]) for case_id in ended}}
    return _next_version(replace(state, cases=cases, claims=_claims(state.claims, ended, cases)), ended)


def _same(known: CaseSummary, read: CaseSummary) -> bool:
    """Whether two rows are of one case, and not of two that have an id in common in different records."""
    return known.opened_at == read.opened_at


def _forget_closed(cases: dict[str, CaseSummary], found: frozenset[str], recount: Recount) -> set[str]:
    """Drop all closed cases but the latest and those that were searched for; returns which."""
    closed = [row for row in cases.values() if row.status is Status.CLOSED and row.case_id not in found]
    closed.sort(key=lambda row: row.updated_at, reverse=True)
    dropped = {row.case_id for row in closed[KEEP_CLOSED:]}
    for case_id in dropped:
        recount.gone(cases.pop(case_id))
    return dropped


def _changed(state: ConsoleState, changes: tuple[CaseChange, ...]) -> ConsoleState:
    if not changes:
        return state
    open_total = state.open_total + _newly_open(state, changes)
    state = _with_rows(replace(state, open_total=open_total), (change.summary for change in changes))
    alerting = [
        event_id
        for change in changes
        if isinstance(change.event.body, Opened)
        for event_id in change.event.body.alert.event_ids
    ]
    tail = state.telemetry
    marked = tuple(dict.fromkeys((*tail.alerting, *alerting)))[-KEEP_ALERTING:]
    return replace(
        state,
        cursor=changes[-1].cursor,
        opened=_followed(state.opened, changes),
        telemetry=replace(tail, alerting=marked) if alerting else tail,
    )


def _newly_open(state: ConsoleState, changes: tuple[CaseChange, ...]) -> int:
    """How many more cases are open by the first change of each that we do not hold."""
    more, seen = 0, set[str]()
    for change in changes:
        if change.event.case_id in seen or change.event.case_id in state.cases:
            continue
        seen.add(change.event.case_id)
        open_now = change.summary.status is not Status.CLOSED
        more += isinstance(change.event.body, Opened) and open_now
        more -= isinstance(change.event.body, CaseClosed)
    return more


def _followed(opened: OpenCase | None, changes: tuple[CaseChange, ...]) -> OpenCase | None:
    """The case on screen after changes: each one applied in order, a gap noted where one is missing."""
    if opened is None:
        return None
    mine = [change for change in changes if change.event.case_id == opened.case_id]
    for change in mine:
        opened = _follow(opened, change)
    return opened


def _follow(opened: OpenCase, change: CaseChange) -> OpenCase:
    event = change.event
    opened = replace(opened, events=merged(opened.events, (event,)))
    detail = opened.detail
    if detail is None or event.seq <= detail.case.seq:
        return opened
    try:
        case = apply(detail.case, event)
    except CaseworkError:
        return replace(opened, gap=True)
    findings = detail.findings
    if isinstance(event.body, FindingRecorded):
        findings = (*findings, event.body.finding)
    summary = change.summary if change.summary.seq >= detail.summary.seq else detail.summary
    update = {"case": case, "findings": findings, "summary": summary}
    return replace(opened, detail=detail.model_copy(update=update))


def merged(events: tuple[CaseEvent, ...], more: Iterable[CaseEvent]) -> tuple[CaseEvent, ...]:
    """A case's record with more events in it: each sequence number once, in order."""
    by_seq = {event.seq: event for event in events}
    for event in more:
        by_seq.setdefault(event.seq, event)
    if len(by_seq) == len(events):
        return events
    return tuple(by_seq[seq] for seq in sorted(by_seq))


def _looking(  # noqa: PLR0911 (one per kind of news)
    state: ConsoleState, event: n.CaseOpened | n.CaseLeft | n.CaseRead | n.CaseUnread
) -> ConsoleState:
    opened = state.opened
    match event:
        case n.CaseOpened(case_id):
            if opened is not None and opened.case_id == case_id:
                return state
            return replace(_left(state), opened=OpenCase(case_id))
        case n.CaseLeft():
            return _left(state)
        case n.CaseRead(detail, events):
            state = _with_rows(state, [detail.summary])
            if opened is None or opened.case_id != detail.case.case_id:
                return state
            return replace(state, opened=_read(opened, detail, events))
        case n.CaseUnread(case_id, reason, gone):
            if opened is None or opened.case_id != case_id:
                return state
            return replace(state, opened=replace(opened, error=reason, gap=False, gone=gone))


def _left(state: ConsoleState) -> ConsoleState:
    """No case on the screen; one that is no more goes with its page."""
    opened = state.opened
    if opened is not None and opened.gone and opened.case_id in state.cases:
        state = _without(state, frozenset({opened.case_id}))
    return replace(state, opened=None)


def _read(opened: OpenCase, detail: CaseDetail, events: tuple[CaseEvent, ...]) -> OpenCase:
    if opened.detail is not None and not _same(opened.detail.summary, detail.summary):
        opened = OpenCase(opened.case_id)
    if opened.detail is not None and opened.detail.case.seq > detail.case.seq:
        return replace(opened, events=merged(opened.events, events), gap=False, error="")
    seen = merged(opened.events, events)
    beyond = any(event.seq > detail.case.seq for event in seen)
    return OpenCase(opened.case_id, detail=detail, events=seen, gap=beyond)


def _pending(
    pending: Mapping[str, OnItsWay], event: n.Sent | n.Stuck | n.Answered | n.Settled
) -> Mapping[str, OnItsWay]:
    match event:
        case n.Sent(key, what, case_ids, at):
            return {**pending, key: OnItsWay(what, frozenset(case_ids), at)}
        case n.Stuck(key, tries, reason) if key in pending:
            return {**pending, key: replace(pending[key], tries=tries, reason=reason)}
        case n.Answered(key, case_ids) if key in pending:
            left = pending[key].case_ids.difference(case_ids)
            if not left:
                return _settled(pending, key)
            return {**pending, key: replace(pending[key], case_ids=left, tries=0, reason="")}
        case n.Settled(key):
            return _settled(pending, key)
        case _:
            return pending


def _settled(pending: Mapping[str, OnItsWay], key: str) -> Mapping[str, OnItsWay]:
    return {other: value for other, value in pending.items() if other != key}


def _telemetry(state: ConsoleState, seen: tuple[TelemetrySeen, ...], at: datetime) -> ConsoleState:
    tail = state.telemetry
    known = {item.event.event_id for item in tail.latest}
    fresh = tuple({item.event.event_id: item for item in seen if item.event.event_id not in known}.values())
    if not fresh:
        return state
    second = int(at.timestamp())
    buckets = {when: count for when, count in tail.per_second if second - when <= RATE_SECONDS + 1}
    buckets[second] = buckets.get(second, 0) + len(fresh)
    latest = (*tail.latest, *fresh)[-KEEP_TELEMETRY:]
    moved = replace(tail, latest=latest, per_second=tuple(sorted(buckets.items())))
    return replace(state, telemetry=moved, cursor=seen[-1].cursor)

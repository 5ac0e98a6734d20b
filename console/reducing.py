"""`reduce`: the one function through which the console comes to know more. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from casework.events import Opened
from casework.views import CaseChange, TelemetrySeen
from console import news as n
from console.following import followed, read_anew
from console.keeping import listed, newly_open, with_rows, without, without_ended_claims
from console.state import RATE_SECONDS, Connection, ConsoleState, OnItsWay, OpenCase, SignIn

KEEP_TELEMETRY = 200
KEEP_ALERTING = 2000


def reduce(state: ConsoleState, event: n.News) -> ConsoleState:  # noqa: PLR0911 (one per kind)
    """The state after one more piece of news. Repeated or reordered news changes nothing twice."""
    match event:
        case n.MeKnown(me):
            return replace(state, me=me)
        case n.RowsRead() | n.RowsFound() | n.QueueRead():
            return listed(state, event)
        case n.TimePassed(now):
            return without_ended_claims(state, now)
        case n.CasesChanged(changes, at):
            return _heard(_changed(state, changes), at)
        case n.CaseAnswered(summary):
            return with_rows(state, [summary])
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


def _changed(state: ConsoleState, changes: tuple[CaseChange, ...]) -> ConsoleState:
    if not changes:
        return state
    open_total = state.open_total + newly_open(state, changes)
    state = with_rows(replace(state, open_total=open_total), (change.summary for change in changes))
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
        opened=followed(state.opened, changes),
        telemetry=replace(tail, alerting=marked) if alerting else tail,
    )


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
            state = with_rows(state, [detail.summary])
            if opened is None or opened.case_id != detail.case.case_id:
                return state
            return replace(state, opened=read_anew(opened, detail, events))
        case n.CaseUnread(case_id, reason, gone):
            if opened is None or opened.case_id != case_id:
                return state
            return replace(state, opened=replace(opened, error=reason, gap=False, gone=gone))


def _left(state: ConsoleState) -> ConsoleState:
    """No case on the screen; one that is no more goes with its page."""
    opened = state.opened
    if opened is not None and opened.gone and opened.case_id in state.cases:
        state = without(state, frozenset({opened.case_id}))
    return replace(state, opened=None)


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

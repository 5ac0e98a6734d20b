"""Which rows of cases the console keeps, and what is counted of them, as they come, change and go. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from casework.events import CaseClosed, Opened
from casework.transitions import Status
from casework.views import CaseChange, CaseSummary
from console import news as n
from console.rings import Recount, Rings
from console.rows import light, with_claim, with_other_cases
from console.state import ConsoleState

KEEP_CLOSED = 300
"""Closed cases remembered, newest first; the server has the rest."""
FORGET_CLOSED = 50
"""How many more there may be before some are forgotten."""
KEEP_TOUCHED = 64
"""For so many versions it is known which cases changed; who is further behind reads all."""


def listed(state: ConsoleState, event: n.RowsRead | n.RowsFound | n.QueueRead) -> ConsoleState:
    match event:
        case n.RowsRead(rows, open_total):
            return replace(with_rows(state, rows), open_total=open_total)
        case n.RowsFound(rows, further):
            before = state.found if further else frozenset[str]()
            return with_rows(replace(state, found=before.union(row.case_id for row in rows)), rows)
        case n.QueueRead():
            return _queue_read(state, event)


def _queue_read(state: ConsoleState, event: n.QueueRead) -> ConsoleState:
    """A snapshot is whole: what it lacks goes, but for the case on the screen, which is read again."""
    state = with_rows(state, [*event.open_cases, *event.closed_cases])
    state = without(state, _gone(state, event))
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


def without(state: ConsoleState, gone: frozenset[str]) -> ConsoleState:
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


def with_rows(state: ConsoleState, rows: Iterable[CaseSummary]) -> ConsoleState:
    """Rows newer than the ones we have replace them; older ones say nothing new."""
    cases = dict(state.cases)
    closed, ended = state.closed_held, 0
    recount = Recount(state.rings)
    fresh: set[str] = set()
    for read in rows:
        known = cases.get(read.case_id)
        if known is not None and read.seq < known.seq and same_record(known, read):
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


def without_ended_claims(state: ConsoleState, now: datetime) -> ConsoleState:
    """The state when it is so late: a claim whose time is over is none, as it is to the server."""
    ended = frozenset(case_id for case_id, until in state.claims.items() if until <= now)
    if not ended:
        return state
    cases = {**state.cases, **{case_id: with_claim(state.cases[case_id], None) for case_id in ended}}
    return _next_version(replace(state, cases=cases, claims=_claims(state.claims, ended, cases)), ended)


def same_record(known: CaseSummary, read: CaseSummary) -> bool:
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


def newly_open(state: ConsoleState, changes: tuple[CaseChange, ...]) -> int:
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

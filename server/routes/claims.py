"""Taking a case, giving it back, deferring it, and asking for the next one."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from fastapi import APIRouter

from casework import commands
from casework.actor import Actor
from casework.case import Case
from casework.errors import ConflictError, NotFoundError
from casework.events import NewEvent
from casework.filters import Filter, View
from casework.handing_out import passed_on_by, suits
from casework.permissions import Permission
from casework.ports import CaseQuery
from casework.recording import record
from casework.transitions import AWAITING
from casework.views import CaseSummary, DeferRequest, NextRequest
from server.bodies import StrictJsonRoute
from server.dependencies import Caller, CaseId, TheDesk
from server.desk import Desk
from server.filtering import understood
from server.identity.declared import needs
from server.openapi import problems
from server.summaries import summaries_of, summary_of

CANDIDATES = 50
ROUNDS = 5

router = APIRouter(prefix="/cases", tags=["claims"], route_class=StrictJsonRoute)


@router.post("/next", summary="Claim the most urgent waiting case", responses=problems(404, 422))
@needs(Permission.WORK)
async def next_case(desk: TheDesk, actor: Caller, wanted: NextRequest | None = None) -> CaseSummary:
    """Of the unclaimed cases that wait for somebody like the caller, the one that expires first.

    Two callers never get the same one; a deferred case is not handed out, and one that the caller escalated
    themselves only when nothing else waits. With a `filter` it is the first of those that match; 422 for one
    that cannot be understood.
    """
    wanted = wanted or NextRequest()
    matching = understood(wanted.filter)
    for _ in range(ROUNDS):
        taken, raced = await _take_first(desk, actor, wanted, matching)
        if taken is not None:
            return await summary_of(desk, taken)
        if not raced:
            break
    raise NotFoundError("no case waits for you now")


@router.post("/{case_id}/claim", summary="Claim, or renew a claim", responses=problems(403, 404, 409))
@needs(Permission.WORK)
async def claim(case_id: CaseId, desk: TheDesk, actor: Caller) -> CaseSummary:
    """Nobody else can take the case until the claim expires or is released."""
    now = desk.clock()
    seconds = desk.policy.claim_seconds
    done = await record(desk.backends.cases, case_id, lambda case: commands.claim(case, actor, now, seconds))
    return await summary_of(desk, done.case)


@router.delete("/{case_id}/claim", summary="Release a claim", responses=problems(403, 404, 409))
@needs(Permission.WORK)
async def release(case_id: CaseId, desk: TheDesk, actor: Caller) -> CaseSummary:
    """One's own, or anybody's for a senior. Releasing what nobody holds changes nothing, but that a
    deferred case comes back."""
    now = desk.clock()
    done = await record(desk.backends.cases, case_id, lambda case: commands.release(case, actor, now))
    return await summary_of(desk, done.case)


@router.post("/{case_id}/deferral", summary="Defer a case until a time", responses=problems(403, 404, 409))
@needs(Permission.WORK)
async def defer(case_id: CaseId, request: DeferRequest, desk: TheDesk, actor: Caller) -> CaseSummary:
    """Until then it is off the desk; it comes back by itself, or when somebody claims or decides it.

    422 for a time that is past or not before the decision deadline.
    """
    now = desk.clock()
    done = await record(
        desk.backends.cases,
        case_id,
        lambda case: commands.defer(case, actor, now, request.until, request.reason),
    )
    return await summary_of(desk, done.case)


@router.delete("/{case_id}/deferral", summary="Bring a deferred case back", responses=problems(403, 404, 409))
@needs(Permission.WORK)
async def end_deferral(case_id: CaseId, desk: TheDesk, actor: Caller) -> CaseSummary:
    """At once; bringing back what is not deferred changes nothing."""
    now = desk.clock()
    done = await record(desk.backends.cases, case_id, lambda case: commands.end_deferral(case, actor, now))
    return await summary_of(desk, done.case)


async def _take_first(
    desk: Desk, actor: Actor, wanted: NextRequest, matching: Filter
) -> tuple[Case | None, bool]:
    """The first candidate that could be claimed, and whether somebody else was faster with another.

    What the caller passed on themselves comes after everything else.
    """
    raced, passed_on = False, list[str]()
    async with aclosing(_waiting(desk, actor, wanted, matching)) as waiting:
        async for case in waiting:
            if not suits(case, actor):
                continue
            if passed_on_by(case, actor):
                passed_on.append(case.case_id)
            elif (taken := await _take(desk, case.case_id, actor)) is not None:
                return taken, raced
            else:
                raced = True
    for case_id in passed_on[:CANDIDATES]:
        if (taken := await _take(desk, case_id, actor)) is not None:
            return taken, raced
        raced = True
    return None, raced


async def _waiting(
    desk: Desk, actor: Actor, wanted: NextRequest, matching: Filter
) -> AsyncGenerator[Case, None]:
    """The unclaimed cases that wait for a decision and match, what expires first in front."""
    now, cursor = desk.clock(), None
    while True:
        query = CaseQuery(
            statuses=AWAITING,
            customer_id=wanted.customer_id,
            alert_type=wanted.alert_type,
            claimed_by="",
            deferred=False,
            limit=CANDIDATES,
            cursor=cursor,
            now=now,
        )
        page = await desk.backends.cases.find(query)
        for case in await _that_match(desk, page.cases, matching, View(actor.actor_id, now)):
            yield case
        cursor = page.next_cursor
        if cursor is None:
            return


async def _that_match(desk: Desk, cases: Sequence[Case], matching: Filter, view: View) -> Sequence[Case]:
    """The cases of a page that a filter leaves; without one no rows are made for that."""
    if not matching.terms:
        return cases
    rows = await summaries_of(desk, cases)
    return [case for case, row in zip(cases, rows, strict=True) if matching.matches(row, view)]


async def _take(desk: Desk, case_id: str, actor: Actor) -> Case | None:
    """Claim a case, unless somebody was faster."""
    try:
        done = await record(desk.backends.cases, case_id, lambda latest: _claim_free(desk, latest, actor))
    except ConflictError:
        return None
    return done.case


def _claim_free(desk: Desk, case: Case, actor: Actor) -> list[NewEvent]:
    now = desk.clock()
    if not case.awaiting or case.claimed_by(now) is not None or case.deferred_at(now) is not None:
        raise ConflictError("somebody was faster")
    return list(commands.claim(case, actor, now, desk.policy.claim_seconds))

"""Working on cases without deciding on them: next, claim, deferral, tags, notes."""

from fastapi import APIRouter

from casework import commands, errors, views
from casework.filters import View, parse
from casework.handing_out import passed_on_by, suits
from casework.transitions import AWAITING
from fakedesk.callers import Caller, IdempotencyKey, TheDesk
from fakedesk.record import now

CLAIM_SECONDS = 900

router = APIRouter(prefix="/cases")


@router.post("/next")
async def hand_out(desk: TheDesk, who: Caller, wanted: views.NextRequest | None = None) -> views.CaseSummary:
    matching = parse(wanted.filter if wanted else "")
    free = [
        case
        for case in desk.record.cases.values()
        if case.status in AWAITING
        and case.claimed_by(now()) is case.deferred_at(now()) is None
        and suits(case, who)
        and matching.matches(desk.record.row(case.case_id), View(who.actor_id, now()))
    ]
    if not free:
        raise errors.NotFoundError("nothing waits")
    best = min(free, key=lambda case: (passed_on_by(case, who), case.deadline or now()))
    return await desk.record.change(best.case_id, lambda c: commands.claim(c, who, now(), CLAIM_SECONDS))


@router.post("/{case_id}/claim")
async def claim(case_id: str, desk: TheDesk, who: Caller) -> views.CaseSummary:
    return await desk.record.change(case_id, lambda c: commands.claim(c, who, now(), CLAIM_SECONDS))


@router.delete("/{case_id}/claim")
async def release(case_id: str, desk: TheDesk, who: Caller) -> views.CaseSummary:
    return await desk.record.change(case_id, lambda c: commands.release(c, who, now()))


@router.post("/{case_id}/deferral")
async def defer(case_id: str, body: views.DeferRequest, desk: TheDesk, who: Caller) -> views.CaseSummary:
    return await desk.record.change(case_id, lambda c: commands.defer(c, who, now(), body.until, body.reason))


@router.delete("/{case_id}/deferral")
async def end_deferral(case_id: str, desk: TheDesk, who: Caller) -> views.CaseSummary:
    return await desk.record.change(case_id, lambda c: commands.end_deferral(c, who, now()))


@router.post("/{case_id}/tags")
async def tag(case_id: str, body: views.TagRequest, desk: TheDesk, who: Caller) -> views.CaseSummary:
    return await desk.record.change(
        case_id, lambda c: commands.tag(c, who, now(), add=body.add, remove=body.remove)
    )


@router.post("/{case_id}/notes", status_code=201)
async def note(
    case_id: str,
    body: views.NoteRequest,
    desk: TheDesk,
    who: Caller,
    idempotency_key: IdempotencyKey = None,
) -> views.CaseSummary:
    return await desk.record.change(
        case_id, lambda c: commands.add_note(c, who, now(), body.text, idempotency_key)
    )

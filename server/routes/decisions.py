"""Deciding, in ones and in many, and taking back what was decided."""

import asyncio

from fastapi import APIRouter

from casework.actor import Actor
from casework.case import Case
from casework.decision import DecisionRequest
from casework.errors import CaseworkError
from casework.permissions import Permission
from casework.views import (
    BulkItem,
    BulkRequest,
    BulkResponse,
    BulkResult,
    CaseSummary,
    ReverseRequest,
    WithdrawRequest,
)
from server import deciding
from server.bodies import StrictJsonRoute
from server.dependencies import Caller, CaseId, Key, TheDesk
from server.desk import Desk
from server.identity.declared import needs
from server.openapi import problems
from server.problems import problem_of
from server.summaries import summary_of

DELIVERED_AT_ONCE = 20

router = APIRouter(tags=["decisions"], route_class=StrictJsonRoute)


@router.post(
    "/cases/{case_id}/decision", status_code=202, summary="Decide", responses=problems(403, 404, 409)
)
@needs(Permission.DECIDE)
async def decide(
    case_id: CaseId, request: DecisionRequest, desk: TheDesk, actor: Caller, key: Key
) -> CaseSummary:
    """Approve an action or reject with feedback, on exactly the attempt and assessment that were shown.

    202 means recorded: it will be carried out even if everything stops now.
    """
    cases, signer = desk.backends.cases, desk.backends.signer
    case = await deciding.submit(cases, case_id, request, actor, now=desk.clock(), key=key, signer=signer)
    await deciding.deliver(cases, desk.backends.flow, case, desk.settings.flow_patience_seconds)
    return await summary_of(desk, case)


@router.post(
    "/cases/{case_id}/withdraw", status_code=202, summary="Withdraw", responses=problems(403, 404, 409)
)
@needs(Permission.DECIDE)
async def withdraw(
    case_id: CaseId, desk: TheDesk, actor: Caller, request: WithdrawRequest | None = None
) -> CaseSummary:
    """Take an approval back while it is held; the case goes back to its review."""
    reason = request.reason if request else ""
    cases, signer = desk.backends.cases, desk.backends.signer
    case = await deciding.withdraw(cases, case_id, actor, now=desk.clock(), reason=reason, signer=signer)
    await deciding.deliver(cases, desk.backends.flow, case, desk.settings.flow_patience_seconds)
    return await summary_of(desk, case)


@router.post(
    "/cases/{case_id}/reverse", status_code=202, summary="Undo an action", responses=problems(403, 404, 409)
)
@needs(Permission.REVERSE)
async def reverse(case_id: CaseId, request: ReverseRequest, desk: TheDesk, actor: Caller) -> CaseSummary:
    """Have an executed step of a closed case undone; for seniors. Asking twice undoes it once."""
    backends = desk.backends
    case = await deciding.reverse(
        backends.cases,
        backends.flow,
        case_id,
        actor,
        action_id=request.action_id,
        reason=request.reason,
        now=desk.clock(),
        signer=backends.signer,
    )
    return await summary_of(desk, case)


@router.post("/decisions", summary="Decide on many cases", responses=problems(422))
@needs(Permission.DECIDE)
async def decide_many(bulk: BulkRequest, desk: TheDesk, actor: Caller, key: Key) -> BulkResponse:
    """Each stands alone: one result per item, in order, with the status and words it gets by itself."""
    recorded: list[Case] = []
    results = [await _one_of_many(desk, item, actor, key, recorded) for item in bulk.items]
    await _deliver_all(desk, recorded)
    accepted = sum(result.accepted for result in results)
    return BulkResponse(results=tuple(results), accepted=accepted, refused=len(results) - accepted)


async def _one_of_many(
    desk: Desk, item: BulkItem, actor: Actor, key: str | None, recorded: list[Case]
) -> BulkResult:
    request = DecisionRequest(**item.model_dump(exclude={"case_id"}))
    try:
        case = await deciding.submit(
            desk.backends.cases,
            item.case_id,
            request,
            actor,
            now=desk.clock(),
            key=key,
            signer=desk.backends.signer,
        )
    except CaseworkError as error:
        problem = problem_of(error)
        return BulkResult(case_id=item.case_id, accepted=False, status=problem.status, detail=problem.detail)
    recorded.append(case)
    decided = case.decision.summary if case.decision else "accepted before"
    return BulkResult(case_id=item.case_id, accepted=True, status=202, detail=decided)


async def _deliver_all(desk: Desk, cases: list[Case]) -> None:
    """Hand decisions over a few at a time; once the engine does not answer the sweep does the rest."""
    patience = desk.settings.flow_patience_seconds
    store, flow = desk.backends.cases, desk.backends.flow
    for at in range(0, len(cases), DELIVERED_AT_ONCE):
        batch = cases[at : at + DELIVERED_AT_ONCE]
        answered = await asyncio.gather(*(deciding.deliver(store, flow, case, patience) for case in batch))
        if not all(answered):
            return

"""Deciding: one case or many, taking it back, undoing what was done."""

from collections.abc import Sequence

from fastapi import APIRouter

from casework import commands, errors, flow, views
from casework.action import ActionReceipt
from casework.actor import Role
from casework.decision import DecisionRequest
from casework.events import CaseEvent, DecisionSubmitted
from fakedesk import stories
from fakedesk.callers import Caller, IdempotencyKey, TheDesk
from fakedesk.failures import status_of
from fakedesk.record import now

router = APIRouter()


@router.post("/cases/{case_id}/decision", status_code=202)
async def decision(
    case_id: str,
    body: DecisionRequest,
    desk: TheDesk,
    who: Caller,
    idempotency_key: IdempotencyKey = None,
) -> views.CaseSummary:
    events = commands.submit_decision(desk.record.load(case_id), body, who, now(), idempotency_key)
    row = await desk.record.append(case_id, events)
    if events:
        desk.drive(case_id)
    return row


@router.post("/cases/{case_id}/withdraw", status_code=202)
async def withdraw(
    case_id: str, body: views.WithdrawRequest, desk: TheDesk, who: Caller
) -> views.CaseSummary:
    await desk.record.change(case_id, lambda c: commands.withdraw(c, who, now(), body.reason))
    await stories.ask(desk.record, case_id, now())
    return desk.record.row(case_id)


@router.post("/cases/{case_id}/reverse", status_code=202)
async def reverse(case_id: str, body: views.ReverseRequest, desk: TheDesk, who: Caller) -> views.CaseSummary:
    commands.require_role(who, Role.SENIOR)
    case = desk.record.load(case_id)
    done = next(r for r in case.receipts if r.action_id == body.action_id)
    await desk.record.append(case_id, commands.order_reversal(case, who, now(), body.action_id, body.reason))
    receipt = ActionReceipt(
        action_id=f"{done.action_id}:undo",
        step=done.step.inverse,
        executed_at=now(),
        reference="LEDGER-8",
    )
    undone = flow.record_reversal(case, receipt, done.action_id, now(), by=who, reason=body.reason)
    return await desk.record.append(case_id, undone)


def _known(events: Sequence[CaseEvent], key: str | None) -> bool:
    """Whether a decision was recorded under this key before."""
    made = (event.body.decision for event in events if isinstance(event.body, DecisionSubmitted))
    return key is not None and any(decision.idempotency_key == key for decision in made)


@router.post("/decisions")
async def bulk(
    body: views.BulkRequest, desk: TheDesk, who: Caller, idempotency_key: IdempotencyKey = None
) -> views.BulkResponse:
    results = []
    for item in body.items:
        request = DecisionRequest(**item.model_dump(exclude={"case_id"}))
        try:
            case = desk.record.load(item.case_id)
            if not _known(desk.record.events[item.case_id], idempotency_key):
                events = commands.submit_decision(case, request, who, now(), idempotency_key)
                await desk.record.append(item.case_id, events)
                desk.drive(item.case_id)
            accepted, status, said = True, 202, "recorded"
        except errors.CaseworkError as error:
            accepted, status, said = False, status_of(error)[0], str(error)
        results.append(views.BulkResult(case_id=item.case_id, accepted=accepted, status=status, detail=said))
    good = sum(r.accepted for r in results)
    return views.BulkResponse(results=tuple(results), accepted=good, refused=len(results) - good)

"""What people order: recorded first, then handed to the durable engine, or else by the sweep."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import structlog

from casework import commands
from casework.action import ActionReceipt
from casework.actor import Actor, Role
from casework.case import Case
from casework.decision import Decision, DecisionRequest
from casework.errors import ConflictError, NotFoundError, TransitionError, UnavailableError
from casework.events import CaseEvent, DecisionSubmitted, NoteAdded
from casework.ports import CaseFlow, CaseStore, DecisionEvent, ReversalOrder, WithdrawalEvent
from casework.recording import record
from casework.transitions import Status

PAGE = 500

log = structlog.get_logger("server.deciding")


async def submit(
    cases: CaseStore, case_id: str, request: DecisionRequest, actor: Actor, *, now: datetime, key: str | None
) -> Case:
    """Record a decision. Raises what `commands.submit_decision` raises, and nothing is written then.

    A repeated Idempotency-Key answers as the first time, however far the case has moved on; with
    another content it is a ConflictError.
    """
    case = await cases.load(case_id)
    if key and case.decisions and (earlier := await _decision_by_key(cases, case_id, actor, key)):
        _check_same(earlier, request)
        return case
    done = await record(cases, case_id, lambda case: commands.submit_decision(case, request, actor, now, key))
    if not done.events and done.case.decision is not None:
        _check_same(done.case.decision, request)
    return done.case


async def deliver(flow: CaseFlow, case: Case, patience_seconds: float) -> bool:
    """Tell the durable engine of a decision or withdrawal it has not applied; False when it is away."""
    try:
        async with asyncio.timeout(patience_seconds):
            if case.status is Status.DECIDED and case.decision is not None and not case.decision_applied:
                await flow.decide(case.case_id, DecisionEvent(decision=case.decision))
            elif case.status is Status.WITHDRAWN and case.review is not None:
                await flow.withdraw(case.case_id, WithdrawalEvent(review=case.review.number))
    except (UnavailableError, TimeoutError) as error:
        log.warning("delivery_deferred", case_id=case.case_id, reason=str(error) or "no answer in time")
        return False
    return True


async def withdraw(cases: CaseStore, case_id: str, actor: Actor, now: datetime, reason: str) -> Case:
    """Record that a held approval is taken back."""
    done = await record(cases, case_id, lambda case: commands.withdraw(case, actor, now, reason))
    return done.case


async def add_note(
    cases: CaseStore, case_id: str, actor: Actor, *, now: datetime, text: str, key: str | None
) -> Case:
    """Record a note; a repeated key with the same text is the same note, with another a ConflictError."""
    done = await record(cases, case_id, lambda case: commands.add_note(case, actor, now, text, key))
    if key and not done.events:
        async for event in whole_record(cases, case_id):
            written = event.event_id == f"{case_id}:note:{key}"
            if written and isinstance(event.body, NoteAdded) and event.body.text != text:
                raise ConflictError("this Idempotency-Key was already used for a note with another text")
    return done.case


async def reverse(
    cases: CaseStore, flow: CaseFlow, case_id: str, actor: Actor, *, action_id: str, reason: str
) -> Case:
    """Have an executed step of a closed case undone. Raises UnavailableError when the engine is away."""
    case = await cases.load(case_id)
    commands.require_role(actor, Role.SENIOR)
    receipt = _receipt(case, action_id)
    if case.status is not Status.CLOSED:
        raise TransitionError(f"only a closed case's actions can be undone: the case is {case.status}")
    if receipt.action_id in case.reversed_actions:
        raise ConflictError(f"{receipt.step} was already undone")
    order = ReversalOrder(case_id=case_id, action_id=action_id, requested_by=actor, reason=reason)
    await flow.reverse(order)
    return case


async def whole_record(cases: CaseStore, case_id: str) -> AsyncIterator[CaseEvent]:
    """Every event of a case, oldest first."""
    after = 0
    while page := await cases.events(case_id, after, PAGE):
        for event in page:
            yield event
        after = page[-1].seq
        if len(page) < PAGE:
            return


def _receipt(case: Case, action_id: str) -> ActionReceipt:
    for receipt in case.receipts:
        if receipt.action_id == action_id:
            return receipt
    raise NotFoundError(f"{case.case_id} has executed no action {action_id}")


async def _decision_by_key(cases: CaseStore, case_id: str, actor: Actor, key: str) -> Decision | None:
    async for event in whole_record(cases, case_id):
        if isinstance(event.body, DecisionSubmitted):
            decision = event.body.decision
            if decision.idempotency_key == key and decision.actor.actor_id == actor.actor_id:
                return decision
    return None


def _check_same(earlier: Decision, request: DecisionRequest) -> None:
    if not commands.says_the_same(earlier, request):
        raise ConflictError(f"this Idempotency-Key was already used for another decision: {earlier.summary}")

"""What people order: recorded first, then handed to the durable engine, or else by the sweep."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import structlog

from backends.observability import metrics
from backends.observability.tracing import current_traceparent
from casework import commands
from casework.actor import Actor
from casework.case import Case
from casework.decision import Decision, DecisionRequest
from casework.errors import ConflictError, UnavailableError
from casework.events import CaseEvent, DecisionSubmitted, DecisionWithdrawn, NoteAdded
from casework.ports import CaseFlow, CaseStore, DecisionEvent, ReversalOrder, WithdrawalEvent
from casework.recording import record
from casework.signature import Signer
from casework.signing import orders_in, signed
from casework.transitions import Status
from server.tally import decision_seconds

PAGE = 500

log = structlog.get_logger("server.deciding")


async def submit(
    cases: CaseStore,
    case_id: str,
    request: DecisionRequest,
    actor: Actor,
    *,
    now: datetime,
    key: str | None,
    signer: Signer | None = None,
) -> Case:
    """Record a decision, signed. Raises what `commands.submit_decision` raises, and nothing is written then.

    A repeated Idempotency-Key answers as the first time, however far the case has moved on; with
    another content it is a ConflictError.
    """
    case = await cases.load(case_id)
    if key and case.decisions and (earlier := await _decision_by_key(cases, case_id, actor, key)):
        _check_same(earlier, request)
        return case
    done = await record(
        cases,
        case_id,
        lambda case: signed(commands.submit_decision(case, request, actor, now, key), case, signer),
    )
    if not done.events and done.case.decision is not None:
        _check_same(done.case.decision, request)
    if (
        done.events
        and (decided := done.case.decision)
        and (seconds := decision_seconds(done.case)) is not None
    ):
        metrics.decision_latency.record(seconds, {"stage": str(decided.stage)})
    return done.case


async def deliver(cases: CaseStore, flow: CaseFlow, case: Case, patience_seconds: float) -> bool:
    """Tell the durable engine of a decision or withdrawal it has not applied; False when it is away.

    The signed record goes along: the worker believes nothing else.
    """
    try:
        async with asyncio.timeout(patience_seconds):
            if case.status is Status.DECIDED and case.decision is not None and not case.decision_applied:
                event = DecisionEvent(
                    decision=case.decision,
                    record=await _recorded(cases, case),
                    traceparent=current_traceparent(),
                )
                await flow.decide(case.case_id, event)
            elif case.status is Status.WITHDRAWN and case.review is not None:
                text = await _recorded(cases, case)
                await flow.withdraw(case.case_id, WithdrawalEvent(review=case.review.number, record=text))
    except (UnavailableError, TimeoutError) as error:
        log.warning("delivery_deferred", case_id=case.case_id, reason=str(error) or "no answer in time")
        return False
    return True


async def withdraw(
    cases: CaseStore,
    case_id: str,
    actor: Actor,
    *,
    now: datetime,
    reason: str,
    signer: Signer | None = None,
) -> Case:
    """Record, signed, that a held approval is taken back."""
    done = await record(
        cases, case_id, lambda case: signed(commands.withdraw(case, actor, now, reason), case, signer)
    )
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
    cases: CaseStore,
    flow: CaseFlow,
    case_id: str,
    actor: Actor,
    *,
    action_id: str,
    reason: str,
    now: datetime,
    signer: Signer | None = None,
) -> Case:
    """Record, signed, that an executed step of a closed case shall be undone, and have it done.

    Raises UnavailableError when the engine is away; asking again then is not ordering again.
    """
    done = await record(
        cases,
        case_id,
        lambda case: signed(commands.order_reversal(case, actor, now, action_id, reason), case, signer),
    )
    order = ReversalOrder(case_id=case_id, action_id=action_id, requested_by=actor, reason=reason)
    await flow.reverse(order)
    return done.case


async def whole_record(cases: CaseStore, case_id: str) -> AsyncIterator[CaseEvent]:
    """Every event of a case, oldest first."""
    after = 0
    while page := await cases.events(case_id, after, PAGE):
        for event in page:
            yield event
        after = page[-1].seq
        if len(page) < PAGE:
            return


async def _recorded(cases: CaseStore, case: Case) -> str:
    """The stored text of the order that the case stands on."""
    kind = DecisionSubmitted if case.status is Status.DECIDED else DecisionWithdrawn
    for link, event in reversed(orders_in(await cases.links(case.case_id))):
        if isinstance(event.body, kind):
            return link.text
    return ""


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

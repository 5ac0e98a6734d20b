"""What a case's events make of it. `apply(case, event)` is the only way a case changes."""

from collections.abc import Iterable

from casework import events as ev
from casework.canonical import GENESIS
from casework.case import Case, CaseClaim, Deferral, Progress, Review, Undoing
from casework.errors import NotFoundError, SequenceError
from casework.finding import Finding, Specialist
from casework.links import with_linked
from casework.transitions import Status, next_status

Changes = dict[str, object]
"""Fields of a case and what they become."""

_UNASSESSED: Changes = {"assessment": None, "assessment_hash": None}
_UNDECIDED: Changes = {"decision": None, "decision_applied": False}
_NOT_PUT_OFF: Changes = {"deferral": None, "returned": None}
_IN_NO_HANDS: Changes = {"claim": None, **_NOT_PUT_OFF}


def apply(case: Case | None, event: ev.CaseEvent) -> Case:
    """The case after one more event.

    Raises TransitionError when the event is not possible in the case's status, and SequenceError
    when it does not follow the case's last event.
    """
    status = next_status(case.status if case else None, event.body)
    if case is None:
        return _opened(event, status)
    if event.seq != case.seq + 1 or event.prev_hash != case.head_hash:
        raise SequenceError(f"event {event.seq} does not follow event {case.seq} of {case.case_id}")
    changes = _changes(case, event)
    head = {"seq": event.seq, "head_hash": event.hash, "status": status, "updated_at": event.occurred_at}
    return case.model_copy(update={**changes, **head})


def extend(
    case: Case | None, case_id: str, events: Iterable[ev.NewEvent]
) -> tuple[Case, tuple[ev.CaseEvent, ...]]:
    """The case after some new events, and those events sealed as they follow its last.

    Raises NotFoundError when there is no case and the first of them opens none, and TransitionError.
    """
    sealed: list[ev.CaseEvent] = []
    for event in events:
        if case is None and event.body.type != "opened":
            raise NotFoundError(f"no case {case_id}")
        seq, prev_hash = (case.seq, case.head_hash) if case else (0, GENESIS)
        sealed.append(ev.seal(event, case_id, seq + 1, prev_hash))
        case = apply(case, sealed[-1])
    if case is None:
        raise NotFoundError(f"no case {case_id}")
    return case, tuple(sealed)


def expect_seq(case: Case | None, case_id: str, expected_seq: int | None) -> None:
    """Raise SequenceError when a case is not where a writer believes it to be; 0 means that there is none."""
    found = case.seq if case else 0
    if expected_seq is not None and expected_seq != found:
        raise SequenceError(f"{case_id} is at event {found}, not {expected_seq}: reload and try again")


def replay(events: Iterable[ev.CaseEvent]) -> Case | None:
    """The case that a whole record describes; None for an empty one."""
    case: Case | None = None
    for event in events:
        case = apply(case, event)
    return case


def _opened(event: ev.CaseEvent, status: Status) -> Case:
    assert isinstance(event.body, ev.Opened)
    if event.seq != 1 or event.prev_hash != GENESIS:
        raise SequenceError(f"event {event.seq} cannot open {event.case_id}")
    return Case(
        case_id=event.case_id,
        seq=event.seq,
        head_hash=event.hash,
        status=status,
        alert=event.body.alert,
        terms=event.body.terms,
        opened_at=event.occurred_at,
        updated_at=event.occurred_at,
        linked_customers=(),
    )


def _changes(case: Case, event: ev.CaseEvent) -> Changes:
    """What an event changes beside sequence and status; each belongs to one part of the work, or to none."""
    return (
        _investigating(case, event.body)
        or _handling(case, event)
        or _deciding(case, event.body)
        or _acting(case, event)
        or _adding(case, event.body)
        or _ending(event)
    )


def _investigating(case: Case, body: ev.EventBody) -> Changes:
    """What the specialists found, and what it was weighed to."""
    match body:
        case ev.InvestigationStarted(attempt=attempt, feedback=feedback):
            begun = {specialist: Progress() for specialist in Specialist}
            sent_back = case.decision if case.decision and not case.decision.approved else None
            asked = {"attempt": attempt, "feedback": feedback, "passed_on": None}
            asked |= {"rejected": sent_back, "returned": None}
            return {"progress": begun, **asked, **_UNASSESSED, **_UNDECIDED}
        case ev.ToolCalled(specialist=specialist, call=call):
            calls = case.progress_of(specialist).tool_calls + 1
            return _progress(case, specialist, tool_calls=calls, last_tool=call.tool)
        case ev.FindingRecorded(finding=found):
            return {
                **_progress(case, found.specialist, status=found.status, risk=found.risk),
                "usage": case.usage + found.usage,
                "linked_customers": _linked(case, found),
            }
        case ev.AssessmentRecorded(assessment=assessment, assessment_hash=assessment_hash):
            return {"assessment": assessment, "assessment_hash": assessment_hash}
        case _:
            return {}


def _handling(case: Case, event: ev.CaseEvent) -> Changes:
    """Who works on the case, and who put it off."""
    match event.body:
        case ev.Claimed(until=until):
            return {"claim": CaseClaim(actor=event.actor, until=until), **_back(case)}
        case ev.Released():
            return {"claim": None}
        case ev.Deferred(until=until, reason=reason):
            put_off = Deferral(actor=event.actor, since=event.occurred_at, until=until, reason=reason)
            return {"deferral": put_off, "claim": None, "returned": None}
        case ev.DeferralEnded():
            return _back(case)
        case _:
            return {}


def _back(case: Case) -> Changes:
    """A case that was put off is so no more, and it stays known that it was; any other is as before."""
    return {"deferral": None, "returned": case.deferral or case.returned}


def _deciding(case: Case, body: ev.EventBody) -> Changes:
    """What is asked, what is answered, and what becomes of the answer."""
    match body:
        case ev.ReviewRequested():
            review = Review(number=body.review, **body.model_dump(exclude={"type", "review"}))
            return {"review": review, "hold_until": None, **_NOT_PUT_OFF, **_UNDECIDED}
        case ev.DecisionSubmitted(decision=decision):
            accepted = {"decision": decision, "decisions": case.decisions + 1}
            return {**_UNDECIDED, **accepted, **_NOT_PUT_OFF}
        case ev.DecisionApplied():
            return {"decision_applied": True}
        case ev.Escalated(reason=reason):
            passed_on = case.decision if reason is ev.EscalationReason.ANALYST else None
            return {"escalation": reason, "passed_on": passed_on, **_UNDECIDED, **_IN_NO_HANDS}
        case _:
            return {}


def _acting(case: Case, event: ev.CaseEvent) -> Changes:
    """How an approved action is held, taken back, carried out and undone."""
    match event.body:
        case ev.HoldStarted(until=until):
            return {"hold_until": until}
        case ev.DecisionWithdrawn() | ev.ActionStarted():
            return {"hold_until": None}
        case ev.ActionExecuted(receipt=receipt):
            return {"receipts": (*case.receipts, receipt)}
        case ev.ReversalOrdered(action_id=action_id, reason=reason):
            ordered = Undoing(action_id=action_id, actor=event.actor, at=event.occurred_at, reason=reason)
            return {"undoings": (*_other_undoings(case, action_id), ordered)}
        case ev.ActionReversed(reverses=action_id, reason=reason):
            meant = next((one for one in case.undoings if one.action_id == action_id), None) or Undoing(
                action_id=action_id, actor=event.actor, at=event.occurred_at, reason=reason
            )
            undone = meant.model_copy(update={"at": event.occurred_at, "done": True})
            return {
                "reversed_actions": (*case.reversed_actions, action_id),
                "undoings": (*_other_undoings(case, action_id), undone),
            }
        case _:
            return {}


def _other_undoings(case: Case, action_id: str) -> tuple[Undoing, ...]:
    return tuple(one for one in case.undoings if one.action_id != action_id)


def _adding(case: Case, body: ev.EventBody) -> Changes:
    """What may be added at any time, and moves nothing."""
    match body:
        case ev.TagsChanged(added=added, removed=removed):
            return {"tags": tuple(sorted({*case.tags, *added} - {*removed}))}
        case ev.NoteAdded():
            return {"notes": case.notes + 1}
        case ev.OrderRefused():
            return {"refused": case.refused + 1}
        case _:
            return {}


def _ending(event: ev.CaseEvent) -> Changes:
    if not isinstance(event.body, ev.CaseClosed):
        return {}
    ended = {"outcome": event.body.outcome, "action_taken": event.body.action, "closed_at": event.occurred_at}
    return {**ended, **_IN_NO_HANDS}


def _progress(case: Case, specialist: Specialist, **news: object) -> Changes:
    """One specialist has come further; the others are where they were."""
    further = case.progress_of(specialist).model_copy(update=news)
    return {"progress": {**case.progress, specialist: further}}


def _linked(case: Case, found: Finding) -> tuple[int, ...] | None:
    """What is not known of earlier findings stays unknown, so that the projection never says half of it."""
    known = case.linked_customers
    return None if known is None else with_linked(known, found, case.alert.customer_id)

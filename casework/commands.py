"""What people may ask of a case: each function checks the request and returns the events it causes.

Pure: the case as it is now, the request, who asks and when come in; events come out, or an error
that says why not. An empty result means that the same request was already taken.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from casework.actor import SYSTEM, Actor, Role
from casework.alert import Alert, case_id_for
from casework.case import Case, Deferral, Review
from casework.decision import Decision, DecisionRequest, Stage, decision_id_for
from casework.errors import (
    AlreadyDecidedError,
    ClaimedError,
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    StaleDecisionError,
    TransitionError,
)
from casework.events import (
    MOST_TRIGGERS,
    Claimed,
    DecisionSubmitted,
    DecisionWithdrawn,
    DeferralEnded,
    Deferred,
    EventBody,
    NewEvent,
    NoteAdded,
    Opened,
    Released,
    ReversalOrdered,
    TagsChanged,
)
from casework.policy import Terms
from casework.tags import MOST_TAGS
from casework.telemetry import Telemetry
from casework.transitions import Status

Events = Sequence[NewEvent]


def open_case(alert: Alert, terms: Terms, now: datetime, triggers: Sequence[Telemetry] = ()) -> NewEvent:
    """The first event of the case an alert opens; the same one however often the alert arrives.

    `triggers` is the telemetry behind the alert; the latest of it is kept with the case.
    """
    kept = tuple(sorted(triggers, key=lambda seen: seen.occurred_at))[-MOST_TRIGGERS:]
    return NewEvent(
        event_id=f"{case_id_for(alert.alert_id)}:opened",
        occurred_at=now,
        actor=SYSTEM,
        body=Opened(alert=alert, terms=terms, triggers=kept),
    )


def submit_decision(
    case: Case, request: DecisionRequest, actor: Actor, now: datetime, idempotency_key: str | None = None
) -> Events:
    """Accept a decision, if the case waits for exactly this one from somebody like this.

    Raises NotAllowedError (role, four-eyes), StaleDecisionError (other attempt or assessment),
    AlreadyDecidedError (somebody was first), InvalidInputError, or ConflictError.
    """
    require_role(actor, Role.ANALYST)
    if (earlier := case.decision) is not None:
        if _same(earlier, request, actor, idempotency_key):
            return ()
        raise AlreadyDecidedError(f"already decided: {earlier.summary}")
    review = _open_review(case)
    _check_binding(review, request)
    if request.escalate:
        _check_can_rise(review)
    else:
        _check_decider(case, review, request, actor)
    decision = Decision(
        decision_id=decision_id_for(case.case_id, review.number),
        review=review.number,
        stage=review.stage,
        actor=actor,
        decided_at=now,
        idempotency_key=idempotency_key,
        **request.model_dump(exclude={"action"}),
        action=request.action if request.approved else None,
    )
    return (
        NewEvent(
            event_id=decision.decision_id,
            occurred_at=now,
            actor=actor,
            body=DecisionSubmitted(decision=decision),
        ),
    )


def withdraw(case: Case, actor: Actor, now: datetime, reason: str = "") -> Events:
    """Take an approval back while it is held, by whoever gave it or by a senior."""
    decision = case.decision
    if case.status is Status.WITHDRAWN:
        return ()
    if case.status is not Status.HELD or decision is None or case.review is None:
        raise TransitionError(f"nothing is held that could be withdrawn: the case is {case.status}")
    if decision.actor.actor_id != actor.actor_id:
        require_role(actor, Role.SENIOR)
    body = DecisionWithdrawn(review=case.review.number, reason=reason)
    return (_event(case, f"withdrawn:{case.review.number}", actor, now, body),)


def order_reversal(case: Case, actor: Actor, now: datetime, action_id: str, reason: str = "") -> Events:
    """Order an executed step of a closed case undone. The id is the step's, so that it is ordered once."""
    require_role(actor, Role.SENIOR)
    receipt = next((done for done in case.receipts if done.action_id == action_id), None)
    if receipt is None:
        raise NotFoundError(f"{case.case_id} has executed no action {action_id}")
    if case.status is not Status.CLOSED:
        raise TransitionError(f"only a closed case's actions can be undone: the case is {case.status}")
    if action_id in case.reversed_actions:
        raise ConflictError(f"{receipt.step} was already undone")
    key = f"reversal-ordered:{action_id.removeprefix(f'{case.case_id}:')}"
    return (_event(case, key, actor, now, ReversalOrdered(action_id=action_id, reason=reason)),)


def claim(case: Case, actor: Actor, now: datetime, seconds: float) -> Events:
    """Take a case, or renew one's own claim. Raises ClaimedError while somebody else holds it."""
    require_role(actor, Role.ANALYST)
    _still_open(case)
    _free_for(case, actor, now)
    return (_event(case, f"claimed:{case.seq}", actor, now, Claimed(until=now + timedelta(seconds=seconds))),)


def release(case: Case, actor: Actor, now: datetime) -> Events:
    """Give a claim back: one's own, or anybody's for a senior. A deferral of a free case ends, too."""
    require_role(actor, Role.ANALYST)
    holder = case.claimed_by(now)
    if holder is None:
        return end_deferral(case, actor, now)
    if holder.actor_id != actor.actor_id:
        require_role(actor, Role.SENIOR)
    return (_event(case, f"released:{case.seq}", actor, now, Released()),)


def defer(case: Case, actor: Actor, now: datetime, until: datetime, reason: str = "") -> Events:
    """Defer a waiting case until a time before its deadline; one's claim on it is given back.

    Raises InvalidInputError for a time that is past or not before the deadline, ClaimedError, and
    ConflictError when no decision is awaited.
    """
    require_role(actor, Role.ANALYST)
    review = _open_review(case)
    _free_for(case, actor, now)
    if until <= now:
        raise InvalidInputError("until", "is past; name a time to come")
    if until >= review.deadline:
        raise InvalidInputError(
            "until", f"must be before the decision deadline, {review.deadline:%Y-%m-%d %H:%M:%S %Z}"
        )
    standing, body = case.deferred_at(now), Deferred(until=until.astimezone(UTC), reason=reason)
    if standing is not None and _repeats(standing, body, actor):
        return ()
    return (_event(case, f"deferred:{case.seq}", actor, now, body),)


def end_deferral(case: Case, actor: Actor, now: datetime) -> Events:
    """Bring a deferred case back before its time; nothing when it is not deferred."""
    require_role(actor, Role.ANALYST)
    if case.deferred_at(now) is None:
        return ()
    return (_event(case, f"deferral-ended:{case.seq}", actor, now, DeferralEnded()),)


def add_note(
    case: Case, actor: Actor, now: datetime, text: str, idempotency_key: str | None = None
) -> Events:
    """Write a note; possible in every status, also after closing."""
    require_role(actor, Role.ANALYST)
    if not text.strip():
        raise InvalidInputError("text", "must not be empty")
    key = f"note:{idempotency_key}" if idempotency_key else f"note:{case.seq}"
    return (_event(case, key, actor, now, NoteAdded(text=text)),)


def tag(
    case: Case, actor: Actor, now: datetime, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> Events:
    """Put tags on a case and take tags off; possible in every status. Nothing when all is so already."""
    require_role(actor, Role.ANALYST)
    if both := sorted({*add} & {*remove}):
        raise InvalidInputError("remove", f"names {both[0]}, which add names as well")
    added, removed = sorted({*add} - {*case.tags}), sorted({*remove} & {*case.tags})
    if len(case.tags) + len(added) - len(removed) > MOST_TAGS:
        raise InvalidInputError("add", f"a case has at most {MOST_TAGS} tags; remove some first")
    if not added and not removed:
        return ()
    body = TagsChanged(added=tuple(added), removed=tuple(removed))
    return (_event(case, f"tags:{case.seq}", actor, now, body),)


def says_the_same(earlier: Decision, request: DecisionRequest) -> bool:
    """Whether a request orders what was decided, for the same reasons: nothing in it would be lost."""
    action = request.action if request.approved else None
    return (
        earlier.attempt,
        earlier.assessment_hash,
        earlier.approved,
        earlier.action,
        earlier.feedback,
        earlier.notes,
        earlier.escalate,
        earlier.reason_code,
    ) == (
        request.attempt,
        request.assessment_hash,
        request.approved,
        action,
        request.feedback,
        request.notes,
        request.escalate,
        request.reason_code,
    )


def require_role(actor: Actor, role: Role) -> None:
    """Raise NotAllowedError unless the actor's role includes `role`."""
    if actor.role is None or not actor.role.includes(role):
        raise NotAllowedError(
            f"this needs the role {role}; {actor.label} is {actor.role or 'without a role'}"
        )


def _open_review(case: Case) -> Review:
    if case.review is None or not case.awaiting:
        raise ConflictError(f"the case is {case.status} and waits for no decision")
    return case.review


def _check_binding(review: Review, request: DecisionRequest) -> None:
    if request.attempt != review.attempt:
        raise StaleDecisionError(
            f"made on attempt {request.attempt}; attempt {review.attempt} is under review"
        )
    if request.assessment_hash != review.assessment_hash:
        seen, current = request.assessment_hash[:12], review.assessment_hash[:12]
        raise StaleDecisionError(f"made on assessment {seen}; {current} is under review")


def _check_can_rise(review: Review) -> None:
    """Any analyst may pass a question on, also one that they may not answer themselves."""
    if review.stage is Stage.SENIOR:
        raise ConflictError("the case is in the senior queue already")


def _check_decider(case: Case, review: Review, request: DecisionRequest, actor: Actor) -> None:
    require_role(actor, review.required_role)
    proposed = review.proposed
    if review.stage is Stage.SECOND and proposed is not None:
        if proposed.actor.actor_id == actor.actor_id:
            raise NotAllowedError(
                f"four-eyes: {actor.label} gave the first approval, another person must confirm"
            )
        if request.approved and request.action is not proposed.action:
            raise InvalidInputError(
                "action", f"must be {proposed.action}, which is what the first approver chose"
            )
    exhausted = case.attempt >= case.terms.max_attempts
    if not request.approved and review.stage is Stage.SENIOR and exhausted:
        reason = f"all {case.terms.max_attempts} attempts are used: approve an action, or approve clear"
        raise InvalidInputError("approved", reason)


def _same(earlier: Decision, request: DecisionRequest, actor: Actor, key: str | None) -> bool:
    """Whether a request repeats the accepted decision: same person, same content (or same key)."""
    if earlier.actor.actor_id != actor.actor_id:
        return False
    if key is not None and key == earlier.idempotency_key:
        return True
    return says_the_same(earlier, request)


def _free_for(case: Case, actor: Actor, now: datetime) -> None:
    claim = case.claim_at(now)
    if claim is not None and claim.actor.actor_id != actor.actor_id:
        raise ClaimedError(f"claimed by {claim.actor.label} until {claim.until:%H:%M:%S %Z}")


def _repeats(standing: Deferral, body: Deferred, actor: Actor) -> bool:
    known = (standing.actor.actor_id, standing.until, standing.reason)
    return known == (actor.actor_id, body.until, body.reason)


def _still_open(case: Case) -> None:
    if case.status is Status.CLOSED:
        raise TransitionError("the case is closed")


def _event(case: Case, key: str, actor: Actor, now: datetime, body: EventBody) -> NewEvent:
    return NewEvent(event_id=f"{case.case_id}:{key}", occurred_at=now, actor=actor, body=body)

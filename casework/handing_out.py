"""Which waiting case is for whom: whose turn it may be, and whose it should rather not be. Pure."""

from casework.actor import Actor
from casework.case import Case
from casework.decision import Stage


def suits(case: Case, actor: Actor) -> bool:
    """Whether the actor's role suffices, and four-eyes does not forbid them to answer."""
    review = case.review
    if review is None or actor.role is None or not actor.role.includes(review.required_role):
        return False
    if review.stage is Stage.SECOND and review.proposed is not None:
        return review.proposed.actor.actor_id != actor.actor_id
    return True


def passed_on_by(case: Case, actor: Actor) -> bool:
    """Whether the actor sent the present question to the senior queue: a second pair of eyes is wanted.

    They may still answer it, when nobody else does.
    """
    asked = case.review is not None and case.review.stage is Stage.SENIOR
    return asked and case.passed_on is not None and case.passed_on.actor.actor_id == actor.actor_id

"""A decision: what a person ordered, bound to the attempt and the assessment they saw."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from casework.action import Action
from casework.actor import Actor
from casework.alert import Frozen
from casework.reasons import ReasonCode, Verdict, misfit, verdict_of

FreeText = Annotated[str, StringConstraints(max_length=4000)]
HexDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Stage(StrEnum):
    """Whose decision a review asks for."""

    ANALYST = "analyst"
    SECOND = "second"
    """A second, different person confirms (four-eyes)."""
    SENIOR = "senior"
    """Nobody decided in time, attempts ran out, an action failed, or an analyst sent it there."""


class DecisionRequest(Frozen):
    """What a client sends. Who is deciding comes from the caller's identity, never from here.

    With `escalate` it decides nothing but that a senior shall; `feedback` then says why.
    """

    attempt: Annotated[int, Field(ge=1)]
    assessment_hash: HexDigest
    approved: bool
    action: Action | None = None
    feedback: FreeText = ""
    notes: FreeText = ""
    escalate: bool = False
    reason_code: ReasonCode | None = None

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.approved, self.action, self.escalate)

    @model_validator(mode="after")
    def _approve_needs_action(self) -> "DecisionRequest":
        if self.approved and self.escalate:
            raise ValueError("a decision that escalates approves nothing")
        if self.approved and self.action is None:
            raise ValueError("action is required when approved is true")
        if not self.approved and not self.feedback.strip():
            raise ValueError("feedback is required when approved is false")
        if self.reason_code is not None and (why := misfit(self.reason_code, self.verdict)):
            raise ValueError(f"reason_code: {why}")
        return self


class Decision(Frozen):
    """An accepted decision. `review` is the ordinal of the review it answers within the case."""

    decision_id: str
    review: int
    stage: Stage
    attempt: int
    assessment_hash: HexDigest
    approved: bool
    action: Action | None = None
    feedback: FreeText = ""
    notes: FreeText = ""
    escalate: bool = False
    """A senior shall decide: no approval, and no order to look again."""
    reason_code: ReasonCode | None = None
    actor: Actor
    decided_at: AwareDatetime
    idempotency_key: str | None = None

    @property
    def summary(self) -> str:
        """One line for people: who decided what, when."""
        approved = f"approved {self.action.in_words if self.action else ''}".rstrip()
        verb = approved if self.approved else "escalated" if self.escalate else "rejected"
        return f"{self.actor.label} {verb} at {self.decided_at:%Y-%m-%d %H:%M:%S %Z}"


def decision_id_for(case_id: str, review: int) -> str:
    """The one id all decisions on a review share, so that only the first can be stored."""
    return f"{case_id}:decision:{review}"

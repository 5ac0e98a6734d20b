"""A case as it stands: what its events made of it (see `history`), and what can be asked of it."""

from datetime import datetime

from pydantic import AwareDatetime, Field

from casework import events as ev
from casework.action import Action, ActionReceipt
from casework.actor import Actor, Role
from casework.alert import Alert, CustomerId, Frozen
from casework.assessment import Assessment
from casework.decision import Decision, Stage
from casework.finding import FindingStatus, Risk, Specialist, TokenUsage
from casework.policy import Terms
from casework.transitions import AWAITING, Status


class CaseClaim(Frozen):
    """Who is working on the case, and until when nobody else can take it."""

    actor: Actor
    until: AwareDatetime


class Deferral(Frozen):
    """Who deferred the case, until when and why."""

    actor: Actor
    since: AwareDatetime
    until: AwareDatetime
    reason: str = ""


class Undoing(Frozen):
    """Who wants an executed step undone, since when and why; `done` once it is."""

    action_id: str
    actor: Actor
    at: AwareDatetime
    reason: str = ""
    done: bool = False


class Review(Frozen):
    """The question that is, or was last, put to a person. A decision must answer exactly this one."""

    number: int
    stage: Stage
    attempt: int
    assessment_hash: str
    deadline: AwareDatetime
    required_role: Role
    proposed: Decision | None = None


class Progress(Frozen):
    """How far one specialist has come in the present attempt."""

    tool_calls: int = 0
    last_tool: str | None = None
    status: FindingStatus | None = None
    risk: Risk | None = None


class Case(Frozen):
    """The projection of a case's events: everything needed to list it, decide on it and drive it."""

    case_id: str
    seq: int
    head_hash: str
    status: Status
    alert: Alert
    terms: Terms
    opened_at: AwareDatetime
    updated_at: AwareDatetime
    attempt: int = 0
    feedback: str = ""
    progress: dict[Specialist, Progress] = Field(default_factory=dict)
    assessment: Assessment | None = None
    assessment_hash: str | None = None
    review: Review | None = None
    decision: Decision | None = None
    """The decision on the present review, from its acceptance on; None while one is awaited."""
    decision_applied: bool = False
    hold_until: AwareDatetime | None = None
    claim: CaseClaim | None = None
    deferral: Deferral | None = None
    """Only while a decision is awaited: a claim, a decision or the end of its time ends it."""
    returned: Deferral | None = None
    """The deferral that the case came back from, until something is decided or asked anew."""
    rejected: Decision | None = None
    """Who sent the case back to the agents for the present attempt, and with which feedback."""
    tags: tuple[str, ...] = ()
    linked_customers: tuple[CustomerId, ...] | None = None
    """Who shares something with the customer, by any attempt's findings; None when a projection is older."""
    notes: int = 0
    decisions: int = 0
    """How many decisions were accepted over the whole case."""
    refused: int = 0
    """How many orders the case flow was given and did not believe."""
    receipts: tuple[ActionReceipt, ...] = ()
    reversed_actions: tuple[str, ...] = ()
    undoings: tuple[Undoing, ...] = ()
    """What was ordered undone, or undone without an order, the latest last; older projections have none."""
    escalation: ev.EscalationReason | None = None
    passed_on: Decision | None = None
    """Who sent the present assessment to the senior queue, and why; None when nobody did."""
    usage: TokenUsage = TokenUsage()
    outcome: ev.Outcome | None = None
    action_taken: Action | None = None
    closed_at: AwareDatetime | None = None

    @property
    def awaiting(self) -> bool:
        """Whether a person is asked to decide now."""
        return self.status in AWAITING

    @property
    def deadline(self) -> datetime | None:
        """When silence has a consequence: the review's deadline, only while one is awaited."""
        return self.review.deadline if self.review and self.awaiting else None

    @property
    def risk(self) -> float | None:
        return self.assessment.risk if self.assessment else None

    def progress_of(self, specialist: Specialist) -> Progress:
        """How far a specialist has come; one who has not begun has come nowhere."""
        return self.progress.get(specialist, Progress())

    def claim_at(self, now: datetime) -> CaseClaim | None:
        """How the case is held at a moment; an expired claim is no claim."""
        return self.claim if self.claim and self.claim.until > now else None

    def claimed_by(self, now: datetime) -> Actor | None:
        """Who holds the case at a moment."""
        claim = self.claim_at(now)
        return claim.actor if claim else None

    def deferred_at(self, now: datetime) -> Deferral | None:
        """How the case is deferred at a moment; a deferral whose time has come is none."""
        return self.deferral if self.deferral and self.deferral.until > now else None

    def returned_at(self, now: datetime) -> Deferral | None:
        """The deferral that the case has come back from at a moment, by a hand or because its time came."""
        return (
            self.returned if self.deferral is None else None if self.deferral.until > now else self.deferral
        )

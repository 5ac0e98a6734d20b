"""Policy: who must decide, by when, what silence means, and the floors no model can lower."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from casework.action import Action
from casework.actor import LADDER, Role
from casework.alert import Alert, Frozen, Money, Severity
from casework.finding import ClaimStatus, Finding, FindingStatus, Risk

Seconds = Annotated[float, Field(gt=0, le=90 * 86400)]


class Route(StrEnum):
    """Where an assessed case goes."""

    AUTO_CLEAR = "auto_clear"
    REVIEW = "review"


class Terms(Frozen):
    """The waits and limits one case runs under, fixed when it is opened. All times in seconds."""

    decision_deadline_seconds: Seconds = 72 * 3600
    senior_deadline_seconds: Seconds = 24 * 3600
    hold_seconds: Annotated[float, Field(ge=0, le=86400)] = 5
    agent_deadline_seconds: Seconds = 120
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3


class Policy(Frozen):
    """Every number a fraud team would want to change, in one place.

    `review_amount` and above always goes to a person, `senior_amount` and above to a senior one;
    an action on `four_eyes_amount` or more needs a second, different person. None switches one off.
    """

    version: int = 1
    auto_clear_below: Risk = 0.6
    review_amount: Money | None = Decimal(1000)
    senior_amount: Money | None = Decimal(5000)
    four_eyes_amount: Money | None = Decimal(5000)
    watch_list: frozenset[int] = frozenset()
    claim_seconds: Seconds = 900
    terms: Terms = Terms()


class Floor(Frozen):
    """A minimum that holds whatever the analysts score: of risk, and of who may decide."""

    name: str
    minimum: Risk
    role: Role = Role.ANALYST
    reason: str


HUMAN_RISK = 0.6
"""What a floor sets when a person must look: never below the routing threshold."""

_SEVERITY_FLOORS = {
    Severity.HIGH: Floor(name="severity", minimum=HUMAN_RISK, reason="the rule's severity is high"),
    Severity.CRITICAL: Floor(
        name="severity", minimum=0.8, role=Role.SENIOR, reason="the rule's severity is critical"
    ),
}


def floors(policy: Policy, alert: Alert, findings: Iterable[Finding]) -> tuple[Floor, ...]:
    """Every floor that applies to an alert and what was found, in a fixed order."""
    candidates = (
        _SEVERITY_FLOORS.get(alert.severity),
        _amount_floor(policy, alert),
        _watch_list_floor(policy, alert),
        *_evidence_floors(tuple(findings)),
    )
    return tuple(floor for floor in candidates if floor is not None)


def _amount_floor(policy: Policy, alert: Alert) -> Floor | None:
    if _reaches(alert.amount, policy.senior_amount):
        return Floor(
            name="amount",
            minimum=HUMAN_RISK,
            role=Role.SENIOR,
            reason=f"{alert.amount} at stake, a senior decides from {policy.senior_amount}",
        )
    if _reaches(alert.amount, policy.review_amount):
        return Floor(
            name="amount",
            minimum=HUMAN_RISK,
            reason=f"{alert.amount} at stake, a person decides from {policy.review_amount}",
        )
    return None


def _watch_list_floor(policy: Policy, alert: Alert) -> Floor | None:
    if alert.customer_id not in policy.watch_list:
        return None
    return Floor(name="watch_list", minimum=0.8, role=Role.SENIOR, reason="the customer is on the watch list")


def _evidence_floors(findings: Sequence[Finding]) -> list[Floor]:
    reasons = {
        "contradicted": [f.specialist for f in findings if f.status is FindingStatus.CONTRADICTED],
        "missing_evidence": [f.specialist for f in findings if f.status is FindingStatus.NOT_EVALUABLE],
        "degraded": [f.specialist for f in findings if f.degraded],
        "unsupported_claims": [f.specialist for f in findings if _claims_too_much(f)],
    }
    words = {
        "contradicted": "the data says otherwise than the alert",
        "missing_evidence": "could not be evaluated",
        "degraded": "the configured analyst was not available",
        "unsupported_claims": "claims something that no tool returned",
    }
    return [
        Floor(name=name, minimum=HUMAN_RISK, reason=f"{', '.join(who)}: {words[name]}")
        for name, who in reasons.items()
        if who
    ]


def _claims_too_much(finding: Finding) -> bool:
    """Unsupported claims weigh nothing; whether they hide a risk or invent one, a person must see."""
    return any(claim.status is ClaimStatus.UNSUPPORTED for claim in finding.claims)


def second_opinion_floor(policy: Policy, evidence_risk: float, checks_risk: float) -> Floor | None:
    """A model clears nothing that the playbook's checks would not have cleared by themselves."""
    if not evidence_risk < policy.auto_clear_below <= checks_risk:
        return None
    reason = f"the playbook's checks weigh {checks_risk:.2f}, the findings {evidence_risk:.2f}"
    return Floor(name="second_opinion", minimum=HUMAN_RISK, reason=reason)


def floored_risk(evidence_risk: float, applied: Iterable[Floor]) -> float:
    """The risk a case is routed on: what the evidence says, but never below any floor."""
    return max([evidence_risk, *(floor.minimum for floor in applied)])


def required_role(applied: Iterable[Floor]) -> Role:
    """The least role that may decide under these floors."""
    return max((floor.role for floor in applied), key=LADDER.index, default=Role.ANALYST)


def route(policy: Policy, risk: float, attempt: int) -> Route:
    """Below the threshold a first assessment clears by itself; a re-investigation always goes back."""
    if attempt == 1 and risk < policy.auto_clear_below:
        return Route.AUTO_CLEAR
    return Route.REVIEW


def needs_second_approver(policy: Policy, alert: Alert, action: Action) -> bool:
    """Whether an action needs a second, different person (four-eyes)."""
    return action is not Action.CLEAR and _reaches(alert.amount, policy.four_eyes_amount)


def _reaches(amount: Decimal | None, limit: Decimal | None) -> bool:
    return amount is not None and limit is not None and amount >= limit

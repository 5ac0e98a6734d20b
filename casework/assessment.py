"""An assessment: the specialists' findings weighed into one risk and one recommended action."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from casework import policy as rules_of
from casework.action import Action
from casework.actor import Role
from casework.alert import Alert, Frozen
from casework.canonical import digest
from casework.finding import Finding, FindingStatus, Risk, RowRef, Specialist, Text, TokenUsage
from casework.policy import Floor, Policy, Route

DEFAULT_WEIGHTS: Mapping[Specialist, float] = {
    Specialist.USAGE: 0.3,
    Specialist.LOCATION: 0.4,
    Specialist.BILLING: 0.3,
}
"""How much each specialist counts where the alert's type does not say otherwise."""


class RiskLevel(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Contribution(Frozen):
    """One line of the score: `points` are added to the evidence risk."""

    label: Text
    specialist: Specialist
    points: float
    rows: tuple[RowRef, ...] = ()


class FindingBrief(Frozen):
    """What the assessment took from a finding; `finding_hash` binds it to the whole of it."""

    specialist: Specialist
    status: FindingStatus
    risk: Risk | None
    summary: Text
    weight: float
    finding_hash: str


class Assessment(Frozen):
    """What an analyst is shown and decides on. Its hash is what a decision must name."""

    case_id: str
    alert_id: str
    customer_id: int
    attempt: int
    evidence_risk: Risk
    floors: tuple[Floor, ...]
    risk: Risk
    level: RiskLevel
    recommended_action: Action
    required_role: Role
    second_approver: bool
    route: Route
    reasoning: Text
    contributions: tuple[Contribution, ...]
    findings: tuple[FindingBrief, ...]
    analyst: str
    degraded: tuple[str, ...]
    usage: TokenUsage
    policy_version: int

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON of the whole assessment."""
        return digest(self.model_dump(mode="json"))


def level_of(risk: float) -> RiskLevel:
    """Critical from 0.8, high from 0.6, medium from 0.4, else low."""
    for floor, level in ((0.8, RiskLevel.CRITICAL), (0.6, RiskLevel.HIGH), (0.4, RiskLevel.MEDIUM)):
        if risk >= floor:
            return level
    return RiskLevel.LOW


def assess(
    policy: Policy,
    case_id: str,
    alert: Alert,
    attempt: int,
    findings: Iterable[Finding],
    *,
    weights: Mapping[Specialist, float] = DEFAULT_WEIGHTS,
    suspected_action: Action = Action.LOCK_ACCOUNT,
    narrative: str = "",
) -> Assessment:
    """Weigh findings into an assessment; a specialist without one counts as not evaluable.

    Evidence risk is the weighted mean over the specialists that could judge (0 when none could);
    floors then set the minimum. `suspected_action` is what to recommend if the evidence alone
    reaches the threshold; below it the recommendation is to clear, and a person still decides
    whenever a floor applies. `narrative` is an analyst's own words and changes no number.
    """
    found = _in_order(findings, attempt)
    shares = _shares(found, weights)
    evidence_risk = round(sum(share * (found[s].risk or 0.0) for s, share in shares.items()), 4)
    second = rules_of.second_opinion_floor(policy, evidence_risk, _checks_risk(found, weights))
    applied = (*rules_of.floors(policy, alert, found.values()), *([second] if second else []))
    risk = rules_of.floored_risk(evidence_risk, applied)
    action = suspected_action if evidence_risk >= policy.auto_clear_below else Action.CLEAR
    return Assessment(
        case_id=case_id,
        alert_id=alert.alert_id,
        customer_id=alert.customer_id,
        attempt=attempt,
        evidence_risk=evidence_risk,
        floors=applied,
        risk=risk,
        level=level_of(risk),
        recommended_action=action,
        required_role=rules_of.required_role(applied),
        second_approver=rules_of.needs_second_approver(policy, alert, action),
        route=rules_of.route(policy, risk, attempt),
        reasoning=(narrative or _reasoning(evidence_risk, applied, found.values()))[:8000],
        contributions=_contributions(found, shares),
        findings=tuple(_brief(finding, shares.get(s, 0.0)) for s, finding in found.items()),
        analyst=_analyst_names(found.values()),
        degraded=tuple(dict.fromkeys(f.degraded for f in found.values() if f.degraded)),
        usage=sum((f.usage for f in found.values()), TokenUsage()),
        policy_version=policy.version,
    )


def not_evaluable(specialist: Specialist, attempt: int, reason: str, analyst: str = "none") -> Finding:
    """The finding of a specialist that could not judge, with the reason in words."""
    return Finding(
        specialist=specialist,
        attempt=attempt,
        status=FindingStatus.NOT_EVALUABLE,
        summary=reason[:8000],
        analyst=analyst,
    )


def _in_order(findings: Iterable[Finding], attempt: int) -> dict[Specialist, Finding]:
    given = {finding.specialist: finding for finding in findings}
    return {s: given.get(s) or not_evaluable(s, attempt, "no finding was made in time") for s in Specialist}


def _shares(
    found: Mapping[Specialist, Finding], weights: Mapping[Specialist, float]
) -> dict[Specialist, float]:
    usable = {s: weights.get(s, 0.0) for s, finding in found.items() if finding.risk is not None}
    total = sum(usable.values())
    return {s: weight / total for s, weight in usable.items()} if total > 0 else {}


def _checks_risk(found: Mapping[Specialist, Finding], weights: Mapping[Specialist, float]) -> float:
    """What the playbook's checks alone come to; where a check could not judge, a person must look."""
    opinions = {s: finding.second_opinion or finding for s, finding in found.items()}
    if all(finding.second_opinion is None for finding in found.values()):
        return 0.0
    if any(opinion.status is not FindingStatus.EVALUATED for opinion in opinions.values()):
        return rules_of.HUMAN_RISK
    total = sum(weights.get(s, 0.0) for s in opinions)
    weighed = sum(weights.get(s, 0.0) * (opinion.risk or 0.0) for s, opinion in opinions.items())
    return round(weighed / total, 4) if total > 0 else 0.0


def _brief(finding: Finding, weight: float) -> FindingBrief:
    return FindingBrief(
        specialist=finding.specialist,
        status=finding.status,
        risk=finding.risk,
        summary=finding.summary,
        weight=round(weight, 4),
        finding_hash=finding_hash(finding),
    )


def finding_hash(finding: Finding) -> str:
    """SHA-256 over the canonical JSON of a finding."""
    return digest(finding.model_dump(mode="json"))


def _contributions(
    found: Mapping[Specialist, Finding], shares: Mapping[Specialist, float]
) -> tuple[Contribution, ...]:
    """Claims scaled by their specialist's share, plus a line where the claims' sum was clamped."""
    lines: list[Contribution] = []
    for specialist, share in shares.items():
        finding = found[specialist]
        weighted = [claim for claim in finding.claims if claim.weight]
        lines += [
            Contribution(
                label=claim.text,
                specialist=specialist,
                points=round(share * claim.weight, 4),
                rows=claim.rows,
            )
            for claim in weighted
        ]
        rest = (finding.risk or 0.0) - sum(claim.weight for claim in weighted)
        if abs(rest) > 1e-6 and share > 0:
            label = "limited to the range 0 to 1" if weighted else "the specialist's own score"
            lines.append(Contribution(label=label, specialist=specialist, points=round(share * rest, 4)))
    return tuple(sorted(lines, key=lambda line: -abs(line.points)))


def _reasoning(evidence_risk: float, applied: Iterable[Floor], found: Iterable[Finding]) -> str:
    lines = [f"{finding.specialist}: {finding.summary}" for finding in found]
    return "\n".join([*lines, *_arithmetic(evidence_risk, applied)])


def _arithmetic(evidence_risk: float, applied: Iterable[Floor]) -> list[str]:
    floors = (f"Not below {floor.minimum:.2f}: {floor.reason}." for floor in applied)
    return [f"The evidence weighs {evidence_risk:.2f}.", *floors]


def in_numbers(assessment: Assessment) -> frozenset[str]:
    """The sentences of a reasoning that only repeat its score and floors, for who shows those beside it."""
    return frozenset(_arithmetic(assessment.evidence_risk, assessment.floors))


def _analyst_names(found: Iterable[Finding]) -> str:
    return ", ".join(sorted({finding.analyst for finding in found if finding.analyst != "none"})) or "none"

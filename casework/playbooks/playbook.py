"""What a playbook is: look-ups, what must be known to judge, checks that say why, and how to weigh."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue

from casework.action import Action
from casework.assessment import DEFAULT_WEIGHTS, not_evaluable
from casework.finding import Claim, ClaimStatus, Finding, FindingStatus, RowRef, Specialist, ToolCall
from casework.playbooks.evidence import FRESH_DAYS, Evidence
from casework.ports import AnalystRequest

ANALYST = "playbook"

Arguments = Callable[[Evidence], Mapping[str, JsonValue] | None]
Need = Callable[[Evidence], str | None]
"""Says why the specialist cannot judge, or None."""
Check = Callable[[Evidence], Iterable[Claim]]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A tool to call, and with what; None as arguments means that it cannot be asked."""

    tool: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Plan:
    """One specialist's part: waves of look-ups (each may use what the ones before brought), needs, checks."""

    waves: tuple[tuple[Lookup, ...], ...]
    needs: tuple[Need, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Playbook:
    """How to investigate one kind of alert."""

    alert_types: tuple[str, ...]
    plans: Mapping[Specialist, Plan]
    weights: Mapping[Specialist, float]
    action: Action = Action.LOCK_ACCOUNT
    refund_checks: frozenset[str] = frozenset()
    """Checks that, when they count against the customer, mean that money left too: lock and refund."""

    def suspected_action(self, findings: Sequence[Finding]) -> Action:
        """What to do if the evidence reaches the threshold."""
        made = {claim.check for finding in findings for claim in finding.claims if claim.weight > 0}
        return Action.BOTH if made & self.refund_checks else self.action


def claim(
    check: str,
    text: str,
    weight: float,
    rows: Iterable[RowRef] = (),
    status: ClaimStatus = ClaimStatus.SUPPORTED,
) -> Claim:
    """One reason, with the rows it rests on."""
    return Claim(
        text=text, weight=round(weight, 4), rows=tuple(dict.fromkeys(rows))[:50], status=status, check=check
    )


def judge(plan: Plan, request: AnalystRequest, calls: Sequence[ToolCall]) -> Finding:
    """The finding of one specialist: a pure function of what the tools returned."""
    evidence = Evidence(request.alert, request.now, calls)
    missing = [reason for need in plan.needs if (reason := need(evidence))]
    if missing:
        blank = not_evaluable(request.specialist, request.attempt, "; ".join(missing), ANALYST)
        return blank.model_copy(update={"tool_calls": tuple(calls)})
    claims = tuple(made for check in plan.checks for made in check(evidence))
    risk = round(min(1.0, max(0.0, sum(made.weight for made in claims))), 4)
    denied = any(made.status is ClaimStatus.CONTRADICTED for made in claims)
    return Finding(
        specialist=request.specialist,
        attempt=request.attempt,
        status=FindingStatus.CONTRADICTED if denied else FindingStatus.EVALUATED,
        risk=risk,
        summary=_summary(claims),
        claims=claims,
        tool_calls=tuple(calls),
        analyst=ANALYST,
    )


def _summary(claims: Sequence[Claim]) -> str:
    telling = sorted(claims, key=lambda made: -abs(made.weight))[:4]
    return "; ".join(made.text for made in telling) or "nothing out of the ordinary in the rows looked at"


def answered(*tools: str) -> Need:
    """The named tools must have answered."""

    def need(evidence: Evidence) -> str | None:
        failed = [f"{tool}: {reason}" for tool in tools if (reason := evidence.failure_of(tool))]
        return "; ".join(failed) or None

    return need


def fresh_data(evidence: Evidence) -> str | None:
    """The customer data must reach the present."""
    if evidence.failure_of("get_account_status"):
        return None
    if evidence.data_as_of is None:
        return "the tool server does not say when its data ends"
    return _too_old("the data", evidence, evidence.data_as_of)


def readable_sign_ins(evidence: Evidence) -> str | None:
    """Recent sign-ins must say how they ended: from those that do not, nothing follows, least of all calm."""
    unread = [row for row in evidence.recent_log if row.unread]
    if not unread:
        return None
    return f"{len(unread)} recent sign-ins do not say whether they succeeded: log rows " + ", ".join(
        str(row.ref.row_id) for row in unread[:10]
    )


def fresh_usage(evidence: Evidence) -> str | None:
    """Usage must be recorded up to the present: an alert about usage cannot be judged without it."""
    if not evidence.usage:
        return "there are no usage records for this subscription"
    return _too_old("usage records", evidence, evidence.usage[-1].day)


def _too_old(what: str, evidence: Evidence, last: object) -> str | None:
    age = evidence.now.date() - last  # type: ignore[operator]
    if age > timedelta(days=FRESH_DAYS):
        return f"{what} end on {last}, {age.days} days before {evidence.now.date()}: stale"
    return None


__all__ = [
    "ANALYST",
    "DEFAULT_WEIGHTS",
    "Check",
    "Lookup",
    "Need",
    "Plan",
    "Playbook",
    "answered",
    "claim",
    "judge",
]

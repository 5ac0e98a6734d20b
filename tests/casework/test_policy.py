"""Floors hold for everything an analyst can say, and only complete, unsuspicious cases clear themselves."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.action import Action
from casework.actor import Role
from casework.alert import Alert, Severity
from casework.assessment import assess
from casework.finding import Claim, ClaimStatus, Finding, FindingStatus, Specialist
from casework.policy import Policy, Route, needs_second_approver
from tests.builders import CASE_ID, make_alert, make_finding, make_findings

ALERTS = st.builds(
    make_alert,
    severity=st.sampled_from(Severity),
    amount=st.none() | st.decimals(0, 20_000, places=2),
    customer_id=st.integers(1, 20),
)
RISKS = st.none() | st.floats(0, 1)
FINDINGS = st.builds(
    make_finding, st.sampled_from(Specialist), RISKS, degraded=st.none() | st.just("model down")
)
POLICY = Policy(watch_list=frozenset({13}))


@given(ALERTS, st.lists(FINDINGS, max_size=6), st.text(max_size=50))
def test_no_output_of_an_analyst_lowers_a_floor(alert: Alert, findings: list[Finding], words: str) -> None:
    assessment = assess(POLICY, CASE_ID, alert, 1, findings, narrative=words)
    for floor in assessment.floors:
        assert assessment.risk >= floor.minimum
        assert assessment.required_role.includes(floor.role)
    assert assessment.risk >= assessment.evidence_risk - 1e-9


@given(ALERTS, st.lists(FINDINGS, max_size=6))
def test_a_case_clears_itself_only_when_every_specialist_judged_and_nothing_forbids_it(
    alert: Alert, findings: list[Finding]
) -> None:
    assessment = assess(POLICY, CASE_ID, alert, 1, findings)
    if assessment.route is Route.AUTO_CLEAR:
        assert {brief.specialist for brief in assessment.findings if brief.risk is not None} == set(
            Specialist
        )
        assert all(brief.status is FindingStatus.EVALUATED for brief in assessment.findings)
        assert not assessment.degraded
        assert assessment.risk < POLICY.auto_clear_below
        assert alert.severity in (Severity.LOW, Severity.MEDIUM)
        assert alert.amount is None or alert.amount < 1000
        assert alert.customer_id != 13


def test_a_re_investigation_always_goes_back_to_a_person() -> None:
    assert assess(POLICY, CASE_ID, make_alert(), 1, make_findings(0, 0, 0)).route is Route.AUTO_CLEAR
    again = assess(POLICY, CASE_ID, make_alert(), 2, make_findings(0, 0, 0, attempt=2))
    assert again.route is Route.REVIEW


@pytest.mark.parametrize(
    ("alert", "risk", "role"),
    [
        (make_alert(severity=Severity.HIGH), 0.6, Role.ANALYST),
        (make_alert(severity=Severity.CRITICAL), 0.8, Role.SENIOR),
        (make_alert(amount=Decimal("999.99")), 0.0, Role.ANALYST),
        (make_alert(amount=Decimal(1000)), 0.6, Role.ANALYST),
        (make_alert(amount=Decimal(5000)), 0.6, Role.SENIOR),
        (make_alert(customer_id=13), 0.8, Role.SENIOR),
    ],
)
def test_what_an_alert_alone_demands(alert: Alert, risk: float, role: Role) -> None:
    assessment = assess(POLICY, CASE_ID, alert, 1, make_findings(0, 0, 0))
    assert (assessment.risk, assessment.required_role) == (risk, role)


@pytest.mark.parametrize(
    "finding",
    [
        make_finding(Specialist.USAGE, None),
        make_finding(Specialist.USAGE, 0.0, status=FindingStatus.CONTRADICTED),
        make_finding(Specialist.USAGE, 0.0, degraded="model down"),
        make_finding(Specialist.USAGE, 0.0, claims=(Claim(text="x", status=ClaimStatus.UNSUPPORTED),)),
    ],
)
def test_doubtful_evidence_needs_a_person(finding: Finding) -> None:
    others = make_findings(0, 0, 0)[1:]
    assert assess(POLICY, CASE_ID, make_alert(), 1, [finding, *others]).route is Route.REVIEW


def test_a_missing_specialist_is_not_read_as_low_risk() -> None:
    assessment = assess(POLICY, CASE_ID, make_alert(), 1, make_findings(0.9, 0.9, 0.9)[:1])
    assert assessment.evidence_risk == pytest.approx(0.9)
    assert [brief.status for brief in assessment.findings].count(FindingStatus.NOT_EVALUABLE) == 2


@given(st.tuples(RISKS, RISKS, RISKS))
def test_the_lines_of_the_score_add_up(risks: tuple[float | None, float | None, float | None]) -> None:
    assessment = assess(POLICY, CASE_ID, make_alert(), 1, make_findings(*risks))
    assert sum(line.points for line in assessment.contributions) == pytest.approx(
        assessment.evidence_risk, abs=1e-3
    )


def test_the_recommendation_follows_the_evidence_not_the_floor() -> None:
    calm = assess(POLICY, CASE_ID, make_alert(severity=Severity.CRITICAL), 1, make_findings(0, 0, 0))
    hot = assess(POLICY, CASE_ID, make_alert(), 1, make_findings(1, 1, 1), suspected_action=Action.BOTH)
    assert (calm.recommended_action, hot.recommended_action) == (Action.CLEAR, Action.BOTH)


def test_four_eyes_is_for_costly_actions_only() -> None:
    dear = make_alert(amount=Decimal(5000))
    assert needs_second_approver(POLICY, dear, Action.LOCK_ACCOUNT)
    assert not needs_second_approver(POLICY, dear, Action.CLEAR)
    assert not needs_second_approver(POLICY, make_alert(), Action.LOCK_ACCOUNT)
    assert not needs_second_approver(Policy(four_eyes_amount=None), dear, Action.BOTH)


def test_the_hash_covers_every_word() -> None:
    one = assess(POLICY, CASE_ID, make_alert(), 1, make_findings(0, 0, 0))
    other = assess(POLICY, CASE_ID, make_alert(), 1, make_findings(0, 0, 0), narrative="x")
    assert one.hash != other.hash
    assert one.hash == assess(POLICY, CASE_ID, make_alert(), 1, make_findings(0, 0, 0)).hash

"""Valid domain values in one call each; override the one field a test is about."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from casework import events as ev
from casework.action import Action
from casework.actor import SYSTEM, Actor, ActorKind, Role
from casework.alert import Alert
from casework.assessment import Assessment, assess
from casework.canonical import GENESIS
from casework.case import Case
from casework.decision import Decision, DecisionRequest, Stage, decision_id_for
from casework.finding import Claim, Finding, FindingStatus, RowRef, Specialist
from casework.history import apply
from casework.hub_picture import HubPicture
from casework.policy import Policy, Terms

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CASE_ID = "fraud-A-1"


def make_alert(**changes: Any) -> Alert:
    """A medium alert about customer 7."""
    fields = {"alert_id": "A-1", "customer_id": 7, "alert_type": "spending_spike", "detected_at": NOW}
    return Alert(**{**fields, **changes})


def make_person(name: str = "ann", role: Role = Role.ANALYST) -> Actor:
    return Actor(kind=ActorKind.PERSON, actor_id=f"local:{name}", name=name, role=role)


def make_finding(
    specialist: Specialist = Specialist.USAGE, risk: float | None = 0.7, **changes: Any
) -> Finding:
    """An evaluated finding whose one claim carries its whole risk; not evaluable when the risk is None."""
    status = FindingStatus.EVALUATED if risk is not None else FindingStatus.NOT_EVALUABLE
    claim = Claim(text="seen", weight=risk or 0.0, rows=(RowRef(table="SecurityLogs", row_id=41),))
    fields = {
        "specialist": specialist,
        "attempt": 1,
        "status": status,
        "risk": risk,
        "summary": "what was seen",
    }
    return Finding(**{**fields, "claims": (claim,), "analyst": "playbook", **changes})


def make_findings(*risks: float | None, attempt: int = 1) -> list[Finding]:
    """One finding for each specialist, in order."""
    return [make_finding(s, risk, attempt=attempt) for s, risk in zip(Specialist, risks, strict=True)]


def make_assessment(
    *, alert: Alert | None = None, attempt: int = 1, policy: Policy | None = None
) -> Assessment:
    findings = make_findings(0.7, 0.7, 0.7, attempt=attempt)
    return assess(policy or Policy(), CASE_ID, alert or make_alert(), attempt, findings)


def event(body: ev.EventBody, key: str, actor: Actor = SYSTEM, at: datetime = NOW) -> ev.NewEvent:
    return ev.NewEvent(event_id=f"{CASE_ID}:{key}", occurred_at=at, actor=actor, body=body)


def grow(case: Case | None, events: Iterable[ev.NewEvent], case_id: str = CASE_ID) -> Case:
    """The case after more events, sealed as a store would."""
    for item in events:
        seq, prev = (case.seq, case.head_hash) if case else (0, GENESIS)
        case = apply(case, ev.seal(item, case_id, seq + 1, prev))
    assert case is not None
    return case


def story_until_review(alert: Alert | None = None, terms: Terms | None = None) -> list[ev.NewEvent]:
    """The events of a case from its alert to an analyst being asked."""
    alert = alert or make_alert()
    assessment = make_assessment(alert=alert)
    return [
        event(ev.Opened(alert=alert, terms=terms or Terms()), "opened"),
        event(ev.InvestigationStarted(attempt=1), "started:1"),
        *(
            event(ev.FindingRecorded(finding=f), f"finding:{f.specialist}")
            for f in make_findings(0.7, 0.7, 0.7)
        ),
        event(ev.AssessmentRecorded(assessment=assessment, assessment_hash=assessment.hash), "assessment:1"),
        event(review_requested(assessment, 1), "review:1"),
    ]


def review_requested(
    assessment: Assessment, number: int, stage: Stage = Stage.ANALYST, proposed: Decision | None = None
) -> ev.ReviewRequested:
    return ev.ReviewRequested(
        review=number,
        stage=stage,
        attempt=assessment.attempt,
        assessment_hash=assessment.hash,
        deadline=NOW + timedelta(hours=72),
        required_role=assessment.required_role,
        proposed=proposed,
    )


def case_in_review(**changes: Any) -> Case:
    """A case that waits for an analyst."""
    return grow(None, story_until_review(**changes))


def make_request(case: Case, **changes: Any) -> DecisionRequest:
    """An approval of what is under review."""
    assert case.review is not None
    fields = {
        "attempt": case.review.attempt,
        "assessment_hash": case.review.assessment_hash,
        "approved": True,
        "action": Action.LOCK_ACCOUNT,
    }
    return DecisionRequest(**{**fields, **changes})


def make_decision(case: Case, actor: Actor | None = None, **changes: Any) -> Decision:
    assert case.review is not None
    return Decision(
        decision_id=decision_id_for(case.case_id, case.review.number),
        review=case.review.number,
        stage=case.review.stage,
        actor=actor or make_person(),
        decided_at=NOW,
        **make_request(case, **changes).model_dump(),
    )


def make_hub_picture(**changes: Any) -> HubPicture:
    """A task hub with one worker, three instances, and an activity that has waited for ninety seconds."""
    hub = {
        "name": "default",
        "workers": 1,
        "instances": {"completed": 2, "running": 1},
        "waiting": {"activity": 1},
        "entities": 4,
    }
    fields = {
        "taken_at": NOW,
        "hubs": [hub],
        "hubs_total": 1,
        "leases": 1,
        "oldest_item_age_seconds": {"activity": 90.0},
        "timers": 2,
        "next_timer_seconds": 7200.0,
        "parked": [],
        "parked_total": 0,
        "storage_healthy": True,
        "storage_failure": "",
        "write_backlog": 0,
        "database_bytes": 4_200_000,
    }
    return HubPicture.model_validate({**fields, **changes})

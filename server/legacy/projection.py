"""A case's record told in the demo's words: status, message, the steps of its graph, the result."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from casework import events as ev
from casework.action import Action
from casework.assessment import Assessment
from casework.case import Case
from casework.finding import Finding, Specialist
from casework.history import apply
from casework.policy import Route
from casework.transitions import Status

TEXT_LIMIT = 2000
EXECUTORS = {
    Specialist.USAGE: "usage_pattern_executor",
    Specialist.LOCATION: "location_analysis_executor",
    Specialist.BILLING: "billing_charge_executor",
}
StepDetails = dict[str, dict[str, JsonValue]]


class DemoResult(BaseModel):
    """What the demo's orchestration returns."""

    alert_id: str
    status: str = "completed"
    risk_score: float
    action_taken: str
    success: bool
    review_attempts: int
    step_details: StepDetails


@dataclass(frozen=True, slots=True)
class DemoView:
    """A case as the demo's page renders it."""

    status: str
    message: str
    risk_score: float
    step_details: StepDetails
    decision_required: bool
    result: DemoResult | None


class DemoProjection:
    """Folds a case's events; `view` is the page's state after the last one."""

    def __init__(self, events: Iterable[ev.CaseEvent] = ()) -> None:
        self.case: Case | None = None
        self._steps: StepDetails = {}
        self._message = ""
        for event in events:
            self.add(event)

    @property
    def seq(self) -> int:
        return self.case.seq if self.case else 0

    def add(self, event: ev.CaseEvent) -> bool:
        """Take one more event; False for one that was already taken."""
        if event.seq <= self.seq:
            return False
        self.case = apply(self.case, event)
        self._add_step(self.case, event)
        if (message := _message(self.case, event)) is not None:
            self._message = message
        return True

    def view(self) -> DemoView | None:
        """None before the first event."""
        case = self.case
        if case is None:
            return None
        return DemoView(
            status=_status(case),
            message=self._message,
            risk_score=case.risk or 0.0,
            step_details=dict(self._steps),
            decision_required=case.awaiting,
            result=self._result(case),
        )

    def _result(self, case: Case) -> DemoResult | None:
        if case.status is not Status.CLOSED or case.outcome is ev.Outcome.FAILED:
            return None
        return DemoResult(
            alert_id=case.alert.alert_id,
            risk_score=case.risk or 0.0,
            action_taken=_action_taken(case),
            success=case.outcome is not ev.Outcome.UNANSWERED,
            review_attempts=case.attempt if case.review else 0,
            step_details=dict(self._steps),
        )

    def _add_step(self, case: Case, event: ev.CaseEvent) -> None:
        match event.body:
            case ev.InvestigationStarted():
                running: StepDetails = {name: {"status": "running"} for name in EXECUTORS.values()}
                self._steps.update(running)
                self._steps.pop("fraud_risk_aggregator", None)
            case ev.FindingRecorded(finding=finding):
                self._steps[EXECUTORS[finding.specialist]] = _finding_step(finding)
            case ev.AssessmentRecorded(assessment=assessment):
                self._steps["fraud_risk_aggregator"] = _assessment_step(assessment)
            case ev.ReviewRequested():
                self._steps.pop("review_gateway", None)
            case ev.DecisionSubmitted(decision=decision):
                status = "completed" if decision.approved or decision.escalate else "rejected"
                self._steps["review_gateway"] = {"status": status, "output": _cut(decision.summary)}
            case ev.ActionExecuted() | ev.ActionFailed():
                self._steps["fraud_action_executor"] = _action_step(case, event.body)
            case ev.Escalated(reason=reason):
                self._steps["review_gateway"] = {"status": "completed", "output": f"escalated: {reason}"}
            case ev.CaseClosed(outcome=outcome):
                self._close_steps(outcome, event.body.detail)

    def _close_steps(self, outcome: ev.Outcome, detail: str) -> None:
        if outcome is ev.Outcome.AUTO_CLEARED:
            self._steps["auto_clear_executor"] = {"status": "completed", "output": "cleared by policy"}
        elif outcome is ev.Outcome.CLEARED:
            cleared = "no action: cleared by an analyst"
            self._steps["fraud_action_executor"] = {"status": "completed", "output": cleared}
        elif outcome is ev.Outcome.UNANSWERED:
            nothing = "no action was taken: nobody decided in time"
            self._steps["fraud_action_executor"] = {"status": "skipped", "output": nothing}
        elif outcome is ev.Outcome.FAILED:
            self._steps["fraud_action_executor"] = {"status": "failed", "output": _cut(detail)}


def _status(case: Case) -> str:
    """In the SDK's words; a case that failed or was terminated is FAILED, which the page can show."""
    if case.status is Status.CLOSED:
        return "FAILED" if case.outcome is ev.Outcome.FAILED else "COMPLETED"
    return "PENDING" if case.status is Status.OPEN else "RUNNING"


def _message(case: Case, event: ev.CaseEvent) -> str | None:  # noqa: PLR0911 - one line per event
    """What the page matches on; None where an event changes nothing it shows."""
    match event.body:
        case ev.Opened():
            return f"Running fraud analysis for {case.alert.alert_id}"
        case ev.InvestigationStarted(attempt=attempt):
            if attempt == 1:
                return f"Running fraud analysis for {case.alert.alert_id}"
            return f"Re-investigating with analyst feedback (attempt {attempt})"
        case ev.AssessmentRecorded(assessment=assessment) if assessment.route is Route.AUTO_CLEAR:
            return f"Auto-clearing alert (risk={assessment.risk:.2f})"
        case ev.ReviewRequested():
            return f"Awaiting analyst review (risk={case.risk or 0.0:.2f}, attempt {case.attempt})"
        case ev.DecisionSubmitted(decision=decision):
            if decision.approved:
                return "Executing analyst-approved action"
            if decision.escalate:
                return None
            return f"Re-investigating with analyst feedback (attempt {case.attempt + 1})"
        case ev.Escalated():
            return "Review timed out - escalating"
        case ev.NotificationSent():
            return "Sending notification"
        case ev.CaseClosed():
            return "Completed"
        case _:
            return None


def _finding_step(finding: Finding) -> dict[str, JsonValue]:
    calls: list[JsonValue] = [
        {
            "name": call.tool,
            "arguments": dict(call.arguments),
            "result": _cut(_told(call.error or call.result)),
        }
        for call in finding.tool_calls
    ]
    return {
        "status": "completed",
        "risk_score": finding.risk,
        "tool_calls": calls,
        "output": _cut(finding.summary),
    }


def _assessment_step(assessment: Assessment) -> dict[str, JsonValue]:
    return {
        "status": "completed",
        "risk_score": assessment.risk,
        "tool_calls": [],
        "output": _cut(assessment.reasoning),
    }


def _action_step(case: Case, body: ev.ActionExecuted | ev.ActionFailed) -> dict[str, JsonValue]:
    if isinstance(body, ev.ActionFailed):
        return {"status": "failed", "output": _cut(f"{body.step}: {body.error}")}
    done = ", ".join(f"{receipt.step} ({receipt.reference})" for receipt in case.receipts)
    return {"status": "completed", "output": _cut(done)}


def _action_taken(case: Case) -> str:
    if case.outcome is ev.Outcome.AUTO_CLEARED:
        return "auto_clear"
    if case.outcome is ev.Outcome.UNANSWERED:
        exhausted = case.escalation is ev.EscalationReason.ATTEMPTS_EXHAUSTED
        return "max_attempts_exhausted" if exhausted else "escalate_timeout"
    return str(case.action_taken or Action.CLEAR)


def _told(value: JsonValue) -> str:
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"

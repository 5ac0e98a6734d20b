"""Cases to work on: alerts, findings and assessments built with the domain's own functions."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from casework import flow
from casework.action import Action
from casework.actor import AGENT
from casework.alert import Alert, Severity, case_id_for
from casework.assessment import Assessment, assess
from casework.commands import open_case
from casework.decision import Stage
from casework.events import (
    AssessmentRecorded,
    EventBody,
    FindingRecorded,
    InvestigationStarted,
    NewEvent,
    NoteAdded,
    ReviewRequested,
    ToolCalled,
)
from casework.finding import Claim, ClaimStatus, Finding, FindingStatus, RowRef, Specialist, ToolCall
from casework.policy import Policy, Terms
from casework.telemetry import Telemetry
from casework.transitions import Status
from fakedesk.lookups import customer_calls, first_answers
from fakedesk.record import Record, now

TOOLS = {
    Specialist.USAGE: ("get_data_usage", "get_login_history"),
    Specialist.LOCATION: ("get_security_logs", "get_login_history"),
    Specialist.BILLING: ("get_billing_summary", "get_customer_orders"),
}
HOSTILE = (
    "\x1b]0;pwned\x07\x1b[2J\x1b[31m[bold red]X[/]"
    "\u202eevil\u2066\u200d\x9b5m\u0301\u0301\u0301\u0301 a\rb\x00"
)


def alert(number: int, kind: str = "multi_country_login", **changes: object) -> Alert:
    fields: dict[str, object] = {
        "alert_id": f"ALERT-{number:03d}",
        "customer_id": 200 + number,
        "alert_type": kind,
        "severity": Severity.HIGH,
        "description": "Sign-ins from two countries within minutes, further apart than anybody travels",
        "detected_at": datetime.fromisoformat("2026-01-05T10:00:00+00:00"),
    }
    return Alert.model_validate(fields | changes)


def call(specialist: Specialist, attempt: int, index: int, customer_id: int, text: str = "") -> ToolCall:
    tool = TOOLS[specialist][index]
    arguments, result = first_answers(customer_id, text)[tool]
    return ToolCall(
        call_id=f"{specialist}:{attempt}:{index}",
        tool=tool,
        arguments=arguments,
        result=result,
        duration_ms=12 + index,
    )


def finding(
    specialist: Specialist, attempt: int, about: Alert, text: str = "", *, looked_up: bool = False
) -> Finding:
    calls = tuple(call(specialist, attempt, i, about.customer_id, text) for i in range(2))
    if looked_up and specialist is Specialist.USAGE:
        calls = (*customer_calls(about.customer_id, text), *calls)
    if specialist is Specialist.BILLING:
        return Finding(
            specialist=specialist,
            attempt=attempt,
            status=FindingStatus.NOT_EVALUABLE,
            summary=text or "No invoice is newer than 90 days, so spending cannot be compared.",
            claims=(Claim(text=text or "billing data is stale", status=ClaimStatus.NOT_EVALUABLE),),
            tool_calls=calls,
            analyst="playbook",
            finished_at=about.detected_at,
        )
    claims = (
        Claim(
            text=text or "four failed sign-ins in 7 minutes, then a good one",
            weight=0.45,
            rows=tuple(RowRef(table="SecurityLogs", row_id=i) for i in range(41, 46)),
            check="failed_burst",
        ),
        Claim(
            text=text or "the address belongs to an anonymiser",
            weight=0.35,
            rows=(RowRef(table="SecurityLogs", row_id=44),),
        ),
        Claim(
            text=text or "the customer told support about a trip",
            weight=-0.05,
            status=ClaimStatus.UNSUPPORTED,
        ),
    )
    return Finding(
        specialist=specialist,
        attempt=attempt,
        status=FindingStatus.EVALUATED,
        risk=0.75,
        summary=text or "Access from a country the customer never used, straight after failed attempts.",
        claims=claims,
        tool_calls=calls,
        analyst="playbook",
        degraded=text or None,
        finished_at=about.detected_at,
    )


def event(case_id: str, key: str, body: EventBody, at: datetime) -> NewEvent:
    return NewEvent(event_id=f"{case_id}:{key}", occurred_at=at, actor=AGENT, body=body)


async def opened(
    record: Record,
    about: Alert,
    at: datetime,
    terms: Terms | None = None,
    triggers: Sequence[Telemetry] = (),
) -> str:
    case_id = case_id_for(about.alert_id)
    await record.append(case_id, [open_case(about, terms or Terms(), at, triggers)])
    return case_id


async def begin(record: Record, case_id: str, at: datetime, feedback: str = "") -> int:
    attempt = record.load(case_id).attempt + 1
    body = InvestigationStarted(attempt=attempt, feedback=feedback)
    await record.append(case_id, [event(case_id, f"attempt:{attempt}", body, at)])
    return attempt


async def look(record: Record, case_id: str, specialist: Specialist, index: int, at: datetime) -> None:
    case = record.load(case_id)
    made = call(specialist, case.attempt, index, case.alert.customer_id)
    body = ToolCalled(attempt=case.attempt, specialist=specialist, call=made)
    await record.append(case_id, [event(case_id, f"call:{made.call_id}", body, at)])


async def find(
    record: Record,
    case_id: str,
    specialist: Specialist,
    at: datetime,
    text: str = "",
    *,
    looked_up: bool = False,
) -> None:
    case = record.load(case_id)
    found = finding(specialist, case.attempt, case.alert, text, looked_up=looked_up)
    body = FindingRecorded(finding=found)
    await record.append(case_id, [event(case_id, f"finding:{case.attempt}:{specialist}", body, at)])


def assessment(record: Record, case_id: str) -> Assessment:
    case = record.load(case_id)
    found = [e.body.finding for e in record.events[case_id] if isinstance(e.body, FindingRecorded)]
    current = [f for f in found if f.attempt == case.attempt]
    return assess(Policy(), case_id, case.alert, case.attempt, current, suspected_action=Action.LOCK_ACCOUNT)


async def ask(record: Record, case_id: str, at: datetime, stage: Stage = Stage.ANALYST) -> None:
    """Assess the case and put it to a person."""
    case = record.load(case_id)
    if case.status is Status.WITHDRAWN:
        await record.append(case_id, flow.request_review(case, at))
        return
    number = (case.review.number if case.review else 0) + 1
    events = []
    if case.assessment is None:
        made = assessment(record, case_id)
        body = AssessmentRecorded(assessment=made, assessment_hash=made.hash)
        events.append(event(case_id, f"assessment:{case.attempt}", body, at))
        case_assessment, sealed = made, made.hash
    else:
        case_assessment, sealed = case.assessment, case.assessment_hash or ""
    review = ReviewRequested(
        review=number,
        stage=stage,
        attempt=case.attempt,
        assessment_hash=sealed,
        deadline=at + timedelta(seconds=case.terms.decision_deadline_seconds),
        required_role=case_assessment.required_role,
        proposed=case.decision if stage is Stage.SECOND else None,
    )
    events.append(event(case_id, f"review:{number}", review, at))
    await record.append(case_id, events)


async def investigated(
    record: Record,
    about: Alert,
    at: datetime,
    terms: Terms | None = None,
    text: str = "",
    *,
    looked_up: bool = False,
    triggers: Sequence[Telemetry] = (),
) -> str:
    """A case whose agents have finished and which waits for a decision.

    `looked_up` says that the customer was looked up from all sides.
    """
    case_id = await opened(record, about, at, terms, triggers)
    await begin(record, case_id, at, text)
    for specialist in Specialist:
        for index in range(2):
            await look(record, case_id, specialist, index, at)
        await find(record, case_id, specialist, at, text, looked_up=looked_up)
    await ask(record, case_id, at)
    return case_id


SLOW = Terms(hold_seconds=600)
"""Approvals are held for so long that a test can look at them."""


def case(number: int) -> str:
    """The id of the case about an alert."""
    return f"fraud-ALERT-{number:03d}"


async def queue(record: Record, count: int) -> None:
    """Cases that wait for a decision and expire in the order of their numbers."""
    for number in range(1, count + 1):
        await investigated(record, alert(number), now() - timedelta(minutes=200 - number), SLOW)


async def add_note(record: Record, case_id: str, text: str) -> None:
    """Somebody writes a note."""
    case = record.load(case_id)
    body = NoteAdded(text=text)
    await record.append(case_id, [event(case_id, f"note:{case.seq}", body, case.updated_at)])

"""The demo's HTTP routes over our cases. Identity never comes from a body."""

import asyncio
import json
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from casework.action import Action
from casework.alert import Alert
from casework.case import Case
from casework.decision import DecisionRequest
from casework.errors import ConflictError, InvalidInputError, NotFoundError
from casework.permissions import Permission
from casework.policy import Terms
from casework.transitions import Status
from server.bodies import StrictJsonRoute
from server.deciding import deliver, submit, whole_record
from server.dependencies import Caller, TheDesk
from server.identity.declared import needs
from server.identity.gate import owner_of, seconds_left
from server.legacy.models import (
    SAMPLE_ALERTS,
    DecisionBody,
    ProducerStatus,
    ProducerSwitched,
    SampleAlert,
    Started,
    StartRequest,
    Submitted,
    WorkflowStatus,
)
from server.legacy.projection import DemoProjection
from server.live.frames import Topic
from server.live.position import parse_position
from server.live.session import Subscription
from server.live.sse import StreamResponse
from server.openapi import problems
from server.opening import open_case, start_flow

NO_FEEDBACK = "(no feedback given)"

router = APIRouter(prefix="/api", tags=["demo"], route_class=StrictJsonRoute)


@router.get("/alerts", summary="The demo's three alerts")
@needs(Permission.LOOK)
async def alerts() -> list[SampleAlert]:
    return list(SAMPLE_ALERTS)


@router.post("/workflow/start", summary="Open the case of an alert", responses=problems(422))
@needs(Permission.OPEN)
async def start(body: StartRequest, desk: TheDesk) -> Started:
    terms = _terms(desk.policy.terms, body.approval_timeout_hours)
    alert = Alert(detected_at=desk.clock(), **body.model_dump(exclude={"approval_timeout_hours"}))
    case = await open_case(desk.backends.cases, alert, terms, desk.clock)
    if case.status is Status.OPEN:
        await start_flow(desk.backends.flow, case, desk.settings.flow_patience_seconds)
    return Started(instance_id=case.case_id, alert_id=alert.alert_id)


@router.get("/workflow/status/{instance_id}", summary="How a case stands", responses=problems(404))
@needs(Permission.LOOK)
async def status(instance_id: str, desk: TheDesk) -> WorkflowStatus:
    projection = DemoProjection()
    try:
        async for event in whole_record(desk.backends.cases, instance_id):
            projection.add(event)
    except NotFoundError:
        raise NotFoundError("Orchestration not found") from None
    view = projection.view()
    assert view is not None
    shown = {"message": view.message, "step_details": view.step_details, "risk_score": view.risk_score}
    return WorkflowStatus(
        instance_id=instance_id,
        status=view.status,
        custom_status=json.dumps(json.dumps(shown)),
        result=view.result.model_dump(mode="json") if view.result else None,
    )


@router.post(
    "/workflow/decision", summary="Decide on the open review", responses=problems(403, 404, 409, 422)
)
@needs(Permission.DECIDE)
async def decide(body: DecisionBody, desk: TheDesk, actor: Caller) -> Submitted:
    cases, signer = desk.backends.cases, desk.backends.signer
    try:
        case = await cases.load(body.instance_id)
    except NotFoundError:
        raise NotFoundError("Orchestration not found") from None
    request = _bound_request(case, body)
    decided = await submit(cases, case.case_id, request, actor, now=desk.clock(), key=None, signer=signer)
    await deliver(cases, desk.backends.flow, decided, desk.settings.flow_patience_seconds)
    return Submitted(instance_id=case.case_id)


@router.get("/events/stream", summary="The demo's live events", response_class=Response)
@needs(Permission.LOOK)
async def events(
    request: Request, desk: TheDesk, last_event_id: Annotated[str | None, Header(max_length=100)] = None
) -> StreamResponse:
    since = None
    if last_event_id:
        with suppress(InvalidInputError):
            since = parse_position(last_event_id)
    wanted = Subscription(frozenset({Topic.DEMO}), since, owner_of(request), seconds_left(request))
    return StreamResponse(desk.live, wanted)


@router.get("/producer/status", summary="Whether the demo's telemetry runs")
@needs(Permission.BE_PACED)
async def producer_status(
    desk: TheDesk, x_producer: Annotated[str | None, Header(max_length=20)] = None
) -> ProducerStatus:
    producer = desk.producer
    if x_producer == "external":
        producer.attach()
    return ProducerStatus(
        running=producer.running,
        interval_seconds=producer.interval_seconds,
        anomaly_probability=producer.anomaly_probability,
    )


@router.post("/producer/start", summary="Start the demo's telemetry")
@needs(Permission.OPERATE)
async def producer_start(desk: TheDesk) -> ProducerSwitched:
    desk.producer.start()
    return ProducerSwitched(running=desk.producer.running)


@router.post("/producer/stop", summary="Stop the demo's telemetry")
@needs(Permission.OPERATE)
async def producer_stop(desk: TheDesk) -> ProducerSwitched:
    await asyncio.shield(desk.producer.stop())
    return ProducerSwitched(running=desk.producer.running)


def _terms(default: Terms, approval_timeout_hours: float) -> Terms:
    """The demo's timeout is the analyst's deadline; the senior queue gets no longer than that."""
    seconds = approval_timeout_hours * 3600
    senior = min(default.senior_deadline_seconds, seconds)
    changed = {"decision_deadline_seconds": seconds, "senior_deadline_seconds": senior}
    return Terms.model_validate({**default.model_dump(), **changed})


def _bound_request(case: Case, body: DecisionBody) -> DecisionRequest:
    """The demo's unbound decision as one on the review that waits now; refused when none does."""
    if case.review is None or not case.awaiting:
        decided = f": {case.decision.summary}" if case.decision else ""
        raise ConflictError(f"the case is {case.status} and waits for no decision{decided}")
    if body.alert_id and body.alert_id != case.alert.alert_id:
        raise InvalidInputError("alert_id", f"this instance is about {case.alert.alert_id}")
    return DecisionRequest(
        attempt=case.review.attempt,
        assessment_hash=case.review.assessment_hash,
        approved=body.approved,
        action=_action(body) if body.approved else None,
        feedback=body.feedback if body.approved else body.feedback.strip() or NO_FEEDBACK,
        notes=body.analyst_notes,
    )


def _action(body: DecisionBody) -> Action:
    try:
        return Action(body.approved_action)
    except ValueError:
        raise InvalidInputError("approved_action", f"must be one of {', '.join(Action)}") from None

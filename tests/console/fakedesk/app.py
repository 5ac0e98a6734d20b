"""The API over the record, with switches for what can go wrong on the way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import ValidationError

from casework import commands, errors, flow, views
from casework.action import ActionReceipt
from casework.actor import Actor, ActorKind, Role
from casework.canonical import verify_chain
from casework.decision import DecisionRequest
from casework.events import (
    ActionExecuted,
    ActionReversed,
    ActionStarted,
    CaseClosed,
    DecisionApplied,
    FindingRecorded,
    HoldStarted,
    Outcome,
)
from casework.filters import View, parse
from casework.finding import Specialist, TokenUsage
from casework.hub_picture import HubReport
from casework.links import linked_entities
from casework.policy import Policy
from casework.telemetry import TELEMETRY
from casework.transitions import AWAITING, Status
from fakedesk import stories
from fakedesk.record import Record, now

STATUS_OF = {
    errors.NotFoundError: (404, "not-found"),
    errors.NotAllowedError: (403, "not-allowed"),
    errors.AlreadyDecidedError: (409, "already-decided"),
    errors.StaleDecisionError: (409, "stale-decision"),
    errors.ClaimedError: (409, "claimed"),
    errors.ConflictError: (409, "transition"),
    errors.InvalidInputError: (422, "invalid"),
}


class Desk:
    """The record, the flow that a worker would drive, and the switches."""

    def __init__(self) -> None:
        self.record = Record()
        self.app = FastAPI()
        self.drop_answers = 0
        """Carry out this many writes and then break the connection instead of answering."""
        self.refuse_all = False
        self.delay_seconds = 0.0
        """How long to think before answering anything but the stream."""
        self.unwell = False
        self.task_hub = HubReport(source="http://127.0.0.1:8082", not_known="nobody listens there")
        self.mute = False
        """Send nothing over open streams, as if the line were slow."""
        self.streams = 0
        self.cut = 0
        self.flow: set[asyncio.Task[None]] = set()
        _routes(self)

    async def hang_up(self) -> None:
        """Break every stream that is open now."""
        self.cut += 1
        await self.record.wake()

    def drive(self, case_id: str) -> None:
        """Do what the worker would: take the decision up, hold, execute, close, or investigate again."""
        task = asyncio.get_running_loop().create_task(self._drive(case_id))
        self.flow.add(task)
        task.add_done_callback(self.flow.discard)

    async def _drive(self, case_id: str) -> None:
        record, case = self.record, self.record.load(case_id)
        decision = case.decision
        if decision is None:
            return
        review = decision.review
        if decision.escalate:
            await record.append(case_id, flow.apply_decision(case, Policy(), now()))
            return
        applied = DecisionApplied(decision_id=decision.decision_id, review=review)
        await record.append(case_id, [stories.event(case_id, f"applied:{review}", applied, now())])
        if not decision.approved:
            await stories.begin(record, case_id, now(), decision.feedback)
            for specialist in Specialist:
                await stories.look(record, case_id, specialist, 0, now())
                await stories.find(record, case_id, specialist, now())
            await stories.ask(record, case_id, now())
            return
        assert decision.action is not None
        until = now() + timedelta(seconds=case.terms.hold_seconds)
        held = HoldStarted(review=review, action=decision.action, until=until)
        await record.append(case_id, [stories.event(case_id, f"held:{review}", held, now())])
        await asyncio.sleep(case.terms.hold_seconds)
        if record.load(case_id).status is not Status.HELD:
            return
        began = ActionStarted(action=decision.action, attempt=case.attempt)
        await record.append(case_id, [stories.event(case_id, "began", began, now())])
        for step in decision.action.steps:
            receipt = ActionReceipt(
                action_id=f"{case_id}:1:{step}", step=step, executed_at=now(), reference="LEDGER-7"
            )
            body = ActionExecuted(receipt=receipt)
            await record.append(case_id, [stories.event(case_id, f"done:{step}", body, now())])
        closed = CaseClosed(
            outcome=Outcome.ACTIONED if decision.action.steps else Outcome.CLEARED, action=decision.action
        )
        await record.append(case_id, [stories.event(case_id, "closed", closed, now())])


class LostAnswer(Response):
    """An answer that breaks off before its first byte of content, as a dropped line does."""

    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
        headers = [(b"content-length", b"100"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 202, "headers": headers})


def person(name: str | None) -> Actor:
    label = name or "operator"
    role = Role.VIEWER if label.startswith("viewer") else Role.LEAD
    return Actor(kind=ActorKind.PERSON, actor_id=f"local:{label}", name=label, role=role)


def _routes(desk: Desk) -> None:  # noqa: PLR0915 (a route each)
    app, record = desk.app, desk.record

    @app.middleware("http")
    async def switches(request: Request, call_next):  # type: ignore[no-untyped-def]
        if desk.refuse_all:
            problem = {"type": "unavailable", "title": "away", "status": 503, "detail": "the desk is away"}
            return JSONResponse(problem, 503, headers={"Retry-After": "0"})
        if not request.url.path.endswith("/stream"):
            await asyncio.sleep(desk.delay_seconds)
        response = await call_next(request)
        if desk.drop_answers and request.method == "POST":
            desk.drop_answers -= 1
            return LostAnswer()
        return response

    @app.exception_handler(errors.CaseworkError)
    async def problem(request: Request, error: errors.CaseworkError) -> JSONResponse:
        status, kind = next((s for t, s in STATUS_OF.items() if isinstance(error, t)), (500, "error"))
        body = views.Problem(type=f"https://fake/{kind}", title=kind, status=status, detail=str(error))
        return JSONResponse(body.model_dump(mode="json"), status, media_type="application/problem+json")

    @app.get("/api/v1/me")
    async def me(x_operator: str | None = Header(None)) -> views.Me:
        return views.Me(actor=person(x_operator), authenticated=False, environment="local")

    @app.get("/api/v1/auth")
    async def sign_in_terms() -> views.SignInTerms:
        return views.SignInTerms()

    @app.get("/api/v1/audit/bundle")
    async def bundle(case_id: str) -> Response:
        record.load(case_id)
        return Response(b"a bundle", media_type="application/zip")

    @app.get("/api/v1/cases/counts")
    async def counts() -> views.CaseCounts:
        by: dict[Status, int] = {}
        for case in record.cases.values():
            by[case.status] = by.get(case.status, 0) + 1
        return views.CaseCounts(by_status=by, total=len(record.cases), cursor=record.cursor)

    @app.get("/api/v1/cases")
    async def cases(
        *,
        status: str = "all",
        limit: int = 100,
        cursor: int = 0,
        customer: int | None = None,
        q: str = "",
        filter: str = "",
    ) -> views.CaseList:
        closed, view = status == "closed", View(None, now())
        rows = [
            record.row(case_id)
            for case_id, case in record.cases.items()
            if status == "all" or (case.status is Status.CLOSED) == closed
            if customer in (None, case.alert.customer_id)
            if q.lower() in f"{case_id} {case.alert.description}".lower()
            if not filter or parse(filter).matches(record.row(case_id), view)
        ]
        page = rows[cursor : cursor + limit]
        following = str(cursor + limit) if cursor + limit < len(rows) else None
        return views.CaseList(items=tuple(page), next_cursor=following, total=len(rows))

    @app.get("/api/v1/cases/{case_id}")
    async def detail(case_id: str) -> views.CaseDetail:
        case = record.load(case_id)
        found = tuple(e.body.finding for e in record.events[case_id] if isinstance(e.body, FindingRecorded))
        related = tuple(
            record.row(other)
            for other, c in record.cases.items()
            if c.alert.customer_id == case.alert.customer_id
        )
        others = linked_entities(found).customer_ids
        linked = tuple(record.row(o) for o, c in record.cases.items() if c.alert.customer_id in others)
        return views.CaseDetail(
            summary=record.row(case_id),
            case=case,
            findings=found,
            related=related,
            linked_cases=linked,
            server_time=now(),
        )

    @app.get("/api/v1/cases/{case_id}/timeline")
    async def timeline(case_id: str, after: int = 0, limit: int = 500) -> views.Timeline:
        record.load(case_id)
        items = [e for e in record.events[case_id] if e.seq > after]
        following = items[limit - 1].seq if len(items) > limit else None
        return views.Timeline(items=tuple(items[:limit]), next_after=following)

    async def change(case_id: str, decide) -> views.CaseSummary:  # type: ignore[no-untyped-def]
        return await record.append(case_id, decide(record.load(case_id)))

    @app.post("/api/v1/cases/next")
    async def hand_out(x_operator: str | None = Header(None)) -> views.CaseSummary:
        who = person(x_operator)
        free = [
            c
            for c in record.cases.values()
            if c.status in AWAITING and c.claimed_by(now()) is c.deferred_at(now()) is None
        ]
        if not free:
            raise errors.NotFoundError("nothing waits")
        best = min(free, key=lambda c: c.deadline or now())
        return await change(best.case_id, lambda c: commands.claim(c, who, now(), 900))

    @app.post("/api/v1/cases/{case_id}/decision", status_code=202)
    async def decision(
        case_id: str,
        body: DecisionRequest,
        x_operator: str | None = Header(None),
        idempotency_key: str | None = Header(None),
    ) -> views.CaseSummary:
        events = commands.submit_decision(
            record.load(case_id), body, person(x_operator), now(), idempotency_key
        )
        row = await record.append(case_id, events)
        if events:
            desk.drive(case_id)
        return row

    @app.post("/api/v1/cases/{case_id}/withdraw", status_code=202)
    async def withdraw(
        case_id: str, body: views.WithdrawRequest, x_operator: str | None = Header(None)
    ) -> views.CaseSummary:
        who = person(x_operator)
        await change(case_id, lambda c: commands.withdraw(c, who, now(), body.reason))
        await stories.ask(record, case_id, now())
        return record.row(case_id)

    @app.post("/api/v1/cases/{case_id}/reverse", status_code=202)
    async def reverse(
        case_id: str, body: views.ReverseRequest, x_operator: str | None = Header(None)
    ) -> views.CaseSummary:
        commands.require_role(person(x_operator), Role.SENIOR)
        case = record.load(case_id)
        done = next(r for r in case.receipts if r.action_id == body.action_id)
        receipt = ActionReceipt(
            action_id=f"{done.action_id}:undo",
            step=done.step.inverse,
            executed_at=now(),
            reference="LEDGER-8",
        )
        undone = ActionReversed(reverses=done.action_id, receipt=receipt, reason=body.reason)
        return await record.append(case_id, [stories.event(case_id, f"undone:{done.step}", undone, now())])

    @app.post("/api/v1/cases/{case_id}/claim")
    async def claim(case_id: str, x_operator: str | None = Header(None)) -> views.CaseSummary:
        return await change(case_id, lambda c: commands.claim(c, person(x_operator), now(), 900))

    @app.delete("/api/v1/cases/{case_id}/claim")
    async def release(case_id: str, x_operator: str | None = Header(None)) -> views.CaseSummary:
        return await change(case_id, lambda c: commands.release(c, person(x_operator), now()))

    @app.post("/api/v1/cases/{case_id}/deferral")
    async def defer(
        case_id: str, body: views.DeferRequest, x_operator: str | None = Header(None)
    ) -> views.CaseSummary:
        who = person(x_operator)
        return await change(case_id, lambda c: commands.defer(c, who, now(), body.until, body.reason))

    @app.delete("/api/v1/cases/{case_id}/deferral")
    async def end_deferral(case_id: str, x_operator: str | None = Header(None)) -> views.CaseSummary:
        return await change(case_id, lambda c: commands.end_deferral(c, person(x_operator), now()))

    @app.post("/api/v1/cases/{case_id}/tags")
    async def tag(
        case_id: str, body: views.TagRequest, x_operator: str | None = Header(None)
    ) -> views.CaseSummary:
        who = person(x_operator)
        return await change(case_id, lambda c: commands.tag(c, who, now(), add=body.add, remove=body.remove))

    @app.post("/api/v1/cases/{case_id}/notes", status_code=201)
    async def note(
        case_id: str,
        body: views.NoteRequest,
        x_operator: str | None = Header(None),
        idempotency_key: str | None = Header(None),
    ) -> views.CaseSummary:
        who = person(x_operator)
        return await change(case_id, lambda c: commands.add_note(c, who, now(), body.text, idempotency_key))

    @app.post("/api/v1/decisions")
    async def bulk(body: views.BulkRequest, x_operator: str | None = Header(None)) -> views.BulkResponse:
        results = []
        for item in body.items:
            request = DecisionRequest(**item.model_dump(exclude={"case_id"}))
            try:
                await change(
                    item.case_id,
                    lambda c, r=request: commands.submit_decision(c, r, person(x_operator), now()),
                )
                desk.drive(item.case_id)
                results.append(
                    views.BulkResult(case_id=item.case_id, accepted=True, status=202, detail="recorded")
                )
            except errors.CaseworkError as error:
                code = next((s for t, (s, _) in STATUS_OF.items() if isinstance(error, t)), 500)
                results.append(
                    views.BulkResult(case_id=item.case_id, accepted=False, status=code, detail=str(error))
                )
        good = sum(r.accepted for r in results)
        return views.BulkResponse(results=tuple(results), accepted=good, refused=len(results) - good)

    @app.post("/api/v1/telemetry", status_code=202)
    async def ingest(request: Request) -> views.TelemetryReceipt:
        accepted, rejected = 0, []
        for index, raw in enumerate((await request.json())["events"]):
            try:
                await record.telemetry(TELEMETRY.validate_python(raw))
                accepted += 1
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(map(str, first["loc"])) or "record"
                rejected.append(
                    views.RejectedTelemetry(index=index, event_id=None, field=field, reason=first["msg"])
                )
        return views.TelemetryReceipt(accepted=accepted, duplicates=0, rejected=tuple(rejected))

    @app.get("/api/v1/stats")
    async def stats() -> views.Stats:
        by: dict[Status, int] = {}
        for case in record.cases.values():
            by[case.status] = by.get(case.status, 0) + 1
        return views.Stats(
            by_status=by,
            by_outcome={},
            open_total=sum(n for s, n in by.items() if s is not Status.CLOSED),
            awaiting_total=sum(n for s, n in by.items() if s in AWAITING),
            oldest_waiting_seconds=12.0,
            next_deadline=None,
            decisions_accepted=0,
            median_decision_seconds=None,
            usage=TokenUsage(),
            telemetry_events=record.telemetry_head,
            alerts_by_rule={},
            shadow_hits_by_rule={},
            stream_clients=desk.streams,
        )

    @app.get("/api/v1/health")
    async def health(response: Response) -> dict[str, object]:
        response.status_code = 503 if desk.unwell else 200
        hub = {"ok": not desk.unwell, "detail": "no answer within 5 s" if desk.unwell else ""}
        seams = {"cases": {"ok": True, "detail": "", "milliseconds": 1.25}, "task_hub": hub}
        figures = {"clients": desk.streams}
        return {
            "status": "degraded" if desk.unwell else "healthy",
            "seams": seams,
            "stream": figures,
            "task_hub": desk.task_hub.model_dump(mode="json"),
        }

    @app.get("/api/v1/audit/verify")
    async def verify(case_id: str | None = None) -> views.AuditReport:
        if case_id:
            record.load(case_id)
        chosen = {case_id: record.events[case_id]} if case_id else record.events
        broken = [
            views.AuditBreak(case_id=cid, seq=b.seq, reason=b.reason)
            for cid, es in chosen.items()
            if (b := verify_chain(e.link for e in es))
        ]
        return views.AuditReport(
            cases=len(chosen), events=sum(map(len, chosen.values())), broken=tuple(broken)
        )

    @app.get("/api/v1/stream")
    async def stream(
        topics: str = "cases,telemetry", cursor: str = "c0.t0", last_event_id: str | None = Header(None)
    ) -> Response:
        return StreamingResponse(
            _frames(desk, last_event_id or cursor, topics), media_type="text/event-stream"
        )


async def _frames(desk: Desk, cursor: str, topics: str) -> AsyncIterator[str]:
    record, cut = desk.record, desk.cut
    desk.streams += 1
    cases, telemetry = (int(part[1:]) for part in cursor.split("."))
    try:
        hello = views.StreamNotice(kind="hello", cursor=cursor, detail="joined")
        yield f"event: hello\nid: {cursor}\ndata: {hello.model_dump_json()}\n\n"
        sent = 0
        while desk.cut == cut:
            while sent < len(record.frames) and not desk.mute:
                kind, frame = record.frames[sent]
                sent += 1
                at = [int(part[1:]) for part in frame.cursor.split(".")]
                fresh = at[0] > cases if kind == "case" else at[1] > telemetry
                if fresh and ((kind == "case" and "cases" in topics) or kind in topics):
                    yield f"event: {kind}\nid: {frame.cursor}\ndata: {frame.model_dump_json()}\n\n"
            async with record.changed:
                if (sent < len(record.frames) and not desk.mute) or desk.cut != cut:
                    continue
                try:
                    await asyncio.wait_for(record.changed.wait(), 2)
                except TimeoutError:
                    yield ": beat\n\n"
    finally:
        desk.streams -= 1

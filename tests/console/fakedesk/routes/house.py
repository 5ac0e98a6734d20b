"""The house itself: who calls, how it is, what it counts, whether its record is whole."""

from collections import Counter

from fastapi import APIRouter, Response

from casework import views
from casework.canonical import verify_chain
from casework.finding import TokenUsage
from casework.transitions import AWAITING, Status
from console.clock import wall_clock
from fakedesk.callers import Caller, TheDesk

router = APIRouter()


@router.get("/me")
async def me(who: Caller) -> views.Me:
    return views.Me(actor=who, authenticated=False, environment="local")


@router.get("/auth")
async def sign_in_terms() -> views.SignInTerms:
    return views.SignInTerms()


@router.get("/stats")
async def stats(desk: TheDesk) -> views.Stats:
    by_status = Counter(case.status for case in desk.record.cases.values())
    waiting = [case.opened_at for case in desk.record.cases.values() if case.status in AWAITING]
    return views.Stats(
        by_status=by_status,
        by_outcome={},
        open_total=sum(n for s, n in by_status.items() if s is not Status.CLOSED),
        awaiting_total=sum(n for s, n in by_status.items() if s in AWAITING),
        oldest_waiting_seconds=(wall_clock() - min(waiting)).total_seconds() if waiting else None,
        next_deadline=None,
        decisions_accepted=0,
        median_decision_seconds=None,
        usage=TokenUsage(),
        telemetry_events=desk.record.telemetry_head,
        alerts_by_rule={},
        shadow_hits_by_rule={},
        stream_clients=desk.streams,
    )


@router.get("/health")
async def health(desk: TheDesk, response: Response) -> dict[str, object]:
    response.status_code = 503 if desk.unwell else 200
    hub = {"ok": not desk.unwell, "detail": "no answer within 5 s" if desk.unwell else ""}
    seams = {"cases": {"ok": True, "detail": "", "milliseconds": 1.25}, "task_hub": hub}
    return {
        "status": "degraded" if desk.unwell else "healthy",
        "seams": seams,
        "stream": {"clients": desk.streams},
        "task_hub": desk.task_hub.model_dump(mode="json"),
    }


@router.get("/audit/verify")
async def verify(desk: TheDesk, case_id: str | None = None) -> views.AuditReport:
    record = desk.record
    if case_id:
        record.load(case_id)
    chosen = {case_id: record.events[case_id]} if case_id else record.events
    broken = [
        views.AuditBreak(case_id=cid, seq=b.seq, reason=b.reason)
        for cid, es in chosen.items()
        if (b := verify_chain(e.link for e in es))
    ]
    return views.AuditReport(cases=len(chosen), events=sum(map(len, chosen.values())), broken=tuple(broken))


@router.get("/audit/bundle")
async def bundle(desk: TheDesk, case_id: str) -> Response:
    desk.record.load(case_id)
    return Response(b"a bundle", media_type="application/zip")

"""The desk at a glance."""

from fastapi import APIRouter

from casework.permissions import Permission
from casework.ports import CaseQuery
from casework.rules import RuleMode
from casework.transitions import AWAITING, Status
from casework.views import Stats
from server.dependencies import TheDesk
from server.identity.declared import needs

router = APIRouter(tags=["desk"])


@router.get("/stats", summary="Numbers of the desk")
@needs(Permission.LOOK)
async def stats(desk: TheDesk) -> Stats:
    """Totals over all cases; shadow hits and stream clients are of this process, since its start."""
    cases, now = desk.backends.cases, desk.clock()
    by_status = dict(await cases.counts())
    waiting = await cases.find(CaseQuery(statuses=AWAITING, sort="deadline", limit=1, now=now))
    oldest = await cases.find(CaseQuery(statuses=AWAITING, sort="opened", limit=1, now=now))
    shadow = {rule.id for rule in desk.ingest.rules if rule.mode is RuleMode.SHADOW}
    return Stats(
        by_status=by_status,
        by_outcome=dict(await cases.tally("outcome")),
        open_total=sum(count for status, count in by_status.items() if status is not Status.CLOSED),
        awaiting_total=sum(by_status.get(status, 0) for status in AWAITING),
        oldest_waiting_seconds=(
            max(0.0, (now - oldest.cases[0].opened_at).total_seconds()) if oldest.cases else None
        ),
        next_deadline=waiting.cases[0].deadline if waiting.cases else None,
        decisions_accepted=desk.tally.decisions,
        median_decision_seconds=desk.tally.median_decision_seconds,
        usage=desk.tally.usage,
        telemetry_events=await desk.backends.telemetry.seen(),
        alerts_by_rule=dict(await cases.tally("rule")),
        shadow_hits_by_rule={rule: count for rule, count in desk.ingest.hits.items() if rule in shadow},
        stream_clients=len(desk.live.audience),
    )

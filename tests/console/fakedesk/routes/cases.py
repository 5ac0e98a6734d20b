"""Reading cases: lists, one case, its timeline."""

from collections import Counter

from fastapi import APIRouter

from casework import views
from casework.events import FindingRecorded
from casework.filters import View, parse
from casework.links import linked_entities
from casework.transitions import Status
from fakedesk.callers import TheDesk
from fakedesk.record import now

router = APIRouter(prefix="/cases")


@router.get("/counts")
async def counts(desk: TheDesk) -> views.CaseCounts:
    record = desk.record
    by_status = Counter(case.status for case in record.cases.values())
    return views.CaseCounts(by_status=by_status, total=len(record.cases), cursor=record.cursor)


@router.get("")
async def cases(
    desk: TheDesk,
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
        desk.record.row(case_id)
        for case_id, case in desk.record.cases.items()
        if status == "all" or (case.status is Status.CLOSED) == closed
        if customer in (None, case.alert.customer_id)
        if q.lower() in f"{case_id} {case.alert.description}".lower()
        if not filter or parse(filter).matches(desk.record.row(case_id), view)
    ]
    page = rows[cursor : cursor + limit]
    following = str(cursor + limit) if cursor + limit < len(rows) else None
    return views.CaseList(items=tuple(page), next_cursor=following, total=len(rows))


@router.get("/{case_id}")
async def detail(case_id: str, desk: TheDesk) -> views.CaseDetail:
    record = desk.record
    case = record.load(case_id)
    found = tuple(e.body.finding for e in record.events[case_id] if isinstance(e.body, FindingRecorded))

    def of_customers(customer_ids: set[int]) -> tuple[views.CaseSummary, ...]:
        return tuple(record.row(o) for o, c in record.cases.items() if c.alert.customer_id in customer_ids)

    return views.CaseDetail(
        summary=record.row(case_id),
        case=case,
        findings=found,
        related=of_customers({case.alert.customer_id}),
        linked_cases=of_customers(set(linked_entities(found).customer_ids)),
        server_time=now(),
    )


@router.get("/{case_id}/timeline")
async def timeline(case_id: str, desk: TheDesk, after: int = 0, limit: int = 500) -> views.Timeline:
    desk.record.load(case_id)
    items = [e for e in desk.record.events[case_id] if e.seq > after]
    following = items[limit - 1].seq if len(items) > limit else None
    return views.Timeline(items=tuple(items[:limit]), next_after=following)

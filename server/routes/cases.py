"""The queue and single cases, to read."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from casework.actor import Actor
from casework.alert import CustomerId, Label, Severity
from casework.case import Case
from casework.citations import checked_claims
from casework.errors import InvalidInputError
from casework.events import FindingRecorded, Opened
from casework.finding import Finding
from casework.glance import glance
from casework.links import MOST_LINKED, linked_entities
from casework.permissions import Permission
from casework.ports import CaseQuery, CaseStore, SortKey
from casework.tags import MOST_TAGS, Tag
from casework.telemetry import Telemetry
from casework.transitions import AWAITING, Status
from casework.views import CaseCounts, CaseDetail, CaseList, Evidence, Timeline
from server.deciding import whole_record
from server.dependencies import Caller, CaseId, TheDesk
from server.desk import Desk
from server.filtering import list_matching, understood
from server.identity.declared import needs
from server.openapi import problems
from server.summaries import summaries_of, summary_of

GROUPS = {
    "open": frozenset(Status) - {Status.CLOSED},
    "waiting": AWAITING,
}
CASES_OF_EACH = 3
Risk = Annotated[float | None, Query(ge=0, le=1)]

router = APIRouter(prefix="/cases", tags=["cases"])


@router.get("", summary="The queue: filtered, sorted, in pages")
@needs(Permission.LOOK)
async def list_cases(
    desk: TheDesk,
    actor: Caller,
    *,
    status: Annotated[
        str | None,
        Query(max_length=200, description="Statuses by comma; also the groups open, waiting, closed."),
    ] = None,
    customer: Annotated[CustomerId | None, Query()] = None,
    type: Annotated[Label | None, Query(description="The alert type.")] = None,
    severity: Annotated[Severity | None, Query()] = None,
    claimed_by: Annotated[
        str | None, Query(max_length=120, description="`me`, `none` or an actor id.")
    ] = None,
    deferred: Annotated[
        bool | None, Query(description="Only cases that are deferred now, or only the others.")
    ] = None,
    tag: Annotated[
        list[Tag] | None,
        Query(max_length=MOST_TAGS, description="Must be on the case; may occur more than once."),
    ] = None,
    min_risk: Risk = None,
    max_risk: Risk = None,
    q: Annotated[
        str, Query(max_length=200, description="Words that all occur in id, type, customer or text.")
    ] = "",
    filter: Annotated[
        str,
        Query(max_length=500, description="The console's filter language, such as `risk>0.7 -status:held`."),
    ] = "",
    sort: Annotated[SortKey, Query()] = "deadline",
    desc: Annotated[bool, Query()] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> CaseList:
    """`next_cursor` of a page asks for the next one, with the same filter and order."""
    now = desk.clock()
    query = CaseQuery(
        statuses=_statuses(status),
        customer_id=customer,
        alert_type=type,
        severity=severity,
        claimed_by=_holder(claimed_by, actor),
        deferred=deferred,
        tags=frozenset(tag or ()),
        min_risk=min_risk,
        max_risk=max_risk,
        text=q,
        sort=sort,
        descending=desc,
        limit=limit,
        cursor=cursor,
        now=now,
    )
    if filter.strip():
        return await list_matching(desk, query, understood(filter), actor)
    page = await desk.backends.cases.find(query)
    items = await summaries_of(desk, page.cases)
    return CaseList(items=items, next_cursor=page.next_cursor, total=page.total)


@router.get("/counts", summary="How many cases stand where")
@needs(Permission.LOOK)
async def count_cases(desk: TheDesk) -> CaseCounts:
    """`cursor` is where to join the stream for everything after these numbers."""
    cursor = str(desk.live.hub.position)
    counts = dict(await desk.backends.cases.counts())
    return CaseCounts(by_status=counts, total=sum(counts.values()), cursor=cursor)


@router.get("/{case_id}", summary="One case whole", responses=problems(404))
@needs(Permission.LOOK)
async def show_case(case_id: CaseId, desk: TheDesk) -> CaseDetail:
    """The projection, the findings of every attempt, the customer's earlier cases and linked ones."""
    cases, now = desk.backends.cases, desk.clock()
    case = await cases.load(case_id)
    findings, _ = await _evidence(desk, case_id)
    related = await cases.related(case.alert.customer_id)
    linked = await _linked_cases(cases, findings)
    return CaseDetail(
        summary=await summary_of(desk, case),
        case=case,
        findings=findings,
        related=await summaries_of(desk, [other for other in related if other.case_id != case_id]),
        linked_cases=await summaries_of(desk, linked),
        server_time=now,
    )


async def _linked_cases(cases: CaseStore, findings: Sequence[Finding]) -> Sequence[Case]:
    """Cases of the customers that a finding links to this one; both numbers are bounded."""
    others = linked_entities(findings).customer_ids[:MOST_LINKED]
    found = await asyncio.gather(*(cases.related(other, CASES_OF_EACH) for other in others))
    return [case for of_one in found for case in of_one]


@router.get("/{case_id}/timeline", summary="A case's record", responses=problems(404))
@needs(Permission.LOOK)
async def show_timeline(
    case_id: CaseId,
    desk: TheDesk,
    after: Annotated[int, Query(ge=0, le=2**53 - 1, description="The sequence number seen last.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Timeline:
    """Everything that happened, oldest first, sealed as it was written."""
    case = await desk.backends.cases.load(case_id)
    items = await desk.backends.cases.events(case_id, after, limit)
    more = bool(items) and items[-1].seq < case.seq
    return Timeline(items=items, next_after=items[-1].seq if more else None)


@router.get("/{case_id}/evidence", summary="Findings and tool calls", responses=problems(404))
@needs(Permission.LOOK)
async def show_evidence(case_id: CaseId, desk: TheDesk) -> Evidence:
    """Every finding with what each tool was asked and answered, and what follows: claims with their rows,
    the customer at a glance, what is shared with others, and the telemetry that raised the alert.
    """
    case = await desk.backends.cases.load(case_id)
    findings, triggers = await _evidence(desk, case_id)
    return Evidence(
        findings=findings,
        claims=checked_claims(findings),
        customer=glance(case.alert.customer_id, findings),
        links=linked_entities(findings),
        triggers=triggers,
    )


async def _evidence(desk: Desk, case_id: str) -> tuple[tuple[Finding, ...], tuple[Telemetry, ...]]:
    """The findings of the record, and the telemetry it began with."""
    findings: list[Finding] = []
    triggers: tuple[Telemetry, ...] = ()
    async for event in whole_record(desk.backends.cases, case_id):
        match event.body:
            case FindingRecorded(finding=found):
                findings.append(found)
            case Opened(triggers=kept):
                triggers = kept
    return tuple(findings), triggers


def _statuses(text: str | None) -> frozenset[Status]:
    wanted: frozenset[Status] = frozenset()
    for word in (part.strip() for part in (text or "").split(",")):
        if not word:
            continue
        if word in GROUPS:
            wanted |= GROUPS[word]
        elif word in set(Status):
            wanted |= {Status(word)}
        else:
            allowed = ", ".join([*GROUPS, *Status])
            raise InvalidInputError("status", f"{word[:40]!r} is not a status; allowed: {allowed}")
    return wanted


def _holder(text: str | None, actor: Actor) -> str | None:
    if text == "me":
        return actor.actor_id
    return "" if text == "none" else text

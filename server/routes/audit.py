"""Whether the record still says what was written."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from casework.canonical import Link, verify_chain
from casework.case import Case, replay
from casework.errors import CaseworkError, NotFoundError
from casework.events import from_link
from casework.views import AuditBreak, AuditReport
from server.dependencies import TheDesk
from server.desk import Desk
from server.openapi import problems

PAGE = 200
PATH = "/api/v1/audit/verify"

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("/verify", summary="Verify the hash chains", responses=problems(404))
async def verify(desk: TheDesk, case_id: Annotated[str | None, Query(max_length=100)] = None) -> AuditReport:
    """Recompute every hash of one case or of all, and replay each record against its projection."""
    report = AuditReport(cases=0, events=0, broken=())
    if case_id is not None:
        await desk.backends.cases.links(case_id)
        return await _with(desk, report, case_id)
    after = ""
    while page := await desk.backends.cases.case_ids(after, PAGE):
        for found in page:
            report = await _with(desk, report, found)
        after = page[-1]
    return report


async def _with(desk: Desk, report: AuditReport, case_id: str) -> AuditReport:
    links = await desk.backends.cases.links(case_id)
    broken = await asyncio.to_thread(_check, case_id, links)
    if broken is None:
        broken = await _check_projection(desk, case_id, links)
    return AuditReport(
        cases=report.cases + 1,
        events=report.events + len(links),
        broken=report.broken if broken is None else (*report.broken, broken),
    )


def _check(case_id: str, links: tuple[Link, ...]) -> AuditBreak | None:
    try:
        broken = verify_chain(links)
    except ValueError as error:
        return AuditBreak(case_id=case_id, seq=0, reason=f"the record cannot be read: {error}")
    return AuditBreak(case_id=case_id, seq=broken.seq, reason=broken.reason) if broken else None


async def _check_projection(desk: Desk, case_id: str, links: tuple[Link, ...]) -> AuditBreak | None:
    """The projection must be what the record replays to; events written meanwhile are not a difference."""
    try:
        shown = await desk.backends.cases.load(case_id)
    except (NotFoundError, ValueError) as error:
        return AuditBreak(case_id=case_id, seq=0, reason=f"the projection cannot be read: {error}")
    reason = await asyncio.to_thread(_difference, shown, links)
    return AuditBreak(case_id=case_id, seq=min(shown.seq, len(links)), reason=reason) if reason else None


def _difference(shown: Case, links: tuple[Link, ...]) -> str | None:
    if shown.seq > len(links):
        return None
    try:
        replayed = replay(from_link(link) for link in links[: shown.seq])
    except (CaseworkError, ValueError) as error:
        return f"the record does not replay: {error}"
    if shown.seq < len(links) or replayed != shown:
        return "the projection differs from what the record replays to"
    return None

"""Whether the record still says what was written."""

import asyncio
from functools import partial
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from backends.bundles import export_case
from casework.audit import audit_case
from casework.canonical import Link
from casework.case import Case
from casework.errors import OverloadedError
from casework.permissions import Permission
from casework.ports import CaseStore
from casework.signature import Verifier
from casework.views import AuditBreak, AuditReport
from server.dependencies import Caller, TheDesk
from server.identity.declared import needs
from server.openapi import problems

PAGE = 200
PATH = "/api/v1/audit/verify"

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("/verify", summary="Verify hash chains and signatures", responses=problems(404))
@needs(Permission.LOOK)
async def verify(desk: TheDesk, case_id: Annotated[str | None, Query(max_length=100)] = None) -> AuditReport:
    """Recompute every hash of one case or of all, check what was signed, and replay each record."""
    cases, verifier = desk.backends.cases, desk.backends.verifier
    report = AuditReport(cases=0, events=0, broken=())
    if case_id is not None:
        return await _with(cases, report, case_id, verifier)
    if desk.verifying.locked():
        raise OverloadedError("the whole record is being verified for somebody; try again when that is done")
    async with desk.verifying:
        return await _all(cases, verifier)


async def _all(cases: CaseStore, verifier: Verifier | None) -> AuditReport:
    report, after = AuditReport(cases=0, events=0, broken=()), ""
    while page := await cases.case_ids(after, PAGE):
        for found in page:
            report = await _with(cases, report, found, verifier)
        after = page[-1]
    return report


@router.get(
    "/bundle",
    summary="Export a case for a third party",
    response_class=Response,
    responses={**problems(404), 200: {"content": {"application/zip": {}}, "description": "A zip file"}},
)
@needs(Permission.LOOK)
async def bundle(
    desk: TheDesk, actor: Caller, case_id: Annotated[str, Query(min_length=1, max_length=100)]
) -> Response:
    """Record, evidence, assessments as shown, signatures and steps to verify them, sealed by this server."""
    links = await desk.backends.cases.links(case_id)
    made = partial(export_case, case_id, links, now=desk.clock(), by=actor.label, signer=desk.backends.signer)
    content = await asyncio.to_thread(made)
    name = quote(f"{case_id}.zip")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(content, media_type="application/zip", headers=headers)


async def _with(
    cases: CaseStore, report: AuditReport, case_id: str, verifier: Verifier | None
) -> AuditReport:
    try:
        projection, links = await _whole(cases, case_id)
    except ValueError as error:
        broken = AuditBreak(case_id=case_id, seq=0, reason=f"the projection cannot be read: {error}"[:500])
        return _more(report, 0, broken)
    found = await asyncio.to_thread(audit_case, case_id, links, projection, verifier)
    broken_link = AuditBreak(case_id=case_id, seq=found.seq, reason=found.reason) if found else None
    return _more(report, len(links), broken_link)


async def _whole(cases: CaseStore, case_id: str) -> tuple[Case, tuple[Link, ...]]:
    """Projection and record of the same moment, although others may be writing meanwhile.

    An event and its projection are written in one transaction, so a record that still goes on after
    a projection read later has an event that was slipped in.
    """
    projection = await cases.load(case_id)
    links = await cases.links(case_id)
    if len(links) > projection.seq:
        latest = await cases.load(case_id)
        if latest.seq >= len(links):
            return projection, links[: projection.seq]
    return projection, links


def _more(report: AuditReport, events: int, broken: AuditBreak | None) -> AuditReport:
    return AuditReport(
        cases=report.cases + 1,
        events=report.events + events,
        broken=report.broken if broken is None else (*report.broken, broken),
    )

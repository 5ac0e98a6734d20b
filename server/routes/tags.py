"""Tags on a case."""

from fastapi import APIRouter

from casework import commands
from casework.permissions import Permission
from casework.recording import record
from casework.views import CaseSummary, TagRequest
from server.bodies import StrictJsonRoute
from server.dependencies import Caller, CaseId, TheDesk
from server.identity.declared import needs
from server.openapi import problems
from server.summaries import summary_of

router = APIRouter(prefix="/cases", tags=["tags"], route_class=StrictJsonRoute)


@router.post("/{case_id}/tags", summary="Add and remove tags", responses=problems(403, 404, 409))
@needs(Permission.WORK)
async def tag(case_id: CaseId, request: TagRequest, desk: TheDesk, actor: Caller) -> CaseSummary:
    """Possible in every status, also after closing. Asking twice changes nothing twice."""
    now = desk.clock()
    done = await record(
        desk.backends.cases,
        case_id,
        lambda case: commands.tag(case, actor, now, add=request.add, remove=request.remove),
    )
    return await summary_of(desk, done.case)

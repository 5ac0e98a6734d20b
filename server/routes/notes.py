"""Notes on a case."""

from fastapi import APIRouter

from casework.permissions import Permission
from casework.views import CaseSummary, NoteRequest
from server import deciding
from server.bodies import StrictJsonRoute
from server.dependencies import Caller, CaseId, Key, TheDesk
from server.identity.declared import needs
from server.openapi import problems
from server.summaries import summary_of

router = APIRouter(prefix="/cases", tags=["notes"], route_class=StrictJsonRoute)


@router.post("/{case_id}/notes", status_code=201, summary="Write a note", responses=problems(403, 404, 409))
@needs(Permission.WORK)
async def add_note(case_id: CaseId, note: NoteRequest, desk: TheDesk, actor: Caller, key: Key) -> CaseSummary:
    """Possible in every status, also after closing. With an Idempotency-Key it is written once."""
    case = await deciding.add_note(
        desk.backends.cases, case_id, actor, now=desk.clock(), text=note.text, key=key
    )
    return await summary_of(desk, case)

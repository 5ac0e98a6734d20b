"""Who the server takes the caller for."""

from fastapi import APIRouter

from casework.views import Me
from server.dependencies import Caller, TheDesk

router = APIRouter(tags=["desk"])


@router.get("/me", summary="Who am I")
async def me(desk: TheDesk, actor: Caller) -> Me:
    """On loopback nobody is authenticated: the name is what `X-Operator` says, the role is lead."""
    return Me(actor=actor, authenticated=False, environment=desk.settings.environment_name)

"""Who the server takes the caller for."""

from fastapi import APIRouter

from casework.permissions import Permission
from casework.views import Me
from server.dependencies import Caller, TheDesk, TheSignedIn
from server.identity.declared import needs

router = APIRouter(tags=["desk"])


@router.get("/me", summary="Who am I")
@needs(Permission.BE_KNOWN)
async def me(desk: TheDesk, actor: Caller, known: TheSignedIn) -> Me:
    """Whom the token names. Without sign-in the name is what `X-Operator` says, and the role is lead."""
    return Me(
        actor=actor,
        authenticated=known is not None,
        environment=desk.settings.environment_name,
        signed_in_until=known.expires_at if known else None,
    )

"""What a platform asks without a token: whether the process lives, and whether to send it work."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response

from casework.alert import Frozen
from casework.errors import CaseworkError
from casework.permissions import Permission
from server.dependencies import TheDesk
from server.identity.declared import needs

CHECK_SECONDS = 2.0
PATHS = frozenset({"/api/v1/alive", "/api/v1/ready"})
"""Probes call by address, so any Host may ask these; nothing is told that is not public."""

router = APIRouter(tags=["desk"])


class Probe(Frozen):
    status: Literal["ok", "not ready"]


@router.get("/alive", summary="Whether the process lives")
@needs(Permission.PUBLIC)
async def alive() -> Probe:
    return Probe(status="ok")


@router.get("/ready", summary="Whether requests can be served")
@needs(Permission.PUBLIC)
async def ready(desk: TheDesk, response: Response) -> Probe:
    """503 while a store does not answer; what and why is in `/health`, for those who may know."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await asyncio.gather(desk.backends.cases.head(), desk.backends.telemetry.head())
    except (CaseworkError, OSError, TimeoutError):
        response.status_code = 503
        return Probe(status="not ready")
    return Probe(status="ok")

"""What routes ask for: the desk, who is calling, and the parts of a request that several share."""

import hashlib
import re
from typing import Annotated, cast

from fastapi import Depends, Header, Path
from starlette.requests import HTTPConnection

from casework.actor import Actor, ActorKind, Role
from casework.errors import InvalidInputError
from server.desk import Desk

OPERATOR = re.compile(r"[A-Za-z0-9._@-]{1,60}")
KEY = re.compile(r"[\x21-\x7e]{1,200}")


async def get_desk(connection: HTTPConnection) -> Desk:
    """What the lifespan opened."""
    return cast(Desk, connection.app.state.desk)


async def caller(
    x_operator: Annotated[
        str, Header(description="Who is at the keyboard. It names; on loopback nothing authenticates.")
    ] = "operator",
) -> Actor:
    """The local operator. Whoever reaches loopback may do everything; the header only gives a name."""
    if not OPERATOR.fullmatch(x_operator):
        raise InvalidInputError("X-Operator", "must be 1 to 60 letters, digits, dots, _, @ or -")
    return Actor(kind=ActorKind.PERSON, actor_id=f"local:{x_operator}", name=x_operator, role=Role.LEAD)


async def idempotency_key(
    actor: Annotated[Actor, Depends(caller)],
    idempotency_key: Annotated[
        str | None, Header(description="One per intent; the same key again is answered as the first time.")
    ] = None,
) -> str | None:
    """The caller's key, made the caller's own, so that nobody can use up somebody else's."""
    if idempotency_key is None:
        return None
    if not KEY.fullmatch(idempotency_key):
        raise InvalidInputError("Idempotency-Key", "must be 1 to 200 printable ASCII characters, no spaces")
    return hashlib.sha256(f"{actor.actor_id}\n{idempotency_key}".encode()).hexdigest()[:32]


TheDesk = Annotated[Desk, Depends(get_desk)]
Caller = Annotated[Actor, Depends(caller)]
Key = Annotated[str | None, Depends(idempotency_key)]
CaseId = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$",
        description="The case's id, which is also its orchestration's.",
        examples=["fraud-ALERT-001"],
    ),
]

"""What routes ask for: the desk, who is calling, and the parts of a request that several share."""

import hashlib
import re
from typing import Annotated, cast

from fastapi import Depends, Header, Path
from starlette.requests import HTTPConnection

from casework.actor import Actor, ActorKind, Role
from casework.errors import InvalidInputError
from server.desk import Desk
from server.identity.gate import passed, signed_in
from server.identity.tokens import SignedIn

OPERATOR = re.compile(r"[A-Za-z0-9._@-]{1,60}")
KEY = re.compile(r"[\x21-\x7e]{1,200}")


async def get_desk(connection: HTTPConnection) -> Desk:
    """What the lifespan opened."""
    return desk_of(connection)


def desk_of(connection: HTTPConnection) -> Desk:
    """What the lifespan opened, for those who came through the gate where there is one."""
    desk = cast(Desk, connection.app.state.desk)
    if desk.settings.trust is not None and not passed(connection):
        raise RuntimeError(f"{connection.url.path} was reached past the gate")
    return desk


async def caller(
    connection: HTTPConnection,
    x_operator: Annotated[
        str,
        Header(description="Names who is at the keyboard of a server without sign-in; otherwise ignored."),
    ] = "operator",
) -> Actor:
    """Whom the token names; without sign-in the operator: whoever reaches loopback may do everything."""
    if (known := signed_in(connection)) is not None:
        return known.actor
    desk_of(connection)
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


async def get_signed_in(connection: HTTPConnection) -> SignedIn | None:
    """The caller with the roles and the expiry of their token; None where nobody signs in."""
    return signed_in(connection)


TheDesk = Annotated[Desk, Depends(get_desk)]
Caller = Annotated[Actor, Depends(caller)]
TheSignedIn = Annotated[SignedIn | None, Depends(get_signed_in)]
Key = Annotated[str | None, Depends(idempotency_key)]
CaseId = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$",
        description="The case's id, which is also its orchestration's.",
        examples=["fraud-ALERT-001"],
    ),
]

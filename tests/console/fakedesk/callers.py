"""What every route of the fake desk is given: the desk, and who calls."""

from typing import Annotated

from fastapi import Depends, Header, Request

from casework.actor import Actor, ActorKind, Role
from fakedesk.backroom import Backroom


def person(name: str | None) -> Actor:
    label = name or "operator"
    below_lead = {"viewer": Role.VIEWER, "junior": Role.ANALYST}
    role = next((role for word, role in below_lead.items() if label.startswith(word)), Role.LEAD)
    return Actor(kind=ActorKind.PERSON, actor_id=f"local:{label}", name=label, role=role)


async def _desk(request: Request) -> Backroom:
    desk: Backroom = request.app.state.desk
    return desk


async def _caller(x_operator: Annotated[str | None, Header()] = None) -> Actor:
    return person(x_operator)


TheDesk = Annotated[Backroom, Depends(_desk)]
Caller = Annotated[Actor, Depends(_caller)]
IdempotencyKey = Annotated[str | None, Header()]

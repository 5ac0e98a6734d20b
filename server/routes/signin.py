"""How to sign in, and the cookie session of browsers, which cannot send headers with streams and sockets."""

from typing import Annotated, cast

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.datastructures import Headers

from casework.alert import Frozen
from casework.errors import InvalidInputError, NotFoundError
from casework.permissions import Permission
from casework.views import Me, SignInTerms
from server.bodies import StrictJsonRoute
from server.clock import utc_now
from server.dependencies import TheDesk
from server.identity.declared import needs
from server.identity.gate import unauthenticated
from server.identity.presented import cookie_header, presented
from server.identity.tokens import LONGEST_TOKEN, BadTokenError, Tokens
from server.openapi import problems

LONGEST_COOKIE = 3800
"""Browsers keep no cookie of more than 4096 bytes, its name and attributes included."""

router = APIRouter(tags=["sign-in"], route_class=StrictJsonRoute)


class SessionRequest(Frozen):
    """The token to make a session of; without one the Authorization header says it."""

    token: Annotated[str, Field(min_length=1, max_length=LONGEST_TOKEN)]


@router.get("/auth", summary="How to sign in")
@needs(Permission.PUBLIC)
async def terms(desk: TheDesk) -> SignInTerms:
    """Where people get tokens for this server, and for what; `required` is false where nobody signs in."""
    trust = desk.settings.trust
    return trust.terms if trust else SignInTerms()


@router.post("/session", summary="Begin a browser session", response_model=Me, responses=problems(401, 404))
@needs(Permission.PUBLIC)
async def begin(
    request: Request, response: Response, desk: TheDesk, given: SessionRequest | None = None
) -> Me | Response:
    """Sets a cookie with the token, which scripts cannot read and other sites cannot send.

    It lasts as long as the token does. Pages of other origins are refused.
    """
    tokens = cast(Tokens | None, request.app.state.tokens)
    if tokens is None:
        raise NotFoundError("nobody signs in here: AUTH_TENANT_ID and AUTH_AUDIENCE are not set")
    try:
        token = given.token if given else _in_header(request)
        caller = await tokens.check(token)
    except BadTokenError as error:
        return unauthenticated(error, request.url.path)
    if len(token) > LONGEST_COOKIE:
        raise InvalidInputError(
            "token",
            f"is longer than {LONGEST_COOKIE} characters: no browser keeps it; send it as a header",
        )
    response.headers["Set-Cookie"] = cookie_header(token, max(0, int(caller.seconds_left(utc_now()))))
    return Me(
        actor=caller.actor,
        authenticated=True,
        environment=desk.settings.environment_name,
        signed_in_until=caller.expires_at,
    )


@router.delete("/session", status_code=204, summary="End a browser session")
@needs(Permission.PUBLIC)
async def end(response: Response) -> None:
    """Forgets the cookie; the token itself lives until it expires."""
    response.headers["Set-Cookie"] = cookie_header("", 0)


def _in_header(request: Request) -> str:
    token, _ = presented(Headers(raw=[line for line in request.headers.raw if line[0] != b"cookie"]))
    return token

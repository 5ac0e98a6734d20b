"""Stands before every route: with sign-in configured, nobody passes without a good token and the role."""

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from casework.errors import NotAllowedError, UnavailableError
from casework.permissions import Permission, why_not
from server.clock import utc_now
from server.guards import SAFE_METHODS, is_own
from server.identity.declared import GuardedRoute
from server.identity.presented import presented
from server.identity.tokens import BadTokenError, SignedIn, Tokens
from server.problems import of_status, problem_of, respond

_KEY = "fraud_console.signed_in"
_PASSED = "fraud_console.passed"


def signed_in(connection: HTTPConnection) -> SignedIn | None:
    """The caller that the gate let in; None where nobody signs in."""
    found = connection.scope.get(_KEY)
    return found if isinstance(found, SignedIn) else None


def owner_of(connection: HTTPConnection) -> str:
    """Whose share of what is bounded a connection takes; empty where nobody signs in."""
    caller = signed_in(connection)
    return caller.actor.actor_id if caller else ""


def seconds_left(connection: HTTPConnection) -> float | None:
    """How long the caller's token is still taken; None where nobody signs in."""
    caller = signed_in(connection)
    return None if caller is None else max(0.0, caller.seconds_left(utc_now()))


def passed(connection: HTTPConnection) -> bool:
    """Whether a request came through the gate."""
    return bool(connection.scope.get(_PASSED))


@dataclass(frozen=True, slots=True)
class Gate:
    """Middleware. A path that no route matches goes on to its 404."""

    app: ASGIApp
    routes: tuple[GuardedRoute, ...]
    tokens: Tokens
    origins: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = await self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await refusal(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _refusal(self, scope: Scope) -> Response | None:
        route = self._route(scope)
        if route is None:
            return None
        try:
            if route.permission is not Permission.PUBLIC:
                scope[_KEY] = await self._admit(scope, route.permission)
        except BadTokenError as error:
            return unauthenticated(error, scope["path"])
        except NotAllowedError as error:
            return respond(problem_of(error, scope["path"]), _challenge("insufficient_scope", str(error)))
        except UnavailableError as error:
            return respond(problem_of(error, scope["path"]))
        scope[_PASSED] = True
        return None

    def _route(self, scope: Scope) -> GuardedRoute | None:
        return next((route for route in self.routes if route.matches(scope)), None)

    async def _admit(self, scope: Scope, permission: Permission) -> SignedIn:
        headers = Headers(scope=scope)
        token, by_cookie = presented(headers)
        caller = await self.tokens.check(token)
        if by_cookie and not self._from_own_page(scope, headers):
            raise NotAllowedError("with a session cookie this is taken from the server's own pages only")
        if lacking := why_not(permission, caller.roles, caller.actor.kind):
            known = ", ".join(sorted(caller.roles)) or "without a role"
            raise NotAllowedError(f"{lacking}; {caller.actor.label} is {known}")
        return caller

    def _from_own_page(self, scope: Scope, headers: Headers) -> bool:
        """Browsers send a cookie along whoever asks; a write or a socket has to come from our own page."""
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return True
        origins = headers.getlist("origin")
        return len(origins) == 1 and (origins[0] in self.origins or is_own(origins[0], headers))


def unauthenticated(error: BadTokenError, path: str) -> Response:
    """The 401 for a token that is missing or not good."""
    challenge = _challenge("invalid_token", str(error)) if error.presented else {"WWW-Authenticate": "Bearer"}
    return respond(of_status(401, str(error), path), challenge)


def _challenge(error: str, description: str) -> dict[str, str]:
    """RFC 6750. Names from tokens may hold anything; a header takes printable ASCII without quotes."""
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in description)
    return {"WWW-Authenticate": f'Bearer error="{error}", error_description="{plain[:300]}"'}

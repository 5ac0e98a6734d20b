"""Where a caller's token stands: in the Authorization header, or for browsers in the session cookie."""

from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers

from server.identity.tokens import BadTokenError

COOKIE = "__Host-fraud-console"
"""The prefix makes browsers insist on https, this host alone and every path."""


def presented(headers: Headers) -> tuple[str, bool]:
    """The token, and whether it came as a cookie. Raises BadTokenError when there is none."""
    given = headers.getlist("authorization")
    if len(given) > 1:
        raise BadTokenError("a request has one Authorization header")
    if given:
        scheme, _, token = given[0].partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise BadTokenError("send the token as `Authorization: Bearer ...`")
        return token.strip(), False
    token = _cookie(headers)
    if not token:
        raise BadTokenError("sign in first: this needs a token", presented=False)
    return token, True


def _cookie(headers: Headers) -> str:
    """The session cookie. Two of them are none: one would be somebody else's."""
    found = []
    for line in headers.getlist("cookie"):
        for part in line.split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                found.append(value)
    return found[0] if len(found) == 1 else ""


def cookie_header(token: str, seconds: int) -> str:
    """The Set-Cookie line of a session; no token and no seconds end it."""
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie[COOKIE] = token
    except CookieError as error:
        raise BadTokenError("the token is not valid") from error
    morsel = cookie[COOKIE]
    morsel.update({"path": "/", "max-age": str(seconds), "samesite": "Strict"})
    morsel["secure"] = morsel["httponly"] = True
    return morsel.OutputString()

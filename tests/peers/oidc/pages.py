"""What people and tests do at the provider by hand: approve a code, mint a token, end somebody's sessions."""

import html
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

if TYPE_CHECKING:
    from tests.peers.oidc.provider import Provider

_PAGE = """<!doctype html><title>Sign in</title><form method="post">
<label>Code <input name="user_code" value="{code}"></label>
<label>As <select name="person">{people}</select></label>
<button name="answer" value="yes">Approve</button> <button name="answer" value="no">Decline</button></form>"""


async def device_login(request: Request) -> Response:
    """GET shows a form; POST `user_code`, `person` (name or role) and `answer` (yes, no) answers a device."""
    provider = _provider(request)
    if request.method == "GET":
        people = "".join(f"<option>{html.escape(one.name)}" for one in provider.directory.people)
        code = html.escape(request.query_params.get("code", ""), quote=True)
        return HTMLResponse(_PAGE.format(code=code, people=people))
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    user_code = form.get("user_code", "")
    if form.get("answer") == "no":
        known = provider.grants.decline(user_code)
    elif (person := provider.directory.person(form.get("person", ""))) is None:
        return PlainTextResponse("nobody of that name or role\n", 404)
    else:
        known = provider.grants.approve(user_code, person)
    return PlainTextResponse("done\n" if known else "no device waits with that code\n", 200 if known else 404)


async def mint(request: Request) -> Response:
    """`/mint?who=analyst` is an access token for the person with that role or name, or for an application."""
    provider, wanted = _provider(request), request.query_params.get("who", "")
    who = provider.directory.person(wanted) or next(
        (one for one in provider.directory.applications if wanted in (one.name, *one.roles)), None
    )
    if who is None:
        return PlainTextResponse("nobody of that name or role\n", 404)
    return PlainTextResponse(provider.token_for(who))


async def revoke(request: Request) -> Response:
    """`POST /revoke?who=NAME` ends the sessions of a person."""
    ended = _provider(request).grants.revoke(request.query_params.get("who", ""))
    return PlainTextResponse(f"{ended} sessions ended\n")


def _provider(request: Request) -> "Provider":
    provider: Provider = request.app.state.provider
    return provider

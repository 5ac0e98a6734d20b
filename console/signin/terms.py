"""How to sign in to a server, as the server says it, and what of that is believed."""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import ValidationError

from casework.loopback import is_loopback_address
from casework.views import SignInTerms
from console.problems import ConsoleError, UnreachableError, UsageError

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 10.0
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
VENDORS_OWN = frozenset(
    {
        "00000002-0000-0000-c000-000000000000",
        "00000003-0000-0000-c000-000000000000",
        "00000002-0000-0ff1-ce00-000000000000",
        "00000003-0000-0ff1-ce00-000000000000",
        "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
        "e406a681-f3d4-42a8-90b6-c2b029497af1",
        "499b84ac-1321-427f-aa17-267ca6975798",
    }
)
"""The vendor's directories, mail, files, resources, vaults, storage and repositories, as applications."""


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    return host == "localhost" or is_loopback_address(host)


def check_tokens_may_go_to(server: str) -> None:
    """Raises UsageError for a server to which a token would travel in the open."""
    if not server.startswith("https://") and not is_loopback(server):
        raise UsageError(f"{server}: tokens are sent over https only; name the server as https://...")


def ask_for_terms(server: str, transport: "httpx.BaseTransport | None" = None) -> SignInTerms:
    """What the server says about signing in; blocks. Raises ConsoleError."""
    import httpx  # noqa: PLC0415 (slow to load; the command line does without until then)

    local = is_loopback(server)
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=not local, transport=transport) as http:
            answer = http.get(f"{server}/api/v1/auth", headers={"Accept": "application/json"})
        answer.raise_for_status()
        return SignInTerms.model_validate_json(answer.content)
    except httpx.HTTPStatusError as error:
        raise ConsoleError(
            f"{server} answered {error.response.status_code} when asked how to sign in"
        ) from error
    except httpx.HTTPError as error:
        raise UnreachableError(f"{server} cannot be reached: {error}") from error
    except ValidationError as error:
        raise ConsoleError(f"{server} does not say how to sign in; is it a fraud-console server?") from error


def checked(terms: SignInTerms, server: str, given: SignInTerms) -> SignInTerms:
    """The server's terms with what the person gave in their place. Raises UsageError.

    A server could send people to a sign-in page of its own making, or ask for a token with which it gets
    at something else in their name. Only the vendor's clouds, or what is on this machine, are taken on its
    word, and only an API that is not one of the vendor's.
    """
    from console.signin.entra import KNOWN_AUTHORITIES  # noqa: PLC0415

    values = {name: value for name, value in given.model_dump().items() if value}
    merged = terms.model_copy(update={**values, "required": True})
    host = urlsplit(merged.authority).hostname
    both_here = is_loopback(server) and is_loopback(merged.authority)
    if not given.authority and host not in KNOWN_AUTHORITIES and not both_here:
        raise UsageError(
            f"{server} wants you to sign in at {host}, which is no well-known sign-in service. "
            f"If that is right, say so: --authority {merged.authority}"
        )
    if merged.scope and not given.scope and not _is_of_an_api(merged.scope):
        raise UsageError(
            f"{server} wants a token for {merged.scope}, which may be good for more than this server. "
            f"If that is right, say so: --scope {merged.scope}"
        )
    for name, flag in (("tenant_id", "--tenant"), ("client_id", "--client-id"), ("scope", "--scope")):
        if not getattr(merged, name):
            raise UsageError(f"{server} does not say the {name.replace('_', ' ')}; name it with {flag}")
    return merged


def _is_of_an_api(scope: str) -> bool:
    """Whether a scope is of somebody's own API: an application's id, or a URI of the kind those get."""
    resource, _, name = scope.rpartition("/")
    if not name or not scope.isprintable() or " " in scope:
        return False
    return resource.startswith("api://") or (
        _GUID.fullmatch(resource) is not None and resource.lower() not in VENDORS_OWN
    )

"""Who may do what: account keys, or Entra tokens with a data-plane role of this account."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote
from uuid import NAMESPACE_URL, uuid5

import jwt

from tests.peers.cosmos.refusals import forbidden, unauthorized
from tests.peers.cosmos.requests import Request
from tests.peers.tokens import Issuer

Action = Literal["metadata", "read", "write", "control"]
READER = "00000000-0000-0000-0000-000000000001"
CONTRIBUTOR = "00000000-0000-0000-0000-000000000002"
_ALLOWED: dict[str, frozenset[str]] = {
    READER: frozenset(("metadata", "read")),
    CONTRIBUTOR: frozenset(("metadata", "read", "write")),
}


@dataclass
class Access:
    """Role assignments: `everyone` has this role, `assignments` tell principals apart by object id."""

    issuer: Issuer
    key: str
    local_auth: bool = True
    everyone: str | None = CONTRIBUTOR
    assignments: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def assign(self, principal: str, role: str, scope: str = "/") -> None:
        """`principal` is a name that the issuer knows, or an object id; `scope` a path: `/dbs/d/colls/c`."""
        for identity in (principal, str(uuid5(NAMESPACE_URL, principal))):
            self.assignments.setdefault(identity, []).append((role, scope))

    def reset(self, key: str) -> None:
        """As a new account is."""
        self.key = key
        self.assignments.clear()
        self.everyone = CONTRIBUTOR
        self.local_auth = True

    def check(self, request: Request, action: Action) -> None:
        """Raises 401 for a caller who is nobody, 403 for one who may not."""
        sent = request.header("authorization") or ""
        fields = (
            dict(parse_qsl(unquote(sent), keep_blank_values=True)) if "type%3D" in sent else _fields(sent)
        )
        if fields.get("type") == "aad":
            self._check_token(fields.get("sig", ""), request, action)
        elif fields.get("type") == "master":
            self._check_key(fields.get("sig", ""), request)
        else:
            raise unauthorized("Required Header authorization is missing.")

    def _check_token(self, token: str, request: Request, action: Action) -> None:
        try:
            claims = self.issuer.check(token, _audiences(request))
        except jwt.InvalidTokenError as error:
            raise unauthorized(f"The AAD token is not valid: {error}") from None
        if action == "control":
            raise forbidden(
                f"The given request [{request.method} {request.path}] cannot be authorized by AAD token "
                "in data plane.",
                5300,
            )
        principal = str(claims.get("oid", ""))
        if not any(action in _ALLOWED[role] for role in self._roles(principal, request.path)):
            raise forbidden(
                f"principal [{principal}] does not have required RBAC permissions to perform action "
                f"[{action}] on resource [{request.path}].",
                5301,
            )

    def _roles(self, principal: str, path: str) -> list[str]:
        own = self.assignments.get(principal)
        if own is None:
            return [self.everyone] if self.everyone else []
        path = "/" + path.strip("/")
        return [
            role
            for role, scope in own
            if path in {"/", scope} or f"{path}/".startswith(f"{scope.rstrip('/')}/")
        ]

    def _check_key(self, signature: str, request: Request) -> None:
        if not self.local_auth:
            raise unauthorized("Local Authorization is disabled. Use an AAD token to authorize all requests.")
        wanted = _signature(self.key, request)
        if not hmac.compare_digest(signature.replace(" ", "+"), wanted):
            raise unauthorized(
                "The MAC signature found in the HTTP request is not the same as the computed one."
            )


def _fields(sent: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition("=") for part in sent.split("&"))}


def _audiences(request: Request) -> list[str]:
    host = request.header("host") or "localhost"
    names = (host, host.rpartition(":")[0] or host)
    own = [f"https://{name}{end}" for name in names for end in ("", "/")]
    return [*own, "https://cosmos.azure.com", "https://cosmos.azure.com/"]


def _signature(key: str, request: Request) -> str:
    """HMAC-SHA256 over verb, resource type, resource link and date."""
    segments = request.segments
    is_feed = len(segments) % 2 == 1
    kind = segments[-1] if is_feed else segments[-2] if segments else ""
    link = "/".join(segments[:-1] if is_feed else segments)
    date = (request.header("x-ms-date") or "").lower()
    text = f"{request.method.lower()}\n{kind.lower()}\n{link}\n{date}\n\n"
    try:
        digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    except binascii.Error:
        raise unauthorized("The account key is not base64.") from None
    return base64.b64encode(digest).decode()

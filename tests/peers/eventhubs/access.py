"""Who may do what: shared access signatures, and tokens of an issuer whose identities have roles."""

import hashlib
import hmac
import time
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote_plus, unquote_plus

import jwt

from tests.peers.tokens import Issuer

AUDIENCES = ["https://eventhubs.azure.net", "https://eventhubs.azure.net/"]
SEND, LISTEN = "Send", "Listen"
ROLES = {
    "Azure Event Hubs Data Sender": {SEND},
    "Azure Event Hubs Data Receiver": {LISTEN},
    "Azure Event Hubs Data Owner": {SEND, LISTEN},
}


class RefusedError(Exception):
    """A token that opens nothing; `status` as the service answers it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows, on what, until when."""

    rights: frozenset[str]
    resource: str
    until: float


@dataclass
class Access:
    """Keys by policy name, an issuer, and roles by the name an identity's tokens carry."""

    keys: dict[str, str] = field(default_factory=lambda: {"RootManageSharedAccessKey": "c2VjcmV0"})
    policies: dict[str, set[str]] = field(default_factory=dict)
    """Rights of a policy that has not both."""
    issuer: Issuer | None = None
    roles: dict[str, set[str]] = field(default_factory=dict)
    """Role names by identity; nobody has any unless it says so."""

    def check(self, token: str, kind: str, resource: str) -> Grant:
        """The grant of a token. Raises RefusedError."""
        if kind == "jwt":
            return self._check_jwt(token, resource)
        if kind == "servicebus.windows.net:sastoken":
            return self._check_signature(token, resource)
        raise RefusedError(400, f"unsupported token type {kind}")

    def _check_signature(self, token: str, resource: str) -> Grant:
        scheme, _, rest = token.partition(" ")
        fields = {name: values[0] for name, values in parse_qs(rest).items()}
        if scheme != "SharedAccessSignature" or not {"sr", "sig", "se", "skn"} <= fields.keys():
            raise RefusedError(400, "malformed shared access signature")
        key = self.keys.get(fields["skn"])
        signed = quote_plus(fields["sr"]) if "://" in fields["sr"] else fields["sr"]
        if key is None or not _signature_matches(key, signed, fields["se"], fields["sig"]):
            raise RefusedError(401, f"InvalidSignature: the token has an invalid signature, {fields['skn']}")
        until = float(fields["se"])
        if until < time.time():
            raise RefusedError(401, "ExpiredToken: the token is expired")
        if _path(resource) and not _path(resource).startswith(_path(unquote_plus(fields["sr"]))):
            raise RefusedError(401, f"InvalidAudience: the token is for {fields['sr']}, not {resource}")
        rights = self.policies.get(fields["skn"], {SEND, LISTEN})
        return Grant(frozenset(rights), _path(unquote_plus(fields["sr"])), until)

    def _check_jwt(self, token: str, resource: str) -> Grant:
        if self.issuer is None:
            raise RefusedError(401, "this namespace knows no token issuer")
        try:
            claims: dict[str, Any] = self.issuer.check(token, AUDIENCES)
        except jwt.ExpiredSignatureError as error:
            raise RefusedError(401, "ExpiredToken: the token is expired") from error
        except jwt.InvalidTokenError as error:
            raise RefusedError(401, f"InvalidToken: {error}") from error
        roles = self.roles.get(claims.get("name", ""), set())
        rights = frozenset(right for role in roles for right in ROLES.get(role, ()))
        return Grant(rights, _path(resource), float(claims["exp"]))


def _signature_matches(key: str, resource: str, expiry: str, given: str) -> bool:
    digest = hmac.new(key.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    return hmac.compare_digest(b64encode(digest).decode(), given)


def _path(resource: str) -> str:
    """The entity of a resource address, without scheme and host."""
    return resource.partition("://")[2].partition("/")[2].strip("/").lower()

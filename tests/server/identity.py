"""A server that people sign in to, their tokens, and every kind of token that is not good."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.peers.certificates import Certificates
from tests.peers.oidc import Person, Provider
from tests.peers.oidc.directory import API_ID, API_URI, CONSOLE_ID
from tests.peers.tokens import SigningKey
from tests.server.desk import Running, running

FOREIGN_KEY = SigningKey("key-1")
"""Somebody else's key under the id of a good one."""
UNKNOWN_KEY = SigningKey("key-of-nobody")


def auth_settings(provider: Provider) -> dict[str, Any]:
    """What a server needs to be told to take the provider's tokens, old and new."""
    return {
        "auth_tenant_id": provider.tenant,
        "auth_audience": (API_ID, API_URI),
        "auth_client_id": CONSOLE_ID,
        "auth_scope": provider.scope,
        "auth_authority": provider.base,
    }


@contextmanager
def issuing(certificates: Certificates, **switches: Any) -> Iterator[Provider]:
    """A provider that issues and publishes keys; `SSL_CERT_FILE` has to name its authority."""
    provider = Provider(**switches)
    with provider.running(certificates):
        yield provider


@asynccontextmanager
async def guarded(tmp_path: Path, provider: Provider, **changes: Any) -> AsyncIterator[Running]:
    """A server with sign-in, without a socket."""
    async with running(tmp_path, **{**auth_settings(provider), **changes}) as server:
        yield server


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_of(provider: Provider, who: str, **changes: Any) -> str:
    """A token for the person or application with a role (or name)."""
    found = provider.directory.person(who) or next(
        one for one in provider.directory.applications if who in (one.name, *one.roles)
    )
    return provider.token_for(found, **changes)


def bad_tokens(provider: Provider) -> dict[str, Callable[[], str]]:
    """Every kind of token that must be refused, by what is wrong with it."""
    lead = provider.directory.person("lead") or Person("nobody")
    now = int(time.time())

    def changed(**changes: Any) -> Callable[[], str]:
        return lambda: provider.token_for(lead, **changes)

    def signed(key: SigningKey | None = None, **header: Any) -> Callable[[], str]:
        return lambda: provider.issuer.sign(_claims(provider, lead), key, **header)

    return {
        "alg none": lambda: _unsigned(_claims(provider, lead), {"alg": "none", "kid": "key-1"}),
        "alg none, no kid": lambda: _unsigned(_claims(provider, lead), {"alg": "none"}),
        "HS256 with the public key": lambda: _hs256(provider, lead),
        "unknown kid": signed(UNKNOWN_KEY),
        "no kid": signed(kid=None),
        "kid is a number": lambda: _unsigned(_claims(provider, lead), {"alg": "RS256", "kid": 1}),
        "another key under a good kid": signed(FOREIGN_KEY),
        "jku header": signed(FOREIGN_KEY, jku="https://evil.example/keys"),
        "jwk header": signed(FOREIGN_KEY, jwk=FOREIGN_KEY.public_jwk()),
        "expired": changed(exp=now - 31),
        "not valid yet": changed(nbf=now + 3600),
        "issued in the future": changed(iat=now + 3600),
        "another audience": changed(aud="api://something-else"),
        "another issuer": changed(iss=f"https://login.example/{provider.tenant}/v2.0"),
        "another tenant's issuer": changed(iss=f"{provider.base}/{API_ID}/v2.0"),
        "another tenant": changed(tid="99999999-2222-3333-4444-555555555555"),
        **{
            f"no {claim}": changed(**{claim: None})
            for claim in ("exp", "nbf", "iat", "iss", "aud", "sub", "oid", "tid")
        },
        "oid is no text": changed(oid=7),
        "oid is empty": changed(oid=""),
        "exp is no number": changed(exp="tomorrow"),
        "bad signature": lambda: provider.token_for(lead)[:-8] + "AAAAAAAA",
        "claims exchanged": lambda: _exchanged(provider),
        "garbage": lambda: "garbage",
        "three parts of garbage": lambda: "a.b.c",
        "not ASCII": lambda: "a.b.%c3%a4",
        "oversized": lambda: provider.token_for(lead, padding="x" * 20_000),
    }


def sign_good_claims(provider: Provider) -> str:
    """The claims of the badly signed tokens under a good signature."""
    return provider.issuer.sign(_claims(provider, provider.directory.person("lead") or Person("nobody")))


def _claims(provider: Provider, who: Person) -> dict[str, Any]:
    return {**provider.issuer.claims(provider.audience, who.name), "roles": list(who.roles)}


def _part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(claims: dict[str, Any], header: dict[str, Any]) -> str:
    return f"{_part({'typ': 'JWT', **header})}.{_part(claims)}."


def _hs256(provider: Provider, who: Person) -> str:
    """Signed with what everybody knows, in the hope that it is taken for a secret."""
    key = provider.issuer.keys[-1]
    secret = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = _unsigned(_claims(provider, who), {"alg": "HS256", "kid": key.key_id}).rstrip(".")
    signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _exchanged(provider: Provider) -> str:
    """A viewer's good token with a lead's claims put in."""
    header, _, signature = token_of(provider, "viewer").split(".")
    lead = provider.directory.person("lead") or Person("nobody")
    return f"{header}.{_part(_claims(provider, lead))}.{signature}"

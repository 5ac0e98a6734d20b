"""A credential of a test tenant, for clients in the same process as the peer."""

import time
from types import TracebackType
from typing import Any, Self

from azure.core.credentials import AccessToken

from tests.peers.tokens import Issuer


class IssuedCredential:
    """Issues a token for whatever resource a client asks a scope of; `claims` change the token."""

    def __init__(self, issuer: Issuer, name: str, lifetime_seconds: int = 3600, **claims: Any) -> None:
        self._issuer = issuer
        self._name = name
        self._lifetime = lifetime_seconds
        self._claims = claims
        self.asked: list[str] = []

    async def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        self.asked.extend(scopes)
        expires = int(time.time()) + self._lifetime
        audience = scopes[0].removesuffix("/.default")
        claims = {"exp": expires, "idtyp": "app", **self._claims}
        token = self._issuer.issue(claims.pop("aud", audience), self._name, **claims)
        return AccessToken(token, expires)

    async def close(self) -> None:
        """Nothing is held."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

"""A token issuer as Entra ID is one: RS256 keys with ids, a key set, and access tokens of the v2.0 shape.

Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

import time
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

TENANT = "11111111-2222-3333-4444-555555555555"


class SigningKey:
    """One RSA key pair with the id that tokens name it by."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public_jwk(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}


class Issuer:
    """Issues tokens for one tenant; `rotate` begins a new key, `retire` forgets the oldest."""

    def __init__(self, issuer: str, tenant: str = TENANT) -> None:
        self.issuer = issuer
        self.tenant = tenant
        self.keys = [SigningKey("key-1")]
        self.published_beside: list[dict[str, Any]] = []
        """Other keys of the set, as they are published: of another kind, for another use, or none at all."""
        self._made = 1

    def rotate(self) -> SigningKey:
        self._made += 1
        self.keys.append(SigningKey(f"key-{self._made}"))
        return self.keys[-1]

    def retire(self) -> SigningKey:
        return self.keys.pop(0)

    def key_set(self) -> dict[str, Any]:
        return {"keys": [*(key.public_jwk() for key in self.keys), *self.published_beside]}

    def claims(self, audience: str, name: str = "Ada Analyst", **changes: Any) -> dict[str, Any]:
        """The claims of a good token, changed; a change to None leaves the claim out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "tid": self.tenant,
            "oid": str(uuid5(NAMESPACE_URL, name)),
            "sub": str(uuid5(NAMESPACE_URL, f"{name}/{audience}")),
            "name": name,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "ver": "2.0",
            "scp": "access_as_user",
        } | changes
        return {claim: value for claim, value in claims.items() if value is not None}

    def issue(self, audience: str, name: str = "Ada Analyst", **changes: Any) -> str:
        """A token signed with the newest key."""
        return self.sign(self.claims(audience, name, **changes))

    def sign(self, claims: Mapping[str, Any], key: SigningKey | None = None, **header: Any) -> str:
        """Signed claims; a header of None is left out."""
        key = key or self.keys[-1]
        headers = {name: value for name, value in {"kid": key.key_id, **header}.items() if value is not None}
        return jwt.encode(dict(claims), key.private, algorithm="RS256", headers=headers)

    def check(self, token: str, audience: str | list[str]) -> dict[str, Any]:
        """The claims of a token of ours. Raises jwt.InvalidTokenError for any other."""
        wanted = jwt.get_unverified_header(token).get("kid")
        for key in self.keys:
            if key.key_id == wanted:
                return jwt.decode(
                    token,
                    key.private.public_key(),
                    algorithms=["RS256"],
                    audience=audience,
                    issuer=self.issuer,
                )
        raise jwt.InvalidTokenError(f"signed with an unknown key: {wanted}")

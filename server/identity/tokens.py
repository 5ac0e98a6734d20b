"""Access tokens: which are good, and whom they name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from casework.actor import LADDER, Actor, ActorKind, Role
from server.identity.keys import SigningKeys, UnknownKeyError
from server.identity.trust import LEEWAY_SECONDS, Trust

LONGEST_TOKEN = 16_384
LONGEST_NAME = 120
LATEST = 4_102_444_800
"""The year 2100: no token needs a later end, and not every end is a date."""
REQUIRED = ("exp", "nbf", "iat", "iss", "aud", "sub", "oid", "tid")
NAMES = ("name", "preferred_username", "upn", "unique_name", "app_displayname", "azp", "appid")
"""Where a readable name may stand, the best first."""


class BadTokenError(Exception):
    """No token, or one that is not good here. The message is fit for whoever sent it."""

    def __init__(self, reason: str, *, presented: bool = True) -> None:
        super().__init__(reason)
        self.presented = presented


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A caller whose token was verified."""

    actor: Actor
    roles: frozenset[Role]
    expires_at: datetime

    def seconds_left(self, now: datetime) -> float:
        """How long the token is taken from now on."""
        return (self.expires_at + timedelta(seconds=LEEWAY_SECONDS) - now).total_seconds()


class Tokens:
    """Verifies tokens of the one tenant and API that are trusted."""

    def __init__(self, trust: Trust, keys: SigningKeys | None = None) -> None:
        self.trust = trust
        self._keys = keys or SigningKeys(trust.keys_url)

    async def check(self, token: str) -> SignedIn:
        """The caller a token names. Raises BadTokenError, and UnavailableError while keys are away."""
        key_id = _key_id(token)
        try:
            key = await self._keys.key(key_id)
        except UnknownKeyError as error:
            raise BadTokenError("the token is signed with a key we do not know") from error
        return self._caller(self._claims(token, key))

    def close(self) -> None:
        self._keys.close()

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=self.trust.audiences,
                issuer=self.trust.issuers,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED)},
            )
        except jwt.ExpiredSignatureError as error:
            raise BadTokenError("the token has expired; sign in again") from error
        except jwt.ImmatureSignatureError as error:
            raise BadTokenError("the token is not valid yet; compare the clocks") from error
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError) as error:
            raise BadTokenError("the token is not meant for this server") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise BadTokenError("the token is not valid") from error
        if str(claims["tid"]).lower() != self.trust.tenant_id:
            raise BadTokenError("the token is not meant for this server")
        return claims

    def _caller(self, claims: Mapping[str, Any]) -> SignedIn:
        object_id = claims["oid"]
        if not isinstance(object_id, str) or not 1 <= len(object_id) <= LONGEST_NAME:
            raise BadTokenError("the token is not valid")
        roles = _roles(claims.get("roles"))
        actor = Actor(kind=_kind(claims), actor_id=object_id, name=_name(claims), role=_foremost(roles))
        return SignedIn(actor, roles, datetime.fromtimestamp(min(int(claims["exp"]), LATEST), UTC))


def _key_id(token: str) -> str:
    """The key a token says it is signed with; nothing else in its header is believed."""
    if len(token) > LONGEST_TOKEN:
        raise BadTokenError("the token is too long")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise BadTokenError("the token is not valid") from error
    key_id = header.get("kid")
    if header.get("alg") != "RS256" or not isinstance(key_id, str) or not key_id:
        raise BadTokenError("the token is not signed as it must be: RS256, with a key id")
    return key_id


def _roles(given: Any) -> frozenset[Role]:
    """The app roles we know; others are another application's business."""
    values = given if isinstance(given, list) else []
    return frozenset(Role(value) for value in values if isinstance(value, str) and value in set(Role))


def _foremost(roles: frozenset[Role]) -> Role | None:
    """The role that records name: the highest of a person's, or else ingest."""
    people = [role for role in LADDER if role in roles]
    return people[-1] if people else next(iter(roles), None)


def _kind(claims: Mapping[str, Any]) -> ActorKind:
    """Tokens of people carry scopes; those a program got for itself never do."""
    itself = claims.get("idtyp") == "app" or not claims.get("scp")
    return ActorKind.SERVICE if itself else ActorKind.PERSON


def _name(claims: Mapping[str, Any]) -> str:
    for claim in NAMES:
        value = claims.get(claim)
        if isinstance(value, str) and (readable := " ".join(value.split())):
            return "".join(letter for letter in readable if letter.isprintable())[:LONGEST_NAME]
    return ""

"""Who may ask: an account's key, or a token of the right audience whose owner holds the role."""

import jwt

from tests.peers.openai.refusals import RefusedError
from tests.peers.tokens import Issuer

AUDIENCES = ["https://cognitiveservices.azure.com", "https://cognitiveservices.azure.com/"]
ACTION = "Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action"


def admit(
    bearer: str, key: str, api_key: str | None, issuer: Issuer | None, granted: frozenset[str] | None
) -> None:
    """Raise RefusedError for who may not ask. The key is taken in either header, as Azure does."""
    if api_key is not None and api_key in (bearer, key):
        return
    if issuer is None or not bearer:
        raise RefusedError(
            "Access denied due to invalid subscription key or wrong API endpoint.", status=401, code="401"
        )
    try:
        claims = issuer.check(bearer, AUDIENCES)
    except jwt.InvalidTokenError as error:
        raise RefusedError(
            f"The token is invalid: {error}", status=401, code="InvalidAuthenticationToken"
        ) from error
    if granted is not None and claims["oid"] not in granted:
        raise RefusedError(
            f"The principal `{claims['oid']}` lacks the required data action `{ACTION}`"
            " to perform `POST` operation.",
            status=401,
            code="PermissionDenied",
        )

"""What can go wrong between us and Cosmos DB, in words that say what to do."""

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from backends.wording import first_line
from casework.errors import OverloadedError, UnavailableError

READER = "Cosmos DB Built-in Data Reader (00000000-0000-0000-0000-000000000001)"
CONTRIBUTOR = "Cosmos DB Built-in Data Contributor (00000000-0000-0000-0000-000000000002)"
NO_ROLE = frozenset({5300, 5301, 5302})
"""Sub-statuses of 403: the identity is known, but no role of its allows the operation."""

CONFLICT = 409
PRECONDITION_FAILED = 412
FAILED_DEPENDENCY = 424
NOT_FOUND = 404
FORBIDDEN = 403
THROTTLED = 429
RACES = frozenset({CONFLICT, PRECONDITION_FAILED, FAILED_DEPENDENCY, NOT_FOUND})
"""What a conditional write is answered when another one came first."""
TOO_LARGE = 413
UNDECIDED = frozenset({200, 201, 207, 408, 449, 500, 502, 503, 504})
"""Errors that leave open whether a write was made; with 200 and the like the answer could not be read."""


def in_words(error: AzureError, place: str) -> UnavailableError:
    """The error as the product says it."""
    if isinstance(error, ClientAuthenticationError):
        return UnavailableError(
            f"no token for Cosmos DB ({place}): give this host a managed identity (AZURE_CLIENT_ID when it"
            f" has several), or sign in with `az login`: {first_line(error)}"
        )
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return _refused(error, place)
    return UnavailableError(
        f"Cosmos DB ({place}) is out of reach: check COSMOS_ENDPOINT, the network and the account's firewall:"
        f" {first_line(error)}"
    )


def role_missing(error: AzureError) -> bool:
    """Whether the identity is known and none of its roles allows what was asked."""
    return (
        isinstance(error, HttpResponseError)
        and error.status_code == FORBIDDEN
        and getattr(error, "sub_status", None) in NO_ROLE
    )


def grant(role: str, settings_place: str) -> str:
    """How to give an identity a data-plane role; roles of the portal's access control do not count."""
    role_id = role.partition("(")[2].rstrip(")")
    return (
        f"assign this identity {role} on {settings_place}: az cosmosdb sql role assignment create"
        f" --account-name ACCOUNT --resource-group GROUP --role-definition-id {role_id}"
        " --principal-id OBJECT_ID --scope /"
    )


def _refused(error: HttpResponseError, place: str) -> UnavailableError:
    if role_missing(error):
        return UnavailableError(
            f"Cosmos DB refuses this identity ({error.status_code}/{getattr(error, 'sub_status', '')}): "
            + grant(CONTRIBUTOR, place)
        )
    if error.status_code == THROTTLED:
        return OverloadedError(
            f"Cosmos DB ({place}) is asked for more than it is provisioned for (429): try again later, or"
            " raise its throughput"
        )
    reasons = {
        401: "the token was refused; check that the identity belongs to the account's tenant",
        403: "the account's firewall or a policy refuses this host",
        404: "there is no such database or container; create them with `fraud-server bootstrap`",
        413: "more was written at once than it takes",
    }
    reason = reasons.get(error.status_code or 0, first_line(error))
    return UnavailableError(f"Cosmos DB ({place}) answered {error.status_code}: {reason}")

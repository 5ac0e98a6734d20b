"""What can go wrong between the customer store and Cosmos DB, in words that say what to do."""

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.cosmos.exceptions import CosmosHttpResponseError

from backends.wording import first_line
from casework.customers import CustomerStoreError, ReadOnlyStoreError
from casework.errors import CaseworkError

READER = "Cosmos DB Built-in Data Reader (00000000-0000-0000-0000-000000000001)"
CONTRIBUTOR = "Cosmos DB Built-in Data Contributor (00000000-0000-0000-0000-000000000002)"

NO_ROLE_FOR_THIS = (5300, 5301)
"""Sub-statuses of 403: the identity is known, its data-plane roles do not allow the operation."""


class ThrottledError(CustomerStoreError):
    """The account is asked for more than it is provisioned for, and has been for a while."""


_PASSING = (408, 410, 449, 500, 502, 503, 504)


def is_passing(error: AzureError) -> bool:
    """Whether the same request may well succeed a moment later; throttling is the SDK's to wait out."""
    if isinstance(error, CosmosHttpResponseError):
        return error.status_code in _PASSING
    return isinstance(error, ServiceRequestError | ServiceResponseError)


def in_words(error: AzureError, place: str, *, writing: bool) -> CaseworkError:
    """The error as the product says it; ReadOnlyStoreError for a write that the role does not allow."""
    if isinstance(error, CosmosHttpResponseError):
        return _refused(error, place, writing)
    if isinstance(error, ClientAuthenticationError):
        return CustomerStoreError(
            f"no token for the customer store {place}: give this host a managed identity, or sign in with"
            f" `az login` ({first_line(error)})"
        )
    return CustomerStoreError(
        f"the customer store {place} is out of reach: check COSMOS_ENDPOINT, the network and its firewall"
        f" ({first_line(error)})"
    )


def _refused(error: CosmosHttpResponseError, place: str, writing: bool) -> CaseworkError:
    answer = f"{error.status_code}/{error.sub_status}" if error.sub_status else f"{error.status_code}"
    if error.status_code == 403 and error.sub_status in NO_ROLE_FOR_THIS:
        if writing:
            return ReadOnlyStoreError(
                f"the customer store {place} may only be read by this identity ({answer}): to let the tools"
                f" that write do so, assign it the data-plane role {CONTRIBUTOR}"
            )
        return CustomerStoreError(
            f"this identity may not read the customer store {place} ({answer}): assign it the data-plane role"
            f" {READER}"
        )
    if error.status_code == 429:
        return ThrottledError(
            f"the customer store {place} is asked for more than it is provisioned for (429): try again later,"
            " or raise its throughput"
        )
    reason = {
        401: "the token was refused: check that the identity belongs to the tenant of the account",
        403: "the account's firewall or a policy refuses this host",
        404: "there is no such database or container: create them, see docs/howto/customers-cosmos.md",
        413: "an item or a batch is too large",
    }.get(error.status_code or 0, first_line(error))
    return CustomerStoreError(f"the customer store {place} answered {answer}: {reason}")

"""Clients of Event Hubs and of the blob container behind it, as the settings say; their errors in words."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.eventhub import TransportType, parse_connection_string
from azure.eventhub.aio import CheckpointStore, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, EventHubError

# The checkpoint store brings its own copy of the blob client, so this is the one that fits it; a package of
# its own would be a second copy. Reading and writing beside the checkpoints needs no more than this.
from azure.eventhub.extensions.checkpointstoreblobaio._vendor.storage.blob.aio import ContainerClient

from backends.event_hub_settings import EventHubSettings
from casework.errors import OverloadedError, UnavailableError

BLOB_API = "2019-07-07"
AUTH_SECONDS = 15.0
BACKOFF = {"retry_backoff_factor": 0.1, "retry_backoff_max": 5}
SEND_RETRIES = 2
ASK_RETRIES = 1
READ_RETRIES = 12
"""The SDK counts a reader's retries over its whole life; when they are used up, it begins a new one."""
SENDER = "Azure Event Hubs Data Sender"
RECEIVER = "Azure Event Hubs Data Receiver"
BLOBS = "Storage Blob Data Contributor"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class HubClients:
    """Makes clients; none of them connects before it is used."""

    settings: EventHubSettings
    credential: AsyncTokenCredential | None

    def producer(self) -> EventHubProducerClient:
        made: EventHubProducerClient = self._make(EventHubProducerClient, retry_total=SEND_RETRIES)
        return made

    def consumer(self, store: CheckpointStore | None = None) -> EventHubConsumerClient:
        made: EventHubConsumerClient = self._make(
            EventHubConsumerClient,
            consumer_group=self.settings.eventhub_consumer_group,
            checkpoint_store=store,
            retry_total=ASK_RETRIES if store is None else READ_RETRIES,
            load_balancing_interval=self.settings.eventhub_balance_seconds,
            partition_ownership_expiration_interval=self.settings.eventhub_ownership_seconds,
        )
        return made

    @property
    def namespace(self) -> str:
        """As the SDK names it in the paths of checkpoints."""
        if self.settings.eventhub_connection_string is not None:
            parsed = parse_connection_string(self.settings.eventhub_connection_string.get_secret_value())
            return str(parsed.fully_qualified_namespace)
        return str(self.settings.eventhub_namespace)

    def _make(self, kind: Any, **options: Any) -> Any:
        settings = self.settings
        options |= {"eventhub_name": settings.eventhub_name, "auth_timeout": AUTH_SECONDS, **BACKOFF}
        # The SDK looks for authorities in its own bundle; this is the machine's, as everywhere else.
        options["ssl_context"] = ssl.create_default_context()
        if settings.eventhub_endpoint is not None:
            options["custom_endpoint_address"] = settings.eventhub_endpoint
            options["transport_type"] = TransportType.Amqp
        if settings.eventhub_connection_string is not None:
            return kind.from_connection_string(
                settings.eventhub_connection_string.get_secret_value(), **options
            )
        return kind(settings.eventhub_namespace, credential=self.credential, **options)

    def container(self) -> ContainerClient:
        settings = self.settings
        options: dict[str, Any] = {"api_version": BLOB_API, "headers": {"x-ms-version": BLOB_API}}
        options |= {"retry_total": 3, "initial_backoff": 1, "increment_base": 2}
        options |= {"connection_timeout": 5, "read_timeout": 10}
        if settings.checkpoint_connection_string is not None:
            return ContainerClient.from_connection_string(
                settings.checkpoint_connection_string.get_secret_value(),
                settings.checkpoint_container,
                **options,
            )
        url = str(settings.checkpoint_blob_url).rstrip("/")
        return ContainerClient(url, settings.checkpoint_container, credential=self.credential, **options)


def hub_problem(error: Exception, settings: EventHubSettings, role: str) -> UnavailableError:
    """What went wrong at the hub, and what to set or grant."""
    where = f"event hub {settings.eventhub_name}"
    text = " ".join(str(error).split())[:300]
    if "server-busy" in text:
        return OverloadedError(f"{where} takes no more now; try again later: {text}")
    if isinstance(error, (AuthenticationError, ClientAuthenticationError)) or "unauthorized" in text.lower():
        return UnavailableError(f"{where} refuses this identity; it needs the role {role}: {text}")
    if "could not be found" in text or "NotFound" in text:
        names = "EVENTHUB_NAME and EVENTHUB_CONSUMER_GROUP"
        return UnavailableError(f"{where} or its consumer group does not exist; check {names}: {text}")
    return UnavailableError(f"{where} is out of reach: {text}")


def blob_problem(error: Exception, settings: EventHubSettings) -> UnavailableError:
    """What went wrong at the container, and what to set or grant."""
    where = f"blob container {settings.checkpoint_container}"
    text = " ".join(str(error).split())[:300]
    refused = isinstance(error, HttpResponseError) and error.status_code in (401, 403)
    if refused or isinstance(error, ClientAuthenticationError):
        return UnavailableError(f"{where} refuses this identity; it needs the role {BLOBS}: {text}")
    return UnavailableError(f"{where} is out of reach: {text}")


async def ensure_container(container: ContainerClient, settings: EventHubSettings) -> None:
    """Make the container if it is missing and may be made. Raises UnavailableError naming the role."""
    try:
        try:
            await container.get_container_properties()
        except ResourceNotFoundError:
            await container.create_container()
    except HttpResponseError as error:
        if error.status_code == 409:
            return  # another replica was faster
        if error.status_code in (401, 403):
            raise UnavailableError(
                f"blob container {settings.checkpoint_container} (CHECKPOINT_CONTAINER) is missing, or closed"
                f" to this identity: create it, and give the identity the role {BLOBS} on it"
            ) from error
        raise blob_problem(error, settings) from error
    except AzureError as error:
        raise blob_problem(error, settings) from error


async def blob_call(settings: EventHubSettings, call: Callable[[], Awaitable[Result]]) -> Result:
    """A call to the container. Raises UnavailableError."""
    try:
        return await call()
    except AzureError as error:
        raise blob_problem(error, settings) from error


__all__ = [
    "RECEIVER",
    "SENDER",
    "ContainerClient",
    "EventHubError",
    "HubClients",
    "blob_call",
    "blob_problem",
    "ensure_container",
    "hub_problem",
]

"""Questions to the stores: Cosmos DB, Event Hubs and the checkpoints beside it. None leaves a trace."""

import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from backends.checks.check import Answer, Question
from backends.checks.roles import BLOBS, COSMOS, COSMOS_READER, EVENT_HUB_RECEIVER, EVENT_HUB_SENDER
from backends.checks.trouble import Seam, explained
from backends.settings import BackendSettings

PROBE = "doctor-probe"
CONNECT_SECONDS = 5


def cosmos_question(name: str, account: str, database: str, container_name: str, *, writes: bool) -> Question:
    """Can it read, and may it write? Deleting what is not there asks that and changes nothing."""
    place = f"{urlsplit(account).hostname}/{database}/{container_name}"
    missing = f"create the database {database} and its container {container_name}, or correct its setting"
    seam = Seam("Cosmos DB", place, "COSMOS_ENDPOINT", COSMOS if writes else COSMOS_READER, missing)

    async def ask() -> Answer:
        from azure.cosmos.aio import CosmosClient  # noqa: PLC0415 - loaded only where it is used
        from azure.cosmos.exceptions import CosmosResourceNotFoundError  # noqa: PLC0415
        from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

        async with AsyncExitStack() as stack:
            credential = await stack.enter_async_context(DefaultAzureCredential())
            client = CosmosClient(
                account,
                credential,
                connection_timeout=CONNECT_SECONDS,
                retry_total=1,
                retry_connect=1,
            )
            stack.push_async_callback(client.close)  # also when it cannot be entered
            await client.__aenter__()
            container = client.get_database_client(database).get_container_client(container_name)
            await container.read()
            item = f"{PROBE}-{uuid4()}"
            probes: list[Callable[..., Awaitable[object]]] = [container.read_item]
            if writes:
                probes.append(container.delete_item)
            for probe in probes:
                try:
                    await probe(item, partition_key=item)
                except CosmosResourceNotFoundError:
                    continue
        return Answer("ok", f"{place}: read{', and may write' if writes else ''}")

    return Question(name, ask, lambda error: explained(seam, error))


def event_hub_questions(settings: BackendSettings) -> list[Question]:
    """What the hub says of itself, whether one may send, and whether checkpoints can be kept."""
    if settings.eventhub_namespace is None and settings.eventhub_connection_string is None:
        return []
    place = f"{settings.eventhub_namespace or 'Event Hubs'}/{settings.eventhub_name}"
    setting = "EVENTHUB_NAMESPACE" if settings.eventhub_namespace else "EVENTHUB_CONNECTION_STRING"
    missing = "create the event hub, or correct EVENTHUB_NAME and EVENTHUB_CONSUMER_GROUP"
    reading = Seam("Event Hubs", place, setting, EVENT_HUB_RECEIVER, missing)
    sending = Seam("Event Hubs", place, setting, EVENT_HUB_SENDER, missing)
    found = [
        Question(
            "seam: telemetry", lambda: _read_hub(settings, place), lambda error: explained(reading, error)
        ),
        Question(
            "seam: telemetry, sending",
            lambda: _may_send(settings, place),
            lambda error: explained(sending, error),
        ),
    ]
    if settings.checkpoint_blob_url is None and settings.checkpoint_connection_string is None:
        return found
    where = settings.checkpoint_blob_url.host if settings.checkpoint_blob_url else "storage"
    blobs = f"{where}/{settings.checkpoint_container}"
    setting = "CHECKPOINT_BLOB_URL" if settings.checkpoint_blob_url else "CHECKPOINT_CONNECTION_STRING"
    create = f"az storage container create --auth-mode login --name {settings.checkpoint_container}"
    seam = Seam("checkpoints", blobs, setting, BLOBS, f"{create} --account-name ACCOUNT")
    keeping = Question(
        "seam: checkpoints", lambda: _keep(settings, blobs), lambda error: explained(seam, error)
    )
    return [*found, keeping]


async def _read_hub(settings: BackendSettings, place: str) -> Answer:
    from azure.eventhub.aio import EventHubConsumerClient  # noqa: PLC0415 - loaded only where it is used

    async with AsyncExitStack() as stack:
        options = {"consumer_group": settings.eventhub_consumer_group}
        client = await _hub_client(stack, settings, EventHubConsumerClient, options)
        told = await client.get_eventhub_properties()
    return Answer("ok", f"{place}: {len(told['partition_ids'])} partitions")


async def _may_send(settings: BackendSettings, place: str) -> Answer:
    """Opening a batch opens the link to send on, which is refused without the right to; nothing is sent."""
    from azure.eventhub.aio import EventHubProducerClient  # noqa: PLC0415 - loaded only where it is used

    async with AsyncExitStack() as stack:
        client = await _hub_client(stack, settings, EventHubProducerClient, {})
        await client.create_batch()
    return Answer("ok", f"{place}: may send")


async def _hub_client(
    stack: AsyncExitStack, settings: BackendSettings, kind: Any, options: dict[str, Any]
) -> Any:
    common = {
        "eventhub_name": settings.eventhub_name,
        "retry_total": 0,
        "auth_timeout": CONNECT_SECONDS,
        "ssl_context": ssl.create_default_context(),
        **options,
    }
    if settings.eventhub_endpoint is not None:
        from azure.eventhub import TransportType  # noqa: PLC0415 - loaded only where it is used

        common["custom_endpoint_address"] = settings.eventhub_endpoint
        common["transport_type"] = TransportType.Amqp
    if settings.eventhub_connection_string is not None:
        text = settings.eventhub_connection_string.get_secret_value()
        return await stack.enter_async_context(kind.from_connection_string(text, **common))
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - loaded only where it is used

    credential = await stack.enter_async_context(DefaultAzureCredential())
    return await stack.enter_async_context(kind(settings.eventhub_namespace, credential=credential, **common))


async def _keep(settings: BackendSettings, place: str) -> Answer:
    """Write a blob and delete it: reading alone would not show that a checkpoint can be kept."""
    # The checkpoint store brings its own copy of the blob client; another package would be a second copy.
    from azure.eventhub.extensions.checkpointstoreblobaio._vendor.storage.blob.aio import (  # noqa: PLC0415
        ContainerClient,
    )

    async with AsyncExitStack() as stack:
        common: dict[str, Any] = {
            "retry_total": 0,
            "connection_timeout": CONNECT_SECONDS,
            "connection_verify": _authorities(),
        }
        if settings.checkpoint_connection_string is not None:
            text = settings.checkpoint_connection_string.get_secret_value()
            made = ContainerClient.from_connection_string(text, settings.checkpoint_container, **common)
        else:
            from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

            credential = await stack.enter_async_context(DefaultAzureCredential())
            url = str(settings.checkpoint_blob_url)
            made = ContainerClient(url, settings.checkpoint_container, credential=credential, **common)
        container = await stack.enter_async_context(made)
        name = f"{PROBE}-{uuid4()}"
        await container.upload_blob(name, b"")
        await container.delete_blob(name)
    return Answer("ok", f"{place}: read and written")


def _authorities() -> str | bool:
    """The machine's authorities, or those of SSL_CERT_FILE; the SDK reads them when it is first loaded."""
    return ssl.get_default_verify_paths().cafile or True

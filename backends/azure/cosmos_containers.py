"""The containers as they have to be: partition keys, indexes, expiry. The one place that says so."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from backends.azure.case_queries import SORT_KEYS
from backends.azure.cosmos import open_account
from backends.azure.cosmos_trouble import CONTRIBUTOR, NOT_FOUND, READER, grant, in_words, role_missing
from backends.cosmos_settings import CosmosSettings
from casework.errors import UnavailableError

Definition = dict[str, Any]
START_SECONDS = 30.0
CASES_KEY = "/case_id"
ACTIONS_KEY = "/action_id"
_LISTED = (
    "case_id", "kind", "seq", "event_id", "status", "customer_id", "alert_type", "severity", "rule_id",
    "outcome", "claim_actor", "claim_until", "deferred_until", "unapplied", "search", *SORT_KEYS.values(),
)  # fmt: skip


def cases_definition(settings: CosmosSettings) -> Definition:
    """Only what is asked for is indexed: an event costs a few index entries, whatever is in it."""
    return _definition(
        settings.cosmos_cases_container,
        CASES_KEY,
        [*(f"/{name}/?" for name in _LISTED), "/tags/[]/?", "/linked/[]/?"],
        [[(key, "ascending"), ("case_id", "ascending")] for key in SORT_KEYS.values()],
    )


def actions_definition(settings: CosmosSettings) -> Definition:
    return _definition(
        settings.cosmos_actions_container, ACTIONS_KEY, ["/done/?", "/ordered_at/?", "/action_id/?"], []
    )


def definitions(settings: CosmosSettings) -> tuple[Definition, Definition]:
    return cases_definition(settings), actions_definition(settings)


def as_resources(settings: CosmosSettings) -> str:
    """The containers as JSON, as the `resource` of a Bicep or ARM template wants them."""
    return json.dumps([_resource(definition) for definition in definitions(settings)], indent=2)


def policy_of(settings: CosmosSettings, container: str) -> str | None:
    """A container's indexing policy as JSON, as `az` takes it; None when there is no such container."""
    policies = {definition["id"]: definition["indexingPolicy"] for definition in definitions(settings)}
    return json.dumps(policies[container], indent=2) if container in policies else None


async def verified(
    client: CosmosClient, settings: CosmosSettings, definition: Definition
) -> tuple[ContainerProxy, str]:
    """The container and its resource id. Raises UnavailableError when it is not as it has to be."""
    database = client.get_database_client(settings.cosmos_database)
    container = database.get_container_client(definition["id"])
    place = f"{settings.cosmos_database}/{definition['id']}"
    try:
        async with asyncio.timeout(START_SECONDS):
            found = await container.read()
    except TimeoutError as error:
        raise UnavailableError(
            f"Cosmos DB ({place}) gave no answer within {START_SECONDS:g} s: check COSMOS_ENDPOINT"
        ) from error
    except AzureError as error:
        raise _not_to_be_had(error, place) from error
    wrong = differences(found, definition)
    if wrong:
        raise UnavailableError(f"Cosmos DB ({place}) is not as it has to be: {'; '.join(wrong)}")
    return container, found["_rid"]


async def create_containers(
    settings: CosmosSettings, credential: AsyncTokenCredential | None = None
) -> AsyncIterator[str]:
    """Create what is missing and check what is there; a sentence about each."""
    async with open_account(settings, credential) as client:
        for definition in definitions(settings):
            yield await created(client, settings, definition)


async def created(client: CosmosClient, settings: CosmosSettings, definition: Definition) -> str:
    """Create a container unless it is there, and say which. Raises UnavailableError with the way out."""
    place = f"{settings.cosmos_database}/{definition['id']}"
    try:
        await verified(client, settings, definition)
    except UnavailableError as error:
        if not _is_missing(error):
            raise
    else:
        return f"{place}: was there, and is as it has to be"
    try:
        async with asyncio.timeout(START_SECONDS):
            database = await client.create_database_if_not_exists(settings.cosmos_database)
            await database.create_container(
                definition["id"],
                PartitionKey(definition["partitionKey"]["paths"][0]),
                indexing_policy=definition["indexingPolicy"],
                default_ttl=definition["defaultTtl"],
            )
    except CosmosHttpResponseError as error:
        if role_missing(error):
            raise UnavailableError(_how_to_create(settings, definition)) from error
        raise in_words(error, place) from error
    except AzureError as error:
        raise in_words(error, place) from error
    return f"{place}: created"


def differences(found: Mapping[str, Any], definition: Definition) -> list[str]:
    """What is wrong with a container, and how to put it right."""
    wrong = []
    key, wanted = found["partitionKey"]["paths"], definition["partitionKey"]["paths"]
    if key != wanted:
        wrong.append(f"its partition key is {key[0]}, not {wanted[0]}, which only a new container can have")
    missing = _composites(definition) - _composites(found)
    if missing:
        lists = ", ".join(sorted(" then ".join(path for path, _ in index) for index in missing))
        wrong.append(f"its indexing policy has no composite index for {lists}")
    unindexed = [path for path in _included(definition) if not _is_indexed(path, found)]
    if unindexed:
        wrong.append(f"its indexing policy leaves out {', '.join(unindexed)}")
    if missing or unindexed:
        wrong.append("`fraud-server bootstrap --json` prints the policy it needs")
    if found.get("defaultTtl") != definition["defaultTtl"]:
        wrong.append("its time to live is not on without a default (-1)")
    return wrong


def _definition(
    name: str, key: str, paths: Iterable[str], composites: Iterable[Iterable[tuple[str, str]]]
) -> Definition:
    policy: Definition = {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": path} for path in sorted(paths)],
        "excludedPaths": [{"path": "/*"}],
        "compositeIndexes": [
            [{"path": f"/{path}", "order": order} for path, order in index] for index in composites
        ],
    }
    return {
        "id": name,
        "partitionKey": {"paths": [key], "kind": "Hash", "version": 2},
        "indexingPolicy": policy,
        "defaultTtl": -1,
    }


def _resource(definition: Definition) -> Definition:
    return {"name": definition["id"], "resource": definition}


def _composites(definition: Mapping[str, Any]) -> set[tuple[tuple[str, str], ...]]:
    found = definition.get("indexingPolicy", {}).get("compositeIndexes", [])
    return {tuple((each["path"], each.get("order", "ascending")) for each in index) for index in found}


def _included(definition: Mapping[str, Any]) -> list[str]:
    return [each["path"] for each in definition.get("indexingPolicy", {}).get("includedPaths", [])]


def _is_indexed(path: str, found: Mapping[str, Any]) -> bool:
    """Whether a path is indexed: by itself, or with everything else and not left out."""
    included = _included(found)
    left_out = [each["path"] for each in found.get("indexingPolicy", {}).get("excludedPaths", [])]
    return path in included or ("/*" in included and path not in left_out)


class _MissingError(UnavailableError):
    """There is no such database or container."""


def _is_missing(error: UnavailableError) -> bool:
    return isinstance(error, _MissingError)


def _not_to_be_had(error: AzureError, place: str) -> UnavailableError:
    if isinstance(error, CosmosHttpResponseError) and error.status_code == NOT_FOUND:
        return _MissingError(
            f"Cosmos DB has no {place}: create it with `fraud-server bootstrap`, or in Bicep from"
            " `fraud-server bootstrap --json`"
        )
    if role_missing(error):
        return UnavailableError(
            "Cosmos DB lets this identity read nothing: "
            + grant(CONTRIBUTOR, place)
            + f" ({READER} is not enough)"
        )
    return in_words(error, place)


def _how_to_create(settings: CosmosSettings, definition: Definition) -> str:
    database, name = settings.cosmos_database, definition["id"]
    account = "--account-name ACCOUNT --resource-group GROUP"
    return (
        f"Cosmos DB has no {database}/{name}, and a token for data cannot create it, whatever its role."
        " Somebody with the role Cosmos DB Operator (230815da-be43-4aae-9cb4-875f7bd000aa) can:"
        f" az cosmosdb sql database create {account} --name {database};"
        f" az cosmosdb sql container create {account} --database-name {database} --name {name}"
        f" --partition-key-path {definition['partitionKey']['paths'][0]} --partition-key-version 2 --ttl -1"
        f" --idx @policy.json, where policy.json is what `fraud-server bootstrap --policy {name}` prints"
    )

"""The two Cosmos DB containers of the customer data: every request with a deadline, retries and a price.

`activity` holds what customers did, partitioned by customer; `directory` holds what is read whole or by
key, and where the rest is, partitioned by what it is.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)
from azure.identity.aio import DefaultAzureCredential

from backends.azure.customer_items import Item
from backends.azure.customer_tables import Which
from backends.azure.customer_trouble import in_words, is_passing
from backends.customer_wiring import CosmosPlace
from casework.customers import CustomerStoreError
from casework.errors import ConflictError

_T = TypeVar("_T")
PARTITION_PATHS: Mapping[Which, str] = {"activity": "customer", "directory": "partition"}
"""The property that each container is partitioned by."""

_ATTEMPTS = 4
_FIRST_WAIT_SECONDS = 0.1
_MISSING_CONTAINER = 1003

log = structlog.get_logger("backends.customer_store")


class TakenError(ConflictError):
    """There is already an item of that id in the partition."""


class MovedError(ConflictError):
    """The item is no longer as it was read."""


@dataclass
class Spent:
    """What was asked of the account so far: answers, and the request units they came to."""

    requests: int = 0
    units: float = 0.0

    def note(self, headers: Mapping[str, Any], *_: object) -> None:
        """Take down one answer; the SDK calls this for every page."""
        self.requests += 1
        self.units += float(headers.get("x-ms-request-charge") or 0.0)


class CustomerContainers:
    """Connects at the first request, so that a server starts while its store is out of reach.

    Every request ends within `deadline_seconds`, its retries included. Raises CustomerStoreError in
    words, ReadOnlyStoreError for a write the role does not allow, TakenError and MovedError.
    """

    def __init__(self, place: CosmosPlace, *, deadline_seconds: float = 5.0) -> None:
        self.place = place
        self.spent = Spent()
        self._deadline_seconds = deadline_seconds
        self._client: CosmosClient | None = None
        self._credential: DefaultAzureCredential | None = None
        self._opening = asyncio.Lock()

    async def read(self, which: Which, item_id: str, partition: str) -> Item | None:
        """One item by id: the cheapest request there is. None when there is none."""

        async def read(container: ContainerProxy) -> Item | None:
            try:
                return await container.read_item(item_id, partition, response_hook=self.spent.note)
            except CosmosResourceNotFoundError as error:
                if error.sub_status == _MISSING_CONTAINER:
                    raise
                return None

        return await self._ask(which, read)

    async def query(
        self, which: Which, sql: str, parameters: Sequence[tuple[str, Any]], partition: str | None
    ) -> list[Item]:
        """Everything that matches, in one partition or, when None, in all of them."""
        named = [{"name": name, "value": value} for name, value in parameters]
        within: dict[str, Any] = {} if partition is None else {"partition_key": partition}

        async def ask(container: ContainerProxy) -> list[Item]:
            found = container.query_items(
                query=sql, parameters=named, response_hook=self.spent.note, max_item_count=1000, **within
            )
            return [item async for item in found]

        return await self._ask(which, ask)

    async def pages(self, which: Which, sql: str) -> AsyncIterator[list[Item]]:
        """Everything that matches in all partitions, page by page."""
        found: AsyncIterator[AsyncIterator[Item]] | None = None

        async def next_page(container: ContainerProxy) -> list[Item] | None:
            nonlocal found
            if found is None:
                found = container.query_items(
                    query=sql, response_hook=self.spent.note, max_item_count=1000
                ).by_page()
            try:
                return [item async for item in await anext(found)]
            except StopAsyncIteration:
                return None

        while (page := await self._ask(which, next_page)) is not None:
            yield page

    async def create(self, which: Which, item: Item) -> None:
        """Store a new item. TakenError when its id is taken, perhaps by an earlier try of ours."""
        await self._ask(which, lambda c: c.create_item(item, response_hook=self.spent.note), writing=True)

    async def replace(self, which: Which, item: Item, etag: str) -> None:
        """Overwrite an item that is as it was read. MovedError when it is not, or no longer."""

        async def replace(container: ContainerProxy) -> None:
            await container.replace_item(
                item["id"],
                item,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
                response_hook=self.spent.note,
            )

        await self._ask(which, replace, writing=True)

    async def upsert_all(self, which: Which, items: Sequence[Item]) -> None:
        """Store items of one partition in one transaction; storing them twice changes nothing."""
        partition = items[0][PARTITION_PATHS[which]]
        batch = [("upsert", (item,)) for item in items]

        async def store(container: ContainerProxy) -> None:
            await container.execute_item_batch(batch, partition, response_hook=self.spent.note)

        await self._ask(which, store, writing=True)

    async def close(self) -> None:
        """Give the connections back."""
        client, credential, self._client, self._credential = self._client, self._credential, None, None
        if client is not None:
            await client.close()
        if credential is not None:
            await credential.close()

    async def _ask(
        self, which: Which, request: Callable[[ContainerProxy], Awaitable[_T]], *, writing: bool = False
    ) -> _T:
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._persist(which, request)
        except TimeoutError as error:
            doubt = "; it may or may not have been stored" if writing else ""
            raise CustomerStoreError(
                f"the customer store {self.place} took longer than {self._deadline_seconds:g} s to"
                f" answer{doubt}"
            ) from error
        except CosmosResourceExistsError as error:
            raise TakenError("there is already such an item") from error
        except CosmosAccessConditionFailedError as error:
            raise MovedError("the item has changed since it was read") from error
        except CosmosBatchOperationError as error:
            raise in_words(error, str(self.place), writing=True) from error
        except AzureError as error:
            raise in_words(error, str(self.place), writing=writing) from error

    async def _persist(self, which: Which, request: Callable[[ContainerProxy], Awaitable[_T]]) -> _T:
        """Try again, at random intervals that double, what is likely to pass; the last error stands."""
        for attempt in range(_ATTEMPTS):
            try:
                return await request(await self._container(which))
            except AzureError as error:
                if not is_passing(error) or attempt == _ATTEMPTS - 1:
                    raise
                log.info("customer_store_retry", attempt=attempt + 1, error=type(error).__name__)
                await asyncio.sleep(random.uniform(0, _FIRST_WAIT_SECONDS * 2**attempt))
        raise AssertionError("the last attempt returns or raises")

    async def _container(self, which: Which) -> ContainerProxy:
        client = self._client or await self._connect()
        name = self.place.activity if which == "activity" else self.place.directory
        return client.get_database_client(self.place.database).get_container_client(name)

    async def _connect(self) -> CosmosClient:
        async with self._opening:
            if self._client is None:
                credential = DefaultAzureCredential()
                client = CosmosClient(
                    self.place.endpoint,
                    credential,
                    # Ours to repeat: the SDK does it without saying so, and without a random wait.
                    retry_connect=0,
                    retry_read=0,
                    retry_throttle_backoff_max=max(1, int(self._deadline_seconds)),
                )
                try:
                    await client.__aenter__()
                except BaseException:
                    await client.close()
                    await credential.close()
                    raise
                self._client, self._credential = client, credential
            return self._client

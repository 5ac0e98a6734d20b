"""Requests to Cosmos DB: with a token, bounded in number and time, their charges counted, errors in words."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.identity.aio import DefaultAzureCredential

from backends.azure.cosmos_trouble import NOT_FOUND, in_words
from backends.cosmos_settings import CosmosSettings
from casework.errors import UnavailableError

T = TypeVar("T")
Document = dict[str, Any]
Operation = tuple[Any, ...]
"""One of a batch, as the SDK takes it."""
TOKEN_SECONDS = 20.0
THROTTLED_TRIES = 9
CONNECT_SECONDS = 5

log = structlog.get_logger("backends.cosmos")


class Charges:
    """Request units by the name of what was asked."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        """Answers from the service: an operation may take several."""

    def add(self, name: str, charge: float) -> None:
        self.total[name] += charge  # type: ignore[assignment] # a Counter of fractions
        self.requests[name] += 1


class Requests:
    """One container. Every method raises UnavailableError, in words, within the patience it was given."""

    def __init__(self, container: ContainerProxy, settings: CosmosSettings) -> None:
        self.container = container
        self.charges = Charges()
        self._turns = asyncio.Semaphore(settings.cosmos_requests_at_once)
        self.patience = settings.cosmos_patience_seconds
        self.place = f"{settings.cosmos_database}/{container.id}"

    async def read(self, name: str, item: str, key: str) -> Document | None:
        """A document, or None."""

        async def ask() -> Document | None:
            try:
                return dict(await self.container.read_item(item, key, response_hook=self.counted(name)))
            except CosmosHttpResponseError as error:
                if error.status_code == NOT_FOUND and error.sub_status in (None, 0):
                    return None
                raise

        return await self.within(ask)

    async def batch(
        self, name: str, operations: Sequence[Operation], key: str
    ) -> Sequence[Mapping[str, Any]]:
        """Write all or nothing in one partition. Raises the SDK's error when the service refuses."""

        async def ask() -> Sequence[Mapping[str, Any]]:
            return await self.container.execute_item_batch(operations, key, response_hook=self.counted(name))

        return await self.within(ask, refusals=True)

    async def query(
        self, name: str, sql: str, parameters: Mapping[str, object], key: str | None = None
    ) -> list[Any]:
        """Every row: the query itself has to say how many that may be."""
        where: dict[str, Any] = {} if key is None else {"partition_key": key}

        async def ask() -> list[Any]:
            rows = self.container.query_items(
                sql,
                parameters=[{"name": f"@{name}", "value": value} for name, value in parameters.items()],
                response_hook=self.counted(name),
                **where,
            )
            return [row async for row in rows]

        return await self.within(ask)

    async def within(self, ask: Callable[[], Awaitable[T]], *, refusals: bool = False) -> T:
        """Wait for a turn and ask. With `refusals`, what the service refuses is raised as the SDK has it."""
        try:
            async with asyncio.timeout(self.patience), self._turns:
                return await ask()
        except TimeoutError as error:
            raise UnavailableError(
                f"Cosmos DB ({self.place}) gave no answer within {self.patience:g} s"
            ) from error
        except AzureError as error:
            if refusals and isinstance(error, HttpResponseError) and error.status_code is not None:
                raise
            raise in_words(error, self.place) from error

    def counted(self, name: str) -> Callable[..., None]:
        """Counts and logs what an answer cost."""

        def hook(headers: Mapping[str, str], _body: object = None) -> None:
            charge = float(headers.get("x-ms-request-charge") or 0)
            self.charges.add(name, charge)
            log.debug("cosmos_charge", asked=name, container=self.place, request_units=charge)

        return hook


@asynccontextmanager
async def open_account(
    settings: CosmosSettings, credential: AsyncTokenCredential | None = None
) -> AsyncIterator[CosmosClient]:
    """A client that has a token. Raises UnavailableError when there is none, or no account."""
    async with AsyncExitStack() as stack:
        if credential is None:
            credential = await stack.enter_async_context(DefaultAzureCredential())
            assert credential is not None
        await _have_token(credential, settings)
        client = CosmosClient(
            settings.cosmos_address,
            credential,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=settings.cosmos_patience_seconds,
            retry_throttle_total=THROTTLED_TRIES,
            retry_throttle_backoff_max=max(1, int(settings.cosmos_patience_seconds)),
        )
        stack.push_async_callback(client.close)  # also when it cannot be entered
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                await client.__aenter__()
        except TimeoutError as error:
            raise UnavailableError(
                f"COSMOS_ENDPOINT: {settings.cosmos_address} gave no answer within {TOKEN_SECONDS:g} s"
            ) from error
        except AzureError as error:
            raise in_words(error, settings.cosmos_address) from error
        yield client


async def _have_token(credential: AsyncTokenCredential, settings: CosmosSettings) -> None:
    """Get the token now that the SDK will ask for: without one, nothing else is worth trying."""
    scope = f"https://{urlsplit(settings.cosmos_address).hostname}/.default"
    try:
        async with asyncio.timeout(TOKEN_SECONDS):
            await credential.get_token(scope)
    except TimeoutError as error:
        raise UnavailableError(
            f"no token for {scope} within {TOKEN_SECONDS:g} s: give this host a managed identity, or sign in"
            " with `az login`"
        ) from error
    except AzureError as error:
        raise in_words(error, settings.cosmos_address) from error

"""The only place that chooses where customer data comes from: a file, or Cosmos DB.

Apart from the other seams, because the tool server needs this one and nothing else.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backends.embedded.customer_store import SqliteCustomerStore
from casework.customers import CustomerStore, StoreState


class CheckedCustomerStore(CustomerStore, Protocol):
    """A customer store that can be asked, before it is used, whether it is what it should be."""

    async def verify(self) -> StoreState:
        """Raises CustomerStoreError saying what is missing."""
        ...


@dataclass(frozen=True, slots=True)
class CosmosPlace:
    """A Cosmos DB account, and the database and containers in it that hold customer data."""

    endpoint: str
    database: str
    activity: str
    directory: str

    def __str__(self) -> str:
        return f"{self.endpoint.rstrip('/')}/{self.database}"


@asynccontextmanager
async def open_customers(
    place: Path | CosmosPlace, *, writable: bool, deadline_seconds: float
) -> AsyncIterator[CheckedCustomerStore]:
    """The customer store of a contoso.db, or of the containers that one was migrated to."""
    async with AsyncExitStack() as stack:
        if isinstance(place, Path):
            file = SqliteCustomerStore(place, writable=writable, deadline_seconds=deadline_seconds)
            stack.callback(file.close)
            yield file
            return
        from backends.azure.customer_store import CosmosCustomerStore  # noqa: PLC0415 - only where chosen

        remote = CosmosCustomerStore(place, writable=writable, deadline_seconds=deadline_seconds)
        stack.push_async_callback(remote.close)
        yield remote

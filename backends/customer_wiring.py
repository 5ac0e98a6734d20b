"""The only place that chooses where customer data comes from: a file, or Cosmos DB.

Apart from the other seams, because the tool server needs this one and nothing else.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

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


@dataclass(frozen=True, slots=True)
class MigrationProgress:
    """How far a migration is, in items; `of` is 0 while it is not known how many there are."""

    stage: Literal["reading", "copying", "checking"]
    done: int
    of: int
    units: float = 0.0
    """Request units that the account has charged so far."""
    resumed_at: int = 0
    """How many were already there when this run began."""


@dataclass(frozen=True, slots=True)
class MigrationOutcome:
    """What the target holds in the end, by kind, and in what it differs from the source."""

    rows: dict[str, int]
    checksum: str
    differences: list[str] = field(default_factory=list)


ReportProgress = Callable[[MigrationProgress], None]

_MIGRATION_DEADLINE_SECONDS = 60.0


async def migrate_customers(source: Path, target: CosmosPlace, report: ReportProgress) -> MigrationOutcome:
    """Copy a contoso.db to Cosmos DB and compare the two. Raises CustomerStoreError in words."""
    from backends.azure.contoso_source import open_source  # noqa: PLC0415 - only where chosen
    from backends.azure.customer_containers import CustomerContainers  # noqa: PLC0415
    from backends.azure.customer_migration import migrate  # noqa: PLC0415

    containers = CustomerContainers(target, deadline_seconds=_MIGRATION_DEADLINE_SECONDS)
    with open_source(source) as opened:
        try:
            return await migrate(opened, containers, report)
        finally:
            await containers.close()


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

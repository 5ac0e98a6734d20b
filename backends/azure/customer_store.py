"""The customer store over Cosmos DB: the rows of a contoso.db, answering as SQLite would."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date

from backends.azure.customer_containers import CustomerContainers, Spent
from backends.azure.customer_items import UNOWNED, Item, row_id, shown, stored_row
from backends.azure.customer_owners import Owners
from backends.azure.customer_queries import LOCATED, asks_for_nothing, query, route, single_key
from backends.azure.customer_tables import (
    DIRECTORY_TABLES,
    TABLES_ID,
    StoreTables,
    TableState,
    container_of,
    read_tables,
)
from backends.azure.customer_writes import CustomerWrites
from backends.azure.sqlite_values import matches, ordered
from backends.customer_wiring import CosmosPlace
from backends.embedded.knowledge_index import Embed, KnowledgeIndex
from casework.customers import (
    PRIMARY_KEYS,
    TABLES,
    Between,
    Mentions,
    Order,
    ReadOnlyStoreError,
    Row,
    StoreState,
    Table,
    Value,
    Where,
    can_be_held,
    require_held,
)

_AT_ONCE = 8


class CosmosCustomerStore:
    """Reads what `fraud-mcp-tools migrate` wrote, and adds to it where the role and `writable` allow.

    What is asked about one customer is answered from one partition. Rows are compared and ordered here,
    by SQLite's rules; the service only narrows down.
    """

    def __init__(
        self,
        place: CosmosPlace,
        *,
        writable: bool = False,
        deadline_seconds: float = 5.0,
        embed: Embed | None = None,
    ) -> None:
        self.writable = writable
        self._containers = CustomerContainers(place, deadline_seconds=deadline_seconds)
        self._owners = Owners(self._containers)
        self._writes = CustomerWrites(self._containers, self._owners)
        self._role_allows_writing = True
        self._embed = embed
        self._shapes: Mapping[Table, TableState] | None = None
        self._knowledge: KnowledgeIndex | None = None
        self._indexing = asyncio.Lock()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @property
    def spent(self) -> Spent:
        """What this store has asked of the account."""
        return self._containers.spent

    async def verify(self) -> StoreState:
        """Check that a finished migration is there, and read the documents once.

        Raises CustomerStoreError saying what is missing.
        """
        return await self.describe()

    async def rows(
        self,
        table: Table,
        where: Where | None = None,
        *,
        order: Order | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        wanted = dict(where or {})
        for name in [*wanted, *([order.column] if order else [])]:
            _require_column(name)
        if not _can_be_asked(wanted) or asks_for_nothing(wanted):
            return []
        state = (await self._shape())[table]
        found = [stored_row(item, state.affinities) for item in await self._items(table, wanted, state)]
        kept = [row for row in found if matches(row, wanted, state.affinities)]
        rows = [shown(row) for row in ordered(kept, PRIMARY_KEYS[table], order)]
        return rows if limit is None or limit < 0 else rows[:limit]

    async def search_knowledge(self, query: str, limit: int) -> list[Row]:
        index = await self._index()
        return await asyncio.to_thread(index.search, query, limit)

    async def data_as_of(self) -> date | None:
        return _latest_day(await self._tables())

    async def describe(self) -> StoreState:
        tables = await self._tables()
        place = self._containers.place
        return StoreState(
            source=f"{place} ({place.activity}, {place.directory})",
            writable=self.writable and self._role_allows_writing,
            row_counts={table: tables.tables[table].rows for table in TABLES},
            data_as_of=_latest_day(tables),
            knowledge_ranking=(await self._index()).ranking,
        )

    async def add(self, table: Table, values: Mapping[str, Value]) -> Row:
        self._refuse_unless_writable(table)
        require_held(values)
        async with self._noticing_the_role():
            return await self._writes.add(table, values)

    async def change(self, table: Table, key: int, values: Mapping[str, Value]) -> bool:
        self._refuse_unless_writable(table)
        require_held(values)
        partition = await self._partition_of(table, key)
        if partition is None:
            return False
        async with self._noticing_the_role():
            return await self._writes.change(table, key, partition, values)

    async def close(self) -> None:
        """Close the connections."""
        if self._knowledge:
            self._knowledge.close()
        await self._containers.close()

    def _refuse_unless_writable(self, table: Table) -> None:
        if not self.writable:
            raise ReadOnlyStoreError(f"{table} cannot be changed: the customer store is open read-only")

    @asynccontextmanager
    async def _noticing_the_role(self) -> AsyncIterator[None]:
        """Remember that the role does not allow writing, so that health can say so."""
        try:
            yield
        except ReadOnlyStoreError:
            self._role_allows_writing = False
            raise
        self._role_allows_writing = True

    async def _items(self, table: Table, where: Where, state: TableState) -> list[Item]:
        partitions = await self._owners.partitions(table, route(table, where))
        key = single_key(table, where)
        found = await asyncio.gather(*(self._items_in(table, where, state, p, key) for p in partitions))
        items = [item for several in found for item in several]
        self._owners.learn(table, items)
        return items

    async def _items_in(
        self, table: Table, where: Where, state: TableState, partition: str | None, key: int | None
    ) -> Sequence[Item]:
        which = container_of(table)
        async with self._turns:
            if key is not None and partition is not None:
                item = await self._containers.read(which, row_id(table, key), partition)
                return [item] if item else []
            sql, parameters = query(table, where, state.affinities)
            return await self._containers.query(which, sql, parameters, partition)

    async def _partition_of(self, table: Table, key: int) -> str | None:
        """Where the row of that key is; None when there is none."""
        if table in DIRECTORY_TABLES:
            return table
        if table in LOCATED:
            return await self._owners.owner(table, key)
        where: Where = {PRIMARY_KEYS[table]: key}
        found = await self._items(table, where, (await self._shape())[table])
        return next((str(item.get("customer", UNOWNED)) for item in found), None)

    async def _tables(self) -> StoreTables:
        item = await self._containers.read("directory", TABLES_ID, TABLES_ID)
        return read_tables(item, str(self._containers.place))

    async def _shape(self) -> Mapping[Table, TableState]:
        """The columns of every table, read once: a migrated store does not change its shape."""
        if self._shapes is None:
            self._shapes = (await self._tables()).tables
        return self._shapes

    async def _index(self) -> KnowledgeIndex:
        async with self._indexing:
            if self._knowledge is None:
                documents = await self.rows("KnowledgeDocuments")
                self._knowledge = await asyncio.to_thread(KnowledgeIndex, documents, self._embed)
            return self._knowledge


def _require_column(name: str) -> None:
    if not name.isidentifier():
        raise ValueError(f"not a column name: {name!r}")


def _can_be_asked(where: Where) -> bool:
    """Whether every value can be in a row at all; SQLite cannot even be asked for others."""
    for wanted in where.values():
        values = wanted.parts if isinstance(wanted, Mentions) else wanted
        each = values if isinstance(values, tuple | Between) else (values,)
        if not all(can_be_held(value) for value in each):
            return False
    return True


def _latest_day(tables: StoreTables) -> date | None:
    days = [_day(state.newest) for state in tables.tables.values() if state.newest]
    return max((day for day in days if day), default=None)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None

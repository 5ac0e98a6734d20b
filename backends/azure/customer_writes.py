"""Adds and changes rows so that no two rows share a key and no answer that is lost does damage.

A key is taken by moving `next_key` on under the etag of the item that holds it; every write carries
the id of its operation, so that a request sent twice recognises its own first success.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from uuid import uuid4

from backends.azure.customer_containers import CustomerContainers, MovedError, TakenError
from backends.azure.customer_items import Item, row_id, row_item, shown, stored_row
from backends.azure.customer_owners import Owners
from backends.azure.customer_queries import owner_columns
from backends.azure.customer_tables import TABLES_ID, StoreTables, TableState, container_of, read_tables
from backends.azure.sqlite_values import converted
from casework.customers import CustomerStoreError, Row, Table, Value
from casework.errors import InvalidInputError

_T = TypeVar("_T")

_ATTEMPTS = 24
_FIRST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 0.5


class CustomerWrites:
    """The two writes of the port, over containers and owners that reading shares."""

    def __init__(self, containers: CustomerContainers, owners: Owners) -> None:
        self._containers = containers
        self._owners = owners

    async def add(self, table: Table, values: Mapping[str, Value]) -> Row:
        """Store a row under the next free key and return it."""
        for _ in range(_ATTEMPTS):
            row = await self._take_key(table, values)
            owner = await self._owners.owner_of_row(table, row)
            item = row_item(table, row, owner)
            await self._owners.announce(table, int(item["id"].partition(":")[2]), owner)
            if await self._create(table, item):
                return shown(row)
        raise _too_busy(table)

    async def change(self, table: Table, key: int, partition: str, values: Mapping[str, Value]) -> bool:
        """Overwrite columns of the row in that partition; False when it is not there."""
        fixed = owner_columns(table) & values.keys()
        if fixed:
            raise InvalidInputError(min(fixed), "cannot be changed: it decides whose the row is")
        operation = uuid4().hex

        async def once() -> bool:
            item = await self._containers.read(container_of(table), row_id(table, key), partition)
            if item is None or item.get("operation") == operation:
                return item is not None
            state = (await self._tables())[0].tables[table]
            changed = _overwritten(table, item, state, values, partition)
            await self._containers.replace(
                container_of(table), {**changed, "operation": operation}, str(item["_etag"])
            )
            return True

        return await _until_done(table, once)

    async def _take_key(self, table: Table, values: Mapping[str, Value]) -> Row:
        operation = uuid4().hex

        async def once() -> Row:
            tables, etag = await self._tables()
            taken = tables.key_taken_by(operation)
            state = tables.tables[table]
            if taken is not None:
                return state.model_copy(update={"next_key": taken}).new_row(table, values)
            row = state.new_row(table, values)
            moved_on = tables.with_table(table, state.grown_by(table, row)).with_operation(
                operation, state.next_key
            )
            await self._containers.replace("directory", moved_on.item(), etag)
            return row

        return await _until_done(table, once)

    async def _create(self, table: Table, item: Item) -> bool:
        """Store a new item; False when somebody else has its id."""
        operation = uuid4().hex
        try:
            await self._containers.create(container_of(table), {**item, "operation": operation})
        except TakenError:
            partition = item.get("customer") or item["partition"]
            stored = await self._containers.read(container_of(table), item["id"], partition)
            return stored is not None and stored.get("operation") == operation
        return True

    async def _tables(self) -> tuple[StoreTables, str]:
        item = await self._containers.read("directory", TABLES_ID, TABLES_ID)
        return read_tables(item, str(self._containers.place)), str((item or {}).get("_etag", ""))


async def _until_done(table: Table, once: Callable[[], Awaitable[_T]]) -> _T:
    """Try again, after a random wait that grows, whenever somebody else was first."""
    for attempt in range(_ATTEMPTS):
        try:
            return await once()
        except MovedError:
            longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**attempt)
            await asyncio.sleep(random.uniform(0, longest))
    raise _too_busy(table)


def _overwritten(
    table: Table, item: Item, state: TableState, values: Mapping[str, Value], partition: str
) -> Item:
    unknown = values.keys() - state.affinities.keys()
    if unknown:
        raise CustomerStoreError(f"{table} has no column {', '.join(sorted(unknown))}")
    held = {name: converted(value, state.affinities[name]) for name, value in values.items()}
    return row_item(table, {**stored_row(item, state.affinities), **held}, partition)


def _too_busy(table: Table) -> CustomerStoreError:
    return CustomerStoreError(f"{table} is being changed by too many at once: nothing was stored, try again")

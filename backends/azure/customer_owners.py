"""Knows in which customer's partition things are, and remembers what it was told."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from backends.azure.customer_containers import CustomerContainers
from backends.azure.customer_items import UNOWNED, owner_address, owner_item, owner_of
from backends.azure.customer_queries import LOCATED, PARENTS, Route
from backends.azure.sqlite_values import Stored
from casework.customers import PRIMARY_KEYS, Table

_MAX_REMEMBERED = 50_000
_AT_ONCE = 8


class Owners:
    """The owner of a subscription or an invoice never changes, so an answer is good for ever.

    What has no entry in the directory can only lie among the rows that belong to nobody.
    """

    def __init__(self, containers: CustomerContainers) -> None:
        self._containers = containers
        self._known: dict[tuple[Table, Stored], str] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def partitions(self, table: Table, route: Route) -> list[str | None]:
        """The partitions that a route leads to, each once; None stands for all of them."""
        if route.by == "table":
            return [table]
        if route.by == "customer":
            return list(dict.fromkeys(owner_of(key) for key in route.keys))
        if route.by == "owner_of" and route.table:
            parent = route.table
            return list(dict.fromkeys(await asyncio.gather(*(self.owner(parent, k) for k in route.keys))))
        return [None]

    async def owner(self, table: Table, key: Stored) -> str:
        """The partition of whatever hangs off one subscription or invoice."""
        if not isinstance(key, int):
            return UNOWNED
        if (table, key) not in self._known:
            async with self._turns:
                at = owner_address(table, key)
                item = await self._containers.read("directory", at["id"], at["partition"])
            if item is None:
                return UNOWNED
            self._remember(table, key, item["customer"])
        return self._known[table, key]

    async def owner_of_row(self, table: Table, row: Mapping[str, Stored]) -> str:
        """The partition a new row belongs in."""
        if table in PARENTS:
            parent, column = PARENTS[table]
            return await self.owner(parent, row.get(column))
        return owner_of(row.get("customer_id"))

    async def announce(self, table: Table, key: int, owner: str) -> None:
        """Enter a new subscription or invoice in the directory."""
        if table in LOCATED:
            await self._containers.upsert_all("directory", [owner_item(table, key, owner)])

    def learn(self, table: Table, items: Iterable[Mapping[str, Any]]) -> None:
        """Remember whose the rows are that were just read."""
        if table in LOCATED:
            for item in items:
                self._remember(table, item["data"][PRIMARY_KEYS[table]], item["customer"])

    def _remember(self, table: Table, key: Stored, owner: str) -> None:
        while len(self._known) >= _MAX_REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[table, key] = owner

"""Orders and receipts in Cosmos DB: one document for each action, in a partition of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import HttpResponseError

from backends.action_ledger import ActionLedger, Executor, order_text
from backends.azure.cosmos import Document, Operation, Requests, open_account
from backends.azure.cosmos_containers import actions_definition, verified
from backends.azure.cosmos_trouble import RACES, UNDECIDED, in_words
from backends.cosmos_settings import CosmosSettings
from casework.action import ActionOrder, ActionReceipt
from casework.errors import ConflictError, UnavailableError

ORDER = "order"
TRIES = 5
MOST_UNFINISHED = 1000


class CosmosOrders:
    """`backends.action_ledger.Orders` over one container.

    A write may be refused for what it has itself written, when the first answer was lost. So what is
    there afterwards is read back, and counts.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def intend(self, order: ActionOrder, now: datetime) -> ActionReceipt | None:
        document = {
            "id": ORDER,
            "action_id": order.action_id,
            "case_id": order.case_id,
            "order_text": order_text(order),
            "ordered_at": now.isoformat(),
            "done": False,
            "receipt": "",
        }
        await self._write("intend", ("create", (document,)), order.action_id)
        kept = await self._read(order.action_id)
        if kept["order_text"] != document["order_text"]:
            raise ConflictError(f"{order.action_id} was already ordered with other content")
        return ActionReceipt.model_validate_json(kept["receipt"]) if kept["done"] else None

    async def keep(self, receipt: ActionReceipt) -> ActionReceipt:
        for _ in range(TRIES):
            kept = await self._read(receipt.action_id)
            if kept["done"]:
                return ActionReceipt.model_validate_json(kept["receipt"])
            done = {**kept, "done": True, "receipt": receipt.model_dump_json()}
            change = ("replace", (ORDER, done), {"if_match_etag": kept["_etag"]})
            await self._write("keep", change, receipt.action_id)
        raise UnavailableError(f"the receipt of {receipt.action_id} could not be kept: try again")

    async def unfinished(self) -> tuple[ActionOrder, ...]:
        rows = await self._requests.query(
            "unfinished",
            f"SELECT TOP {MOST_UNFINISHED} VALUE c.order_text FROM c WHERE c.done = false"
            " ORDER BY c.ordered_at",
            {},
        )
        return tuple(map(ActionOrder.model_validate_json, rows))

    async def _write(self, name: str, operation: Operation, action_id: str) -> None:
        """Write, unless somebody else was first. Whether it was done, reading it back tells."""
        try:
            await self._requests.batch(name, [operation], action_id)
        except HttpResponseError as error:
            if error.status_code not in RACES | UNDECIDED:
                raise in_words(error, self._requests.place) from error

    async def _read(self, action_id: str) -> Document:
        kept = await self._requests.read("order", ORDER, action_id)
        if kept is None:
            raise UnavailableError(f"the order {action_id} is not to be read yet: try again")
        return kept


@asynccontextmanager
async def open_action_ledger(
    settings: CosmosSettings,
    clock: Callable[[], datetime],
    executor: Executor | None = None,
    credential: AsyncTokenCredential | None = None,
) -> AsyncIterator[ActionLedger]:
    """The ledger. Raises UnavailableError, saying what to do, when it is not to be had."""
    async with open_account(settings, credential) as client:
        container, _ = await verified(client, settings, actions_definition(settings))
        yield ActionLedger(CosmosOrders(Requests(container, settings)), executor, clock)

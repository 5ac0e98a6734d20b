"""The ledger of actions: what was ordered and what was done, each order once, whatever crashes between."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from casework.action import ActionOrder, ActionReceipt
from casework.canonical import digest


class Executor(Protocol):
    """The system that really acts on accounts. Must honour the order's id as an idempotency key."""

    async def execute(self, order: ActionOrder) -> str:
        """Execute and return its reference. Raises UnavailableError to be asked again later."""


class LedgerOnly:
    """Acts on nothing but the ledger: the record is the action, and others may read it."""

    async def execute(self, order: ActionOrder) -> str:
        return f"ledger:{digest(order.action_id)[:16]}"


class Orders(Protocol):
    """Where orders and receipts are kept. Of two writers of either, the first one counts."""

    async def intend(self, order: ActionOrder, now: datetime) -> ActionReceipt | None:
        """Keep the intent; the receipt when there is one already.

        Raises ConflictError for an id that was used with other content.
        """

    async def keep(self, receipt: ActionReceipt) -> ActionReceipt:
        """Keep the receipt of an order; the one that counts."""

    async def unfinished(self) -> tuple[ActionOrder, ...]:
        """Orders without a receipt, oldest first."""


class ActionLedger:
    """`casework.ports.ActionPort`: the intent is kept before the executor acts, the receipt after.

    A crash between the two leads to the same order with the same id, which the executor must know
    again. The same id with another content is refused: it would hide one action behind another.
    """

    def __init__(self, orders: Orders, executor: Executor | None, clock: Callable[[], datetime]) -> None:
        self._orders = orders
        self._executor = executor or LedgerOnly()
        self._clock = clock

    async def perform(self, order: ActionOrder) -> ActionReceipt:
        """Execute an order, or return the receipt it already has.

        Raises ConflictError for a used id with other content, and what the executor raises.
        """
        known = await self._orders.intend(order, self._clock())
        if known is not None:
            return known
        reference = await self._executor.execute(order)
        receipt = ActionReceipt(
            action_id=order.action_id, step=order.step, executed_at=self._clock(), reference=reference
        )
        return await self._orders.keep(receipt)

    async def unfinished(self) -> tuple[ActionOrder, ...]:
        """Orders without a receipt: asked for, and perhaps done."""
        return await self._orders.unfinished()


def order_text(order: ActionOrder) -> str:
    """An order as it is kept and compared."""
    return json.dumps(order.model_dump(mode="json"), sort_keys=True)

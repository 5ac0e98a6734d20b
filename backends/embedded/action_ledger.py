"""The ledger of actions: what was ordered and what was done, each order once, whatever crashes between."""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from backends.embedded.database import Database, open_database
from casework.action import ActionOrder, ActionReceipt
from casework.canonical import digest
from casework.errors import ConflictError

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    action_id TEXT PRIMARY KEY,
    case_id TEXT NOT NULL,
    order_text TEXT NOT NULL,
    ordered_at TEXT NOT NULL,
    receipt TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS idx_orders_case ON orders (case_id);
"""


class Executor(Protocol):
    """The system that really acts on accounts. Must honour the order's id as an idempotency key."""

    async def execute(self, order: ActionOrder) -> str:
        """Execute and return its reference. Raises UnavailableError to be asked again later."""


class LedgerOnly:
    """Acts on nothing but the ledger: the record is the action, and others may read it."""

    async def execute(self, order: ActionOrder) -> str:
        return f"ledger:{digest(order.action_id)[:16]}"


class ActionLedger:
    """`casework.ports.ActionPort`: intent is on disk before the executor acts, the receipt after.

    A crash between the two leads to the same order with the same id, which the executor must know
    again. The same id with another content is refused: it would hide one action behind another.
    """

    def __init__(self, database: Database, executor: Executor, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._executor = executor
        self._clock = clock

    async def perform(self, order: ActionOrder) -> ActionReceipt:
        """Execute an order, or return the receipt it already has.

        Raises ConflictError for a used id with other content, and what the executor raises.
        """
        now = self._clock()
        known = await self._database.write(lambda db: _intend(db, order, now))
        if known is not None:
            return known
        reference = await self._executor.execute(order)
        receipt = ActionReceipt(
            action_id=order.action_id, step=order.step, executed_at=self._clock(), reference=reference
        )
        return await self._database.write(lambda db: _keep(db, receipt))

    async def unfinished(self) -> tuple[ActionOrder, ...]:
        """Orders without a receipt: asked for, and perhaps done."""
        sql = "SELECT order_text FROM orders WHERE receipt IS NULL ORDER BY ordered_at, action_id"
        rows = await self._database.read(lambda db: db.execute(sql).fetchall())
        return tuple(ActionOrder.model_validate_json(row[0]) for row in rows)


@asynccontextmanager
async def open_action_ledger(
    path: Path, clock: Callable[[], datetime], executor: Executor | None = None
) -> AsyncIterator[ActionLedger]:
    """Open, or create, the ledger at a path. Raises UnavailableError when that is not possible."""
    async with open_database(path, SCHEMA, SCHEMA_VERSION) as database:
        yield ActionLedger(database, executor or LedgerOnly(), clock)


def _intend(db: sqlite3.Connection, order: ActionOrder, now: datetime) -> ActionReceipt | None:
    """Write the intent, or find what came of it. The first writer's content is the order's content."""
    text = json.dumps(order.model_dump(mode="json"), sort_keys=True)
    db.execute(
        "INSERT INTO orders (action_id, case_id, order_text, ordered_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (action_id) DO NOTHING",
        (order.action_id, order.case_id, text, now.isoformat()),
    )
    row = db.execute(
        "SELECT order_text, receipt FROM orders WHERE action_id = ?", (order.action_id,)
    ).fetchone()
    if row["order_text"] != text:
        raise ConflictError(f"{order.action_id} was already ordered with other content")
    return ActionReceipt.model_validate_json(row["receipt"]) if row["receipt"] else None


def _keep(db: sqlite3.Connection, receipt: ActionReceipt) -> ActionReceipt:
    """Keep a receipt; of two, the first one counts."""
    db.execute(
        "UPDATE orders SET receipt = ? WHERE action_id = ? AND receipt IS NULL",
        (receipt.model_dump_json(), receipt.action_id),
    )
    row = db.execute("SELECT receipt FROM orders WHERE action_id = ?", (receipt.action_id,)).fetchone()
    return ActionReceipt.model_validate_json(row["receipt"])

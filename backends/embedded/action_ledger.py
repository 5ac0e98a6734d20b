"""Orders and receipts in SQLite."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from backends.action_ledger import ActionLedger, Executor, order_text
from backends.embedded.database import Database, open_database
from casework.action import ActionOrder, ActionReceipt
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


class SqliteOrders:
    """`backends.action_ledger.Orders` in one file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def intend(self, order: ActionOrder, now: datetime) -> ActionReceipt | None:
        return await self._database.write(lambda db: _intend(db, order, now))

    async def keep(self, receipt: ActionReceipt) -> ActionReceipt:
        return await self._database.write(lambda db: _keep(db, receipt))

    async def unfinished(self) -> tuple[ActionOrder, ...]:
        sql = "SELECT order_text FROM orders WHERE receipt IS NULL ORDER BY ordered_at, action_id"
        rows = await self._database.read(lambda db: db.execute(sql).fetchall())
        return tuple(ActionOrder.model_validate_json(row[0]) for row in rows)


@asynccontextmanager
async def open_action_ledger(
    path: Path, clock: Callable[[], datetime], executor: Executor | None = None
) -> AsyncIterator[ActionLedger]:
    """Open, or create, the ledger at a path. Raises UnavailableError when that is not possible."""
    async with open_database(path, SCHEMA, SCHEMA_VERSION) as database:
        yield ActionLedger(SqliteOrders(database), executor, clock)


def _intend(db: sqlite3.Connection, order: ActionOrder, now: datetime) -> ActionReceipt | None:
    """Write the intent, or find what came of it. The first writer's content is the order's content."""
    text = order_text(order)
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

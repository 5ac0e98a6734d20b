"""A customer database in which every free text of one customer holds instructions, and others are marked."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.guardrails.corpus import Instruction

CANARY = "Canary"
"""Stands in every text about other customers: it must not reach a prompt."""
WHOLE_FIELD = ("first_name", "last_name", "address", "cs_agent")
"""Fields that masking replaces entirely, instructions and all."""
IN_RECORD = ("alert", "feedback", "history")
FIELDS = (
    *WHOLE_FIELD, *IN_RECORD, "loyalty_level", "log", "invoice", "incident", "subject", "ticket", "product",
    "product_description", "knowledge_title", "knowledge",
)  # fmt: skip


def poisoned(field: str, instructions: Sequence[Instruction]) -> str:
    """The text of one field: its name, and every instruction."""
    return f"FIELD {field}: " + " ".join(said.text for said in instructions)


def poison(seeded: Path, target: Path, customer: int, instructions: Sequence[Instruction]) -> list[int]:
    """Write a poisoned copy of a database; returns the customer's subscriptions."""
    shutil.copy(seeded, target)
    with closing(sqlite3.connect(target)) as connection, connection:
        _mark_others(connection, customer)
        text = {field: poisoned(field, instructions) for field in FIELDS}
        mine = [
            row[0]
            for row in connection.execute(
                "SELECT subscription_id FROM Subscriptions WHERE customer_id = ?", (customer,)
            )
        ]
        connection.execute(
            "UPDATE Customers SET first_name = ?, last_name = ?, address = ?, loyalty_level = ?"
            " WHERE customer_id = ?",
            (text["first_name"], text["last_name"], text["address"], text["loyalty_level"], customer),
        )
        connection.execute(
            "UPDATE SecurityLogs SET description = description || ', ' || ? WHERE customer_id = ?",
            (text["log"], customer),
        )
        connection.execute(
            "INSERT INTO SupportTickets (customer_id, subscription_id, opened_at, status, subject,"
            " description, cs_agent) VALUES (?, ?, '2026-11-20 08:00:00', 'open', ?, ?, ?)",
            (customer, mine[0], text["subject"], text["ticket"], text["cs_agent"]),
        )
        connection.execute(
            "INSERT INTO ServiceIncidents (subscription_id, incident_date, description, resolution_status)"
            " VALUES (?, '2026-11-20', ?, 'resolved')",
            (mine[0], text["incident"]),
        )
        connection.execute(
            "INSERT INTO Invoices (subscription_id, invoice_date, amount, description, due_date)"
            " VALUES (?, '2026-11-20', 5, ?, '2026-12-20')",
            (mine[0], text["invoice"]),
        )
        connection.execute(
            "UPDATE Products SET name = ?, description = ?", (text["product"], text["product_description"])
        )
        connection.execute(
            "INSERT INTO Orders (customer_id, product_id, order_date, amount, order_status)"
            " SELECT ?, MIN(product_id), '2026-10-02', 5, 'completed' FROM Products",
            (customer,),
        )
        connection.execute(
            "UPDATE KnowledgeDocuments SET title = title || ' ' || ?, content = content || ' ' || ?",
            (text["knowledge_title"], text["knowledge"]),
        )
    return mine


def _mark_others(connection: sqlite3.Connection, customer: int) -> None:
    connection.execute(
        "UPDATE Customers SET first_name = ? || customer_id, last_name = ?,"
        " email = ? || customer_id || '@x.example'"
        " WHERE customer_id != ?",
        (CANARY, CANARY, CANARY, customer),
    )
    connection.execute(
        "UPDATE SupportTickets SET subject = ?, description = ? WHERE customer_id != ?",
        (CANARY, CANARY, customer),
    )
    connection.execute(
        "UPDATE SecurityLogs SET description = description || ', ' || ? WHERE customer_id != ?",
        (CANARY, customer),
    )

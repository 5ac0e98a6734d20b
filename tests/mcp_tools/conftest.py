"""A small Contoso database with known rows, and tool servers over it: in memory and as a process."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from backends.embedded.customer_store import SqliteCustomerStore
from mcp_tools.app import create_tool_server
from tests.mcp_tools.cosmos import CosmosAccount, cosmos_account

SCHEMA = Path(__file__).parents[2] / "backends" / "embedded" / "contoso_schema.sql"
NOW = datetime(2026, 3, 10, 12, 0, 0)  # noqa: DTZ001  the database writes naive times

ROWS = """
INSERT INTO Customers VALUES
 (1, 'Ada', 'Lind', 'ada@example.com', '+1-206-555-0101', '1 Oak Street', 'Gold'),
 (2, 'Ben', 'Moss', 'ben@example.com', '+1 206 555 0101', '2 Elm Street', 'Silver'),
 (3, 'Cy', 'Nash', NULL, NULL, NULL, 'Bronze');
INSERT INTO Products VALUES
 (1, 'Basic', 'Calls', 'Mobile', 25.0), (2, 'Fiber', 'Broadband', 'Internet', 49.0);
INSERT INTO Subscriptions VALUES
 (1, 1, 1, '2025-01-01', '2027-01-01', 'active', 0, 'normal', '5G', NULL, 1),
 (2, 2, 2, '2025-01-01', '2027-01-01', 'inactive', 1, 'slow', '500 Mbps', 20, 0);
INSERT INTO Invoices VALUES
 (1, 1, '2026-01-05', 25.0, 'Basic, January', '2026-01-19'),
 (2, 1, '2026-02-05', 25.0, 'Basic, February', '2026-02-19');
INSERT INTO Payments VALUES
 (1, 1, '2026-01-10', 25.0, 'credit_card', 'successful'), (2, 2, '2026-02-10', 25.0, 'ach', 'failed'),
 (3, 2, NULL, 5.0, 'ach', 'successful'), (4, 2, '2026-02-12', 5.0, 'ach', 'partial');
INSERT INTO Promotions VALUES
 (1, 1, 'Gold only', '20% off', 'loyalty_level = ''Gold''', '2026-03-01', '2026-04-01', 20),
 (2, 1, 'Everyone', '10% off', 'any customer', '2026-03-01', '2026-04-01', 10),
 (3, 1, 'Over', '30% off', 'any customer', '2026-01-01', '2026-02-01', 30);
INSERT INTO SecurityLogs VALUES
 (1, 1, 'login_attempt', '2026-03-08 09:00:00', 'Failed login from Romania, IP 203.0.113.9, device dev-9'),
 (2, 1, 'account_locked', '2026-03-08 09:05:00', 'Account locked due to multiple failed login attempts'),
 (3, 1, 'login_attempt', '2025-06-01 09:00:00', 'Successful login from USA, IP 192.0.2.1, device dev-1'),
 (4, 2, 'login_attempt', '2026-03-01 09:00:00', 'Successful login from USA, IP 192.0.2.2, device dev-9');
INSERT INTO Orders VALUES
 (1, 1, 1, '2026-02-01', 25.5, 'delivered'), (2, 1, 2, '2026-03-01', 49.0, 'pending'),
 (3, 1, 99, '2026-03-02', 9.0, 'pending');
INSERT INTO SupportTickets VALUES
 (1, 1, 1, 'billing', '2026-02-01 10:00:00', '2026-02-02 10:00:00', 'closed', 'low', 'Bill', 'Why?', 'A'),
 (2, 1, 1, 'account', '2026-03-01 10:00:00', NULL, 'open', 'high', 'E-mail', 'Change it', 'B');
INSERT INTO DataUsage VALUES
 (1, 1, '2026-03-08', 900, 12, 3), (2, 1, '2026-03-10', 1100, 8, 1), (3, 1, '2026-03-09', 1000, 10, 2);
INSERT INTO ServiceIncidents VALUES (1, 1, '2026-02-20', 'Cell outage', 'resolved');
INSERT INTO KnowledgeDocuments VALUES
 (1, 'Invoices', 'guide', 'When an invoice is due and how to pay it.', '[0.0, 0.0]'),
 (2, 'SIM swap fraud', 'procedure', 'A number moved to another SIM, then passwords reset.', '[0.0, 0.0]'),
 (3, 'Roaming', 'guide', 'Passes for travel abroad. A swap of plans is possible.', '[0.0, 0.0]');
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A rollback-journal file with the twelve tables and nothing else."""
    return create(tmp_path / "contoso.db")


def create(path: Path) -> Path:
    """Write the known rows to a new file."""
    with read_write(path) as connection:
        connection.executescript(SCHEMA.read_text("utf-8"))
        connection.executescript(ROWS)
    return path


@pytest.fixture
def store(database: Path) -> Iterator[SqliteCustomerStore]:
    """The database, read-only."""
    opened = SqliteCustomerStore(database)
    yield opened
    opened.close()


@pytest.fixture
async def tools(store: SqliteCustomerStore) -> AsyncIterator[Client[Any]]:
    """A client of a read-only server in this process, at noon on 2026-03-10."""
    async with Client(create_tool_server(store, now=lambda: NOW)) as client:
        yield client


@pytest.fixture
async def writing_tools(database: Path) -> AsyncIterator[Client[Any]]:
    """A client of a server that may write, at noon on 2026-03-10."""
    opened = SqliteCustomerStore(database, writable=True)
    async with Client(create_tool_server(opened, now=lambda: NOW, write_tools=True)) as client:
        yield client
    opened.close()


@dataclass
class ToolProcess:
    """A running `python -m mcp_tools`, with what it said when it was ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def url(self) -> str:
        """Where its MCP endpoint is."""
        return str(self.ready["url"])


StartTools = Callable[..., subprocess.Popen[str]]


@contextmanager
def tool_starter() -> Iterator[StartTools]:
    """Start server processes with settings; whatever still runs is killed afterwards."""
    started: list[subprocess.Popen[str]] = []

    def start(**settings: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "MCP_PORT": "0", **settings}
        process = subprocess.Popen(
            [sys.executable, "-m", "mcp_tools"], env=environment, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.communicate()


@pytest.fixture
def start_tools() -> Iterator[StartTools]:
    """Starts server processes that end with the test."""
    with tool_starter() as start:
        yield start


@pytest.fixture
def tool_process(start_tools: StartTools, database: Path) -> ToolProcess:
    """A ready server process over the database, this test's own."""
    return wait_until_ready(start_tools(DB_PATH=str(database)))


@pytest.fixture(scope="session")
def shared_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolProcess]:
    """A ready read-only server process over the known rows, for tests that only ask."""
    known = create(tmp_path_factory.mktemp("shared") / "contoso.db")
    with tool_starter() as start:
        yield wait_until_ready(start(DB_PATH=str(known)))


def wait_until_ready(process: subprocess.Popen[str]) -> ToolProcess:
    """Read the log up to the line that says where the server listens."""
    assert process.stderr is not None
    for line in process.stderr:
        entry = json.loads(line)
        if entry["event"] == "ready":
            return ToolProcess(process, entry)
    raise AssertionError(f"the server ended with {process.wait()} before it was ready")


@contextmanager
def read_write(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that commits and closes."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CosmosAccount]:
    """A running Cosmos DB account that this process can reach with its managed identity."""
    with cosmos_account(tmp_path_factory.mktemp("account")) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running

"""The server process: health, refusals to start that say what to do, and an orderly end."""

import asyncio
import signal
import socket
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client

from tests.mcp_tools.conftest import wait_until_ready

NO_HANGING = 30


def ended(process: Any) -> tuple[int, str]:
    _, said = process.communicate(timeout=NO_HANGING)
    return process.returncode, said


def move(source: Path, target: Path) -> None:
    source.rename(target)


def test_health_tells_what_is_served(tool_process: Any, database: Path) -> None:
    answer = httpx.get(tool_process.url.replace("/mcp", "/health"))

    assert answer.status_code == 200
    assert answer.json()["tables"]["SecurityLogs"] == 4
    assert {key: answer.json()[key] for key in ("status", "database", "read_only", "data_as_of")} == {
        "status": "healthy",
        "database": str(database),
        "read_only": True,
        "data_as_of": "2026-03-10",
    }
    assert answer.json()["knowledge_search"] == "full_text"


async def test_health_and_tools_recover_when_the_database_goes_and_comes_back(
    tool_process: Any, database: Path
) -> None:
    health = tool_process.url.replace("/mcp", "/health")
    hidden = database.with_suffix(".hidden")
    async with Client(tool_process.url) as client, httpx.AsyncClient() as http:
        move(database, hidden)
        gone = await http.get(health)
        refused = await client.call_tool_mcp("get_products", {})
        move(hidden, database)
        back = await http.get(health)
        served = await client.call_tool_mcp("get_products", {})

    assert (gone.status_code, back.status_code) == (503, 200)
    assert "fraud-console seed" in gone.json()["error"]
    assert refused.is_error and not served.is_error


def test_sigterm_ends_the_server_with_success(tool_process: Any) -> None:
    tool_process.process.send_signal(signal.SIGTERM)

    code, said = ended(tool_process.process)
    assert code == 0
    assert '"stopped"' in said


async def test_calls_that_are_running_at_sigterm_are_answered(tool_process: Any) -> None:
    async with Client(tool_process.url) as client:
        calls = [asyncio.create_task(client.call_tool_mcp("get_all_customers", {})) for _ in range(8)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        tool_process.process.send_signal(signal.SIGTERM)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

    answered = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert answered and not any(outcome.is_error for outcome in answered)
    assert (await asyncio.to_thread(ended, tool_process.process))[0] == 0


def test_a_missing_database_says_how_to_seed_one(start_tools: Any, tmp_path: Path) -> None:
    code, said = ended(start_tools(DB_PATH=str(tmp_path / "none.db")))

    assert code == 1
    assert "fraud-console seed" in said and "none.db" in said
    assert not (tmp_path / "none.db").exists()


def test_a_database_without_the_tables_is_refused_by_name(start_tools: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE Customers (customer_id INTEGER PRIMARY KEY)")
    connection.close()

    code, said = ended(start_tools(DB_PATH=str(other)))

    assert code == 1
    assert "not a Contoso database: no table Products" in said


def test_a_file_that_is_no_database_is_refused(start_tools: Any, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("dear diary " * 100)

    code, said = ended(start_tools(DB_PATH=str(text)))

    assert code == 1
    assert "notes.txt" in said and "Traceback" not in said


def test_a_busy_port_gets_a_sentence(start_tools: Any, database: Path) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = occupied.getsockname()[1]

        code, said = ended(start_tools(DB_PATH=str(database), MCP_PORT=str(port)))

    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in said and "MCP_PORT" in said


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("MCP_PORT", "70000", "a whole number from 0 to 65535"),
        ("MCP_HOST", "0.0.0.0", "127.0.0.1, ::1 or localhost"),
        ("MCP_WRITE_TOOLS", "perhaps", "true or false"),
        ("MCP_LOG_LEVEL", "loud", "debug, info, warning or error"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name_value_and_what_is_allowed(
    start_tools: Any, name: str, value: str, allowed: str
) -> None:
    code, said = ended(start_tools(**{name: value}))

    assert code == 2
    assert f"{name}={value} is not allowed; it may be {allowed}" in said


def test_a_huge_request_is_refused_whole(shared_process: Any) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"padding": " " * 20_000_000}}

    refused = httpx.post(
        shared_process.url, json=call, headers={"accept": "application/json, text/event-stream"}
    )

    assert refused.status_code == 413


def test_beyond_loopback_it_listens_only_when_told_that_the_network_guards_it(
    start_tools: Any, database: Path
) -> None:
    guarded = start_tools(DB_PATH=str(database), MCP_HOST="0.0.0.0", MCP_BEHIND_INTERNAL_INGRESS="true")
    named = start_tools(
        DB_PATH=str(database), MCP_HOST="elsewhere.example", MCP_BEHIND_INTERNAL_INGRESS="true"
    )

    port = wait_until_ready(guarded).url.split(":")[2].removesuffix("/mcp")
    base = f"http://127.0.0.1:{port}"
    assert httpx.get(f"{base}/health", headers={"host": "10.1.2.3:8000"}).status_code == 200
    asked = {"accept": "application/json, text/event-stream", "host": "tools.internal.example"}
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert "get_customer_detail" in httpx.post(f"{base}/mcp", headers=asked, json=listing).text
    from_a_page = {**asked, "origin": "https://evil.example"}
    assert httpx.post(f"{base}/mcp", headers=from_a_page, json=listing).status_code == 403
    code, said = ended(named)
    assert code == 2 and "MCP_HOST=elsewhere.example is not allowed" in said


def test_it_is_alive_although_its_store_is_away(tool_process: Any, database: Path) -> None:
    database.rename(database.with_suffix(".hidden"))

    assert httpx.get(tool_process.url.replace("/mcp", "/health")).status_code == 503
    assert httpx.get(tool_process.url.replace("/mcp", "/alive")).json()["status"] == "alive"


def test_a_page_from_elsewhere_cannot_call_the_tools(shared_process: Any) -> None:
    rebound = httpx.post(shared_process.url, headers={"host": "evil.example"}, json={})

    assert rebound.status_code == 421


def test_a_read_only_folder_is_no_obstacle(start_tools: Any, database: Path) -> None:
    database.chmod(0o444)
    database.parent.chmod(0o555)
    try:
        process = start_tools(DB_PATH=str(database))
        assert process.stderr is not None
        assert '"ready"' in process.stderr.readline()
    finally:
        database.parent.chmod(0o755)

"""The specialists' tools: an allow-list each, one kept session, and errors instead of exceptions."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastmcp import FastMCP

from backends.embedded.analyst import PlaybookAnalyst
from casework.finding import FindingStatus, Specialist
from casework.playbooks.allowed_tools import ALLOWED_TOOLS
from devstack.seed import seed_contoso
from tests.builders import make_alert
from tests.worker.desk import NOW, TODAY, investigated, story_tools
from worker.toolbox import McpTools

WRITES = {"pay_invoice", "create_support_ticket", "update_subscription", "unlock_account"}


def _server(**tools: Any) -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("tools")
    for name, function in tools.items():
        server.tool(function, name=name)
    return server


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class _Announcing(uvicorn.Server):
    """uvicorn that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class Running:
    """A tool server on a port that can be stopped and started again."""

    def __init__(self, server: FastMCP[Any], port: int) -> None:
        app = server.http_app(path="/mcp", stateless_http=True, json_response=True)
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_config=None, access_log=False, ws="none", loop="none"
        )
        self._server = _Announcing(config)
        self._task = asyncio.create_task(self._server.serve())

    async def ready(self) -> "Running":
        async with asyncio.timeout(20):
            await self._server.listening.wait()
        return self

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._task


def _echo(customer_id: int) -> dict[str, int]:
    return {"customer_id": customer_id}


def test_no_specialist_may_write() -> None:
    assert not WRITES & {tool for names in ALLOWED_TOOLS.values() for tool in names}


async def test_a_tool_outside_the_list_is_not_even_asked() -> None:
    asked: list[str] = []

    def unlock_account(customer_id: int) -> str:
        asked.append("x")
        return "done"

    tools = McpTools(_server(unlock_account=unlock_account))
    call = await tools.for_specialist(Specialist.USAGE).call("unlock_account", {"customer_id": 1})
    assert call.error == "unlock_account is not among the tools of this specialist"
    assert asked == []
    await tools.close()


async def test_lists_come_back_as_lists_and_errors_as_text(tmp_path: Path) -> None:
    database = tmp_path / "contoso.db"
    seed_contoso(database, today=TODAY)
    async with story_tools(database) as tools:
        box = tools.for_specialist(Specialist.LOCATION)
        history = await box.call("get_login_history", {"customer_id": 1, "days": 30})
        assert isinstance(history.result, list)
        missing = await box.call("get_customer_detail", {"customer_id": 999_999})
        assert missing.result is None
        assert "Customer 999999 not found" in (missing.error or "")
        empty = await box.call("get_customer_detail", {"customer_id": "x"})
        assert empty.error


async def test_a_call_that_hangs_has_a_deadline() -> None:
    async def get_customer_detail(customer_id: int) -> str:
        await asyncio.sleep(60)
        return "late"

    tools = McpTools(_server(get_customer_detail=get_customer_detail), call_seconds=0.2)
    call = await tools.for_specialist(Specialist.USAGE).call("get_customer_detail", {"customer_id": 1})
    assert "no answer within" in (call.error or "")
    await tools.close()


async def test_a_session_is_kept_and_opened_again_after_the_server_restarted() -> None:
    port = _free_port()
    tools = McpTools(f"http://127.0.0.1:{port}/mcp")
    box = tools.for_specialist(Specialist.USAGE)
    running = await Running(_server(get_customer_detail=_echo), port).ready()
    for customer in (1, 2):
        call = await box.call("get_customer_detail", {"customer_id": customer})
        assert call.result == {"customer_id": customer}
    await running.stop()
    again = await Running(_server(get_customer_detail=_echo), port).ready()
    call = await box.call("get_customer_detail", {"customer_id": 3})
    assert (call.result, call.error) == ({"customer_id": 3}, None)
    assert await tools.ping()
    await tools.close()
    await again.stop()


async def test_without_a_server_every_specialist_is_not_evaluable_and_a_person_must_look() -> None:
    tools = McpTools(f"http://127.0.0.1:{_free_port()}/mcp", patience_seconds=0.2, pause_seconds=60)
    findings, assessment = await investigated(PlaybookAnalyst(), tools, make_alert(detected_at=NOW))
    assert {found.status for found in findings.values()} == {FindingStatus.NOT_EVALUABLE}
    assert assessment.route == "review"
    assert not await tools.ping()
    await tools.close()


@pytest.mark.parametrize("size", [300_000])
async def test_a_result_too_large_to_keep_is_an_error(size: int) -> None:
    tools = McpTools(_server(get_customer_detail=lambda customer_id: {"text": "x" * size}))
    call = await tools.for_specialist(Specialist.USAGE).call("get_customer_detail", {"customer_id": 1})
    assert "longer than" in (call.error or "")
    await tools.close()

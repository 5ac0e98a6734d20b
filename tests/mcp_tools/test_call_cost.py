"""What a call over HTTP does not do."""

from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.utilities.tests import asgi_server

from backends.embedded.customer_store import SqliteCustomerStore
from mcp_tools.app import create_tool_server
from tests.mcp_tools.conftest import NOW


class Asked(Middleware):
    """Writes down every request that reaches the server's handlers."""

    def __init__(self) -> None:
        self.methods: list[str | None] = []

    async def on_request(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        self.methods.append(context.method)
        return await call_next(context)


async def test_a_call_does_not_list_every_tool_first(store: SqliteCustomerStore) -> None:
    server, asked = create_tool_server(store, now=lambda: NOW), Asked()
    server.add_middleware(asked)

    async with (
        asgi_server(server, stateless_http=True, json_response=True) as served,
        served.client() as client,
    ):
        await client.call_tool_mcp("get_customer_detail", {"customer_id": 1})  # the client lists them once
        before = len(asked.methods)
        answer = await client.call_tool_mcp("get_customer_detail", {"customer_id": 2})

    assert not answer.is_error
    assert asked.methods[before:] == ["tools/call"]

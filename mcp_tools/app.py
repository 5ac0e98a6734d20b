"""Builds the tool server: every tool over one customer store, and a health route beside them."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any

from fastmcp import FastMCP
from fastmcp.tools import Tool
from mcp_types import ToolAnnotations
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse

from casework.customers import TABLES, CustomerStore, CustomerStoreError
from mcp_tools.problems import ToolContract
from mcp_tools.tools.accounts import AccountTools
from mcp_tools.tools.billing import BillingTools
from mcp_tools.tools.changes import ChangeTools
from mcp_tools.tools.locations import LocationTools
from mcp_tools.tools.usage import UsageTools

SERVER_NAME = "Contoso Customer API as Tools"
MCP_PATH = "/mcp"

_READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_APPENDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
_OVERWRITES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)


def create_tool_server(
    customers: CustomerStore, *, now: Callable[[], datetime], write_tools: bool = False
) -> FastMCP[Any]:
    """The MCP server over `customers`; the tools that write refuse unless `write_tools`."""
    server: FastMCP[Any] = FastMCP(SERVER_NAME, middleware=[ToolContract()])
    schemas: dict[str, dict[str, Any]] = {}
    for function, annotations in _tools(customers, now, write_tools):
        tool = server.add_tool(Tool.from_function(function, annotations=annotations))
        schemas[tool.name] = tool.parameters
    # Without this the library lists every tool before each call, at half of the call's cost; FastMCP
    # does not pass the option on.
    server._mcp_server.get_tool_input_schema = schemas.get
    server.custom_route("/health", methods=["GET"])(_health_route(customers))
    server.custom_route("/alive", methods=["GET"])(_alive)
    return server


def create_app(server: FastMCP[Any], *, any_host: bool = False) -> Starlette:
    """The server as an ASGI application: streamable HTTP at /mcp, stateless, JSON answers.

    On loopback it answers to loopback's names alone, so that no page can be made to reach it. With `any_host`
    it has whatever name an ingress gives it, and a probe the container's address; pages stay refused.
    """
    return server.http_app(
        path=MCP_PATH,
        stateless_http=True,
        json_response=True,
        host_origin_protection="auto",
        allowed_hosts=["*"] if any_host else None,
        allowed_origins=[] if any_host else None,
    )


def _tools(
    customers: CustomerStore, now: Callable[[], datetime], write_tools: bool
) -> list[tuple[Callable[..., Awaitable[Any]], ToolAnnotations]]:
    accounts = AccountTools(customers)
    usage = UsageTools(customers)
    billing = BillingTools(customers, lambda: _day(now()))
    locations = LocationTools(customers)
    changes = ChangeTools(customers, write_tools, now)
    return [
        (accounts.get_all_customers, _READS),
        (accounts.get_customer_detail, _READS),
        (usage.get_subscription_detail, _READS),
        (billing.get_invoice_payments, _READS),
        (changes.pay_invoice, _APPENDS),
        (usage.get_data_usage, _READS),
        (billing.get_promotions, _READS),
        (billing.get_eligible_promotions, _READS),
        (accounts.search_knowledge_base, _READS),
        (locations.get_security_logs, _READS),
        (billing.get_customer_orders, _READS),
        (accounts.get_support_tickets, _READS),
        (changes.create_support_ticket, _APPENDS),
        (accounts.get_products, _READS),
        (accounts.get_product_detail, _READS),
        (changes.update_subscription, _OVERWRITES),
        (changes.unlock_account, _APPENDS),
        (billing.get_billing_summary, _READS),
        (locations.get_login_history, _READS),
        (locations.get_linked_entities, _READS),
        (accounts.get_account_status, _READS),
    ]


def _day(moment: datetime) -> date:
    return moment.date()


async def _alive(_request: Request) -> JSONResponse:
    """200 as long as the process answers: restarting it would not bring a customer store back."""
    return JSONResponse({"status": "alive", "server": SERVER_NAME})


def _health_route(customers: CustomerStore) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def health(_request: Request) -> JSONResponse:
        """200 when the customer store answers, 503 with the reason when it does not."""
        try:
            state = await customers.describe()
        except CustomerStoreError as error:
            return JSONResponse({"status": "unavailable", "error": str(error)}, status_code=503)
        return JSONResponse(
            {
                "status": "healthy",
                "server": SERVER_NAME,
                "database": state.source,
                "read_only": not state.writable,
                "tables": {table: state.row_counts.get(table) for table in TABLES},
                "data_as_of": state.data_as_of.isoformat() if state.data_as_of else None,
                "knowledge_search": state.knowledge_ranking,
            }
        )

    return health

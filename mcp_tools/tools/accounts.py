"""Who the customer is: profile, subscriptions, products, support tickets, account status."""

from typing import Any

from casework.customers import CustomerStore, Order, Row
from mcp_tools.account_status import account_status
from mcp_tools.problems import ToolProblem
from mcp_tools.tools.arguments import Whole

_SUMMARY_COLUMNS = ("customer_id", "first_name", "last_name", "email", "loyalty_level")


class AccountTools:
    """Look-ups about a customer and the account."""

    def __init__(self, customers: CustomerStore) -> None:
        self._customers = customers

    async def get_all_customers(self) -> list[Row]:
        """List every customer with id, name, email and loyalty level."""
        rows = await self._customers.rows("Customers")
        return [{column: row[column] for column in _SUMMARY_COLUMNS} for row in rows]

    async def get_customer_detail(self, customer_id: Whole) -> Row:
        """Get a customer's full profile, including their subscriptions."""
        customer = await customer_row(self._customers, customer_id)
        subscriptions = await self._customers.rows("Subscriptions", {"customer_id": customer_id})
        return {**customer, "subscriptions": subscriptions}

    async def get_support_tickets(self, customer_id: Whole, open_only: bool = False) -> list[Row]:
        """Get a customer's support tickets; open_only leaves out those that are closed."""
        tickets = await self._customers.rows("SupportTickets", {"customer_id": customer_id})
        return [ticket for ticket in tickets if not (open_only and ticket["status"] == "closed")]

    async def get_products(self, category: str | None = None) -> list[Row]:
        """List the products on offer, or those of one category."""
        return await self._customers.rows("Products", {"category": category} if category else None)

    async def get_product_detail(self, product_id: Whole) -> Row:
        """Get one product."""
        rows = await self._customers.rows("Products", {"product_id": product_id})
        if not rows:
            raise ToolProblem("Product not found")
        return rows[0]

    async def get_account_status(self, customer_id: Whole) -> Row:
        """Tell whether the account is locked or active, since when, and which log rows say so.

        `since` is null when nothing in the log ever locked or unlocked the account. `data_as_of`
        is the day the data ends.
        """
        await customer_row(self._customers, customer_id)
        log = await self._customers.rows(
            "SecurityLogs", {"customer_id": customer_id}, order=Order("event_timestamp", newest_first=True)
        )
        subscriptions = await self._customers.rows("Subscriptions", {"customer_id": customer_id})
        as_of = await self._customers.data_as_of()
        return {
            "customer_id": customer_id,
            **account_status(log),
            "subscriptions": [
                {key: row[key] for key in ("subscription_id", "status", "service_status", "start_date")}
                for row in subscriptions
            ],
            "data_as_of": as_of.isoformat() if as_of else None,
        }

    async def search_knowledge_base(self, query: str, topk: Whole = 3) -> list[Row]:
        """Find policy and procedure documents that match a question, best first."""
        found = await self._customers.search_knowledge(query, min(topk, 100))
        return [{key: row[key] for key in ("title", "doc_type", "content")} for row in found]


async def customer_row(customers: CustomerStore, customer_id: Whole) -> dict[str, Any]:
    """The customer's own row; a ToolProblem when there is no such customer."""
    rows = await customers.rows("Customers", {"customer_id": customer_id})
    if not rows:
        raise ToolProblem(f"Customer {customer_id} not found")
    return rows[0]

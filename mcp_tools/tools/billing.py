"""What the customer ordered, owes and paid, and which promotions apply."""

from collections.abc import Callable
from datetime import date

from casework.customers import CustomerStore, Order, Row
from mcp_tools.problems import ToolProblem
from mcp_tools.tools.arguments import Whole
from mcp_tools.tools.usage import outstanding, payments_of


class BillingTools:
    """Look-ups about money; `today` is the day promotions are compared with."""

    def __init__(self, customers: CustomerStore, today: Callable[[], date]) -> None:
        self._customers = customers
        self._today = today

    async def get_invoice_payments(self, invoice_id: Whole) -> list[Row]:
        """Get the payments recorded on an invoice."""
        return await self._customers.rows("Payments", {"invoice_id": invoice_id})

    async def get_billing_summary(self, customer_id: Whole) -> Row:
        """Get what a customer currently owes, in all and per invoice."""
        subscriptions = await self._customers.rows("Subscriptions", {"customer_id": customer_id})
        ids = tuple(row["subscription_id"] for row in subscriptions)
        invoices = await self._customers.rows("Invoices", {"subscription_id": ids}) if ids else []
        paid_by = await payments_of(self._customers, invoices)
        owed = [
            {"invoice_id": row["invoice_id"], "outstanding": outstanding(row, paid_by[row["invoice_id"]])}
            for row in invoices
        ]
        total_due = float(sum(entry["outstanding"] for entry in owed))
        return {"customer_id": customer_id, "total_due": total_due, "invoices": owed}

    async def get_customer_orders(self, customer_id: Whole) -> list[Row]:
        """Get a customer's orders with product names, newest first."""
        orders = await self._customers.rows(
            "Orders", {"customer_id": customer_id}, order=Order("order_date", newest_first=True)
        )
        products = tuple({row["product_id"] for row in orders})
        known = await self._customers.rows("Products", {"product_id": products}) if products else []
        names = {row["product_id"]: row["name"] for row in known}
        return [
            {
                "order_id": row["order_id"],
                "order_date": row["order_date"],
                "product_name": names[row["product_id"]],
                "amount": row["amount"],
                "order_status": row["order_status"],
            }
            for row in orders
            if row["product_id"] in names
        ]

    async def get_promotions(self) -> list[Row]:
        """List every promotion."""
        return await self._customers.rows("Promotions")

    async def get_eligible_promotions(self, customer_id: Whole) -> list[Row]:
        """Get the promotions a customer may use today, by date and loyalty level."""
        customers = await self._customers.rows("Customers", {"customer_id": customer_id})
        if not customers:
            raise ToolProblem("Customer not found")
        today = self._today().isoformat()
        loyalty = f"loyalty_level = '{customers[0]['loyalty_level']}'"
        return [
            row
            for row in await self._customers.rows("Promotions")
            if (row["start_date"] or "9") <= today <= (row["end_date"] or "")
            and _admits(row["eligibility_criteria"] or "", loyalty)
        ]


def _admits(criteria: str, loyalty: str) -> bool:
    return "loyalty_level" not in criteria or loyalty in criteria

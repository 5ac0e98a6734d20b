"""The tools that write; each refuses unless the server was started with writing allowed."""

from collections.abc import Callable
from datetime import datetime

from casework.customers import CustomerStore, Row, Value, Where
from mcp_tools.problems import ToolProblem
from mcp_tools.tools.arguments import Amount, Whole
from mcp_tools.tools.usage import outstanding


class ChangeTools:
    """Changes to customer data; `now` stamps the rows they write."""

    def __init__(self, customers: CustomerStore, enabled: bool, now: Callable[[], datetime]) -> None:
        self._customers = customers
        self._enabled = enabled
        self._now = now

    async def pay_invoice(self, invoice_id: Whole, amount: Amount, method: str = "credit_card") -> Row:
        """Record a payment on an invoice and return what is still outstanding."""
        self._refuse_unless_enabled("pay_invoice")
        invoices = await self._customers.rows("Invoices", {"invoice_id": invoice_id})
        if not invoices:
            raise ToolProblem("Invoice not found")
        paid_on = self._now().date().isoformat()
        payment: dict[str, Value] = {
            "invoice_id": invoice_id,
            "payment_date": paid_on,
            "amount": amount,
            "method": method,
            "status": "successful",
        }
        await self._customers.add("Payments", payment)
        payments = await self._customers.rows("Payments", {"invoice_id": invoice_id})
        return {"invoice_id": invoice_id, "outstanding": outstanding(invoices[0], payments)}

    async def create_support_ticket(
        self,
        *,
        customer_id: Whole,
        subscription_id: Whole,
        category: str,
        priority: str,
        subject: str,
        description: str,
    ) -> Row:
        """Open a support ticket for a customer and return it."""
        self._refuse_unless_enabled("create_support_ticket")
        ticket: dict[str, Value] = {
            "customer_id": customer_id,
            "subscription_id": subscription_id,
            "category": category,
            "opened_at": self._timestamp(),
            "closed_at": None,
            "status": "open",
            "priority": priority,
            "subject": subject,
            "description": description,
            "cs_agent": "AI_Bot",
        }
        return await self._customers.add("SupportTickets", ticket)

    async def update_subscription(
        self,
        *,
        subscription_id: Whole,
        status: str | None = None,
        service_status: str | None = None,
        product_id: Whole | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        autopay_enabled: int | None = None,
        roaming_enabled: int | None = None,
        speed_tier: str | None = None,
        data_cap_gb: Whole | None = None,
    ) -> Row:
        """Change one or more fields of a subscription; fields left out stay as they are."""
        self._refuse_unless_enabled("update_subscription")
        offered = {
            "status": status,
            "service_status": service_status,
            "product_id": product_id,
            "start_date": start_date,
            "end_date": end_date,
            "autopay_enabled": autopay_enabled,
            "roaming_enabled": roaming_enabled,
            "speed_tier": speed_tier,
            "data_cap_gb": data_cap_gb,
        }
        changes = {name: value for name, value in offered.items() if value is not None}
        if not changes:
            raise ToolProblem("No fields supplied")
        if not await self._customers.change("Subscriptions", subscription_id, changes):
            raise ToolProblem("Subscription not found")
        return {"subscription_id": subscription_id, "updated_fields": list(changes)}

    async def unlock_account(self, customer_id: Whole) -> dict[str, str]:
        """Unlock an account that was locked for security reasons."""
        self._refuse_unless_enabled("unlock_account")
        locked: Where = {"customer_id": customer_id, "event_type": "account_locked"}
        if not await self._customers.rows("SecurityLogs", locked, limit=1):
            raise ToolProblem("No recent lock event; nothing to do.")
        unlocked = {"event_type": "account_unlocked", "description": "Unlocked via API"}
        await self._customers.add(
            "SecurityLogs", {"customer_id": customer_id, "event_timestamp": self._timestamp(), **unlocked}
        )
        return {"message": "Account unlocked"}

    def _timestamp(self) -> str:
        return self._now().strftime("%Y-%m-%d %H:%M:%S")

    def _refuse_unless_enabled(self, tool: str) -> None:
        if not self._enabled:
            raise ToolProblem(
                f"{tool} is disabled: this server is read-only;"
                " set MCP_WRITE_TOOLS=true on the server to enable the tools that write"
            )

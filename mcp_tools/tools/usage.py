"""What the subscription used, and what it is."""

import datetime
import math

from casework.customers import Between, CustomerStore, Row, Where
from mcp_tools.problems import ToolProblem
from mcp_tools.tools.arguments import Whole

_USAGE_COLUMNS = ("usage_date", "data_used_mb", "voice_minutes", "sms_count")
_PRODUCT_COLUMNS = {
    "product_name": "name",
    "product_description": "description",
    "category": "category",
    "monthly_fee": "monthly_fee",
}
_INVOICE_COLUMNS = ("invoice_id", "invoice_date", "amount", "description", "due_date")
_INCIDENT_COLUMNS = ("incident_id", "incident_date", "description", "resolution_status")


class UsageTools:
    """Look-ups about a subscription and its daily usage."""

    def __init__(self, customers: CustomerStore) -> None:
        self._customers = customers

    async def get_subscription_detail(self, subscription_id: Whole) -> Row:
        """Get a subscription with its product, its invoices with payments, and its service incidents."""
        where = {"subscription_id": subscription_id}
        subscriptions = await self._customers.rows("Subscriptions", where)
        if not subscriptions:
            raise ToolProblem("Subscription not found")
        products = await self._customers.rows("Products", {"product_id": subscriptions[0]["product_id"]})
        if not products:
            raise ToolProblem("Subscription not found")
        incidents = await self._customers.rows("ServiceIncidents", where)
        return {
            **subscriptions[0],
            **{name: products[0][column] for name, column in _PRODUCT_COLUMNS.items()},
            "invoices": await self._invoices(subscription_id),
            "service_incidents": [{column: row[column] for column in _INCIDENT_COLUMNS} for row in incidents],
        }

    async def get_data_usage(
        self, subscription_id: Whole, start_date: str, end_date: str, aggregate: bool = False
    ) -> list[Row] | Row:
        """Get a subscription's daily data, voice and SMS usage between two dates (YYYY-MM-DD), both included.

        aggregate gives one row of totals instead.
        """
        _require_day("start_date", start_date)
        _require_day("end_date", end_date)
        where: Where = {"subscription_id": subscription_id, "usage_date": Between(start_date, end_date)}
        rows = await self._customers.rows("DataUsage", where)
        if not aggregate:
            rows.sort(key=lambda row: str(row["usage_date"]))
            return [{column: row[column] for column in _USAGE_COLUMNS} for row in rows]
        return {
            "subscription_id": subscription_id,
            "start_date": start_date,
            "end_date": end_date,
            "total_mb": sum(_number(row, "data_used_mb") for row in rows),
            "total_voice_minutes": sum(_number(row, "voice_minutes") for row in rows),
            "total_sms": sum(_number(row, "sms_count") for row in rows),
        }

    async def _invoices(self, subscription_id: Whole) -> list[Row]:
        invoices = await self._customers.rows("Invoices", {"subscription_id": subscription_id})
        paid_by = await payments_of(self._customers, invoices)
        return [
            {
                **{column: invoice[column] for column in _INVOICE_COLUMNS},
                "payments": paid_by[invoice["invoice_id"]],
                "outstanding": outstanding(invoice, paid_by[invoice["invoice_id"]]),
            }
            for invoice in invoices
        ]


async def payments_of(customers: CustomerStore, invoices: list[Row]) -> dict[int, list[Row]]:
    """The payments made on each of these invoices, by invoice id."""
    paid_by: dict[int, list[Row]] = {invoice["invoice_id"]: [] for invoice in invoices}
    if paid_by:
        for payment in await customers.rows("Payments", {"invoice_id": tuple(paid_by)}):
            paid_by[payment["invoice_id"]].append(payment)
    return paid_by


def outstanding(invoice: Row, payments: list[Row]) -> float:
    """What is still to pay: the amount less successful payments, never below zero."""
    paid = sum(_number(payment, "amount") for payment in payments if payment["status"] == "successful")
    return float(max(_number(invoice, "amount") - paid, 0.0))


def _number(row: Row, column: str) -> float:
    """A column of numbers, nothing counting as zero; a ToolProblem for a text, which adds up to nothing."""
    value = row[column]
    if value is None or (isinstance(value, int | float) and math.isfinite(value)):
        return value or 0
    key = next(iter(row))
    raise ToolProblem(f"{column} of {key} {row[key]} is not a number: {str(value)[:80]!r}")


def _require_day(argument: str, text: str) -> None:
    try:
        datetime.date.fromisoformat(text[:10])
    except ValueError:
        raise ToolProblem(f"{argument}: expected a date as YYYY-MM-DD, got {text[:80]!r}") from None

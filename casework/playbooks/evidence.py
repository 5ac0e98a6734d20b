"""What a specialist's look-ups say about an alert, up to the moment at which the data ends."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from casework.alert import Alert
from casework.finding import ToolCall
from casework.playbooks.typed_rows import (
    InvoiceRow,
    LinkRow,
    LogRow,
    OrderRow,
    TicketRow,
    UsageDay,
    day_in,
    invoice_row,
    link_row,
    log_row,
    order_row,
    record_in,
    records_in,
    ticket_row,
    usage_day,
)

RECENT_DAYS = 3
"""How far back from the end of the data something counts as part of what the alert is about."""
FRESH_DAYS = 3
"""How old the newest data may be before it says nothing about today."""


class Evidence:
    """The results of a specialist's look-ups about one alert, at one moment of the data's clock."""

    def __init__(self, alert: Alert, now: datetime, calls: Sequence[ToolCall]) -> None:
        self.alert = alert
        self.now = now.replace(tzinfo=None)
        self._calls = {call.tool: call for call in calls}

    def failure_of(self, tool: str) -> str | None:
        """Why a tool gave nothing; None when it answered."""
        call = self._calls.get(tool)
        if call is None:
            return "was not asked"
        return call.error

    @cached_property
    def customer(self) -> Mapping[str, Any]:
        return record_in(self._result("get_customer_detail"))

    @cached_property
    def subscription_ids(self) -> tuple[int, ...]:
        found = (row.get("subscription_id") for row in records_in(self.customer.get("subscriptions")))
        return tuple(value for value in found if isinstance(value, int))

    @cached_property
    def customer_since(self) -> date | None:
        starts = [day_in(row.get("start_date")) for row in records_in(self.customer.get("subscriptions"))]
        return min((start for start in starts if start), default=None)

    @cached_property
    def log(self) -> tuple[LogRow, ...]:
        """Security events up to now, oldest first."""
        found = (log_row(row) for row in records_in(self._result("get_login_history")))
        rows = [row for row in found if row is not None and row.at <= self.end]
        return tuple(sorted(rows, key=lambda row: (row.at, row.ref.row_id)))

    @cached_property
    def usage(self) -> tuple[UsageDay, ...]:
        """Daily usage up to now, oldest first."""
        subscription = self.subscription_ids[0] if self.subscription_ids else 0
        found = (usage_day(row, subscription) for row in records_in(self._result("get_data_usage")))
        days = [day for day in found if day is not None and day.day <= self.now.date()]
        return tuple(sorted(days, key=lambda day: day.day))

    @cached_property
    def orders(self) -> tuple[OrderRow, ...]:
        """Orders up to now, oldest first."""
        found = (order_row(row) for row in records_in(self._result("get_customer_orders")))
        rows = [row for row in found if row is not None and row.at <= self.end]
        return tuple(sorted(rows, key=lambda row: (row.at, row.ref.row_id)))

    @cached_property
    def invoices(self) -> tuple[InvoiceRow, ...]:
        """Invoices with their payments, oldest first."""
        detail = record_in(self._result("get_subscription_detail"))
        found = (invoice_row(row) for row in records_in(detail.get("invoices")))
        return tuple(sorted((row for row in found if row is not None), key=lambda row: row.day))

    @cached_property
    def tickets(self) -> tuple[TicketRow, ...]:
        found = (ticket_row(row) for row in records_in(self._result("get_support_tickets")))
        return tuple(sorted((row for row in found if row is not None), key=lambda row: row.opened))

    @cached_property
    def links(self) -> tuple[LinkRow, ...]:
        detail = record_in(self._result("get_linked_entities"))
        found = (link_row(row) for row in records_in(detail.get("links")))
        return tuple(row for row in found if row is not None)

    @cached_property
    def data_as_of(self) -> date | None:
        """The day the data ends, as the tool server says."""
        return day_in(record_in(self._result("get_account_status")).get("data_as_of"))

    @cached_property
    def end(self) -> datetime:
        """The end of the present day: rows after it are not from our time."""
        return datetime.combine(self.now.date(), datetime.max.time())

    @cached_property
    def recent_since(self) -> datetime:
        """Where the recent past begins; older rows say what is usual."""
        last = min(self.now.date(), self.data_as_of or self.now.date())
        return datetime.combine(last - timedelta(days=RECENT_DAYS), datetime.min.time())

    @cached_property
    def recent_log(self) -> tuple[LogRow, ...]:
        return tuple(row for row in self.log if row.at >= self.recent_since)

    @cached_property
    def usual_devices(self) -> frozenset[str]:
        return frozenset(row.device_id for row in self._habit if row.device_id)

    @cached_property
    def usual_countries(self) -> frozenset[str]:
        return frozenset(row.country for row in self._habit if row.country)

    @cached_property
    def usual_addresses(self) -> frozenset[str]:
        return frozenset(row.ip for row in self._habit if row.ip)

    @cached_property
    def _habit(self) -> tuple[LogRow, ...]:
        """Sign-ins that say what is usual: the older ones, or the very first of a new customer."""
        sign_ins = [row for row in self.log if row.signed_in]
        older = tuple(row for row in sign_ins if row.at < self.recent_since)
        return older or tuple(sign_ins[:1])

    def is_stranger(self, row: LogRow) -> bool:
        """Whether an event came from a device the customer never used before."""
        return row.device_id is not None and row.device_id not in self.usual_devices

    def _result(self, tool: str) -> Any:
        call = self._calls.get(tool)
        return call.result if call is not None and call.error is None else None

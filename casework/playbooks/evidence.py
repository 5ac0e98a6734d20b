"""What the tools returned, as typed rows that know where they came from. Nothing is guessed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from casework.alert import Alert
from casework.finding import RowRef, ToolCall

RECENT_DAYS = 3
"""How far back from the end of the data something counts as part of what the alert is about."""
FRESH_DAYS = 3
"""How old the newest data may be before it says nothing about today."""

SIGN_INS = frozenset({"login_attempt", "login"})


@dataclass(frozen=True, slots=True)
class LogRow:
    """One security event; parts that the log does not say are None."""

    ref: RowRef
    at: datetime
    event_type: str
    success: bool | None
    country: str | None
    ip: str | None
    device_id: str | None
    card_id: str | None
    channel: str | None

    @property
    def signed_in(self) -> bool:
        return self.event_type in SIGN_INS and self.success is True

    @property
    def failed(self) -> bool:
        return self.event_type in SIGN_INS and self.success is False

    @property
    def unread(self) -> bool:
        """A sign-in of which the log does not say how it ended."""
        return self.event_type in SIGN_INS and self.success is None


@dataclass(frozen=True, slots=True)
class UsageDay:
    """One day of a subscription's usage."""

    ref: RowRef
    day: date
    megabytes: float
    voice_minutes: float


@dataclass(frozen=True, slots=True)
class OrderRow:
    ref: RowRef
    at: datetime
    product: str
    amount: float
    status: str


@dataclass(frozen=True, slots=True)
class PaymentRow:
    ref: RowRef
    day: date | None
    amount: float
    status: str


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    ref: RowRef
    day: date
    amount: float
    payments: tuple[PaymentRow, ...]


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A support ticket without its words: those are the customer's, and no evidence."""

    ref: RowRef
    opened: datetime
    category: str
    priority: str
    status: str


@dataclass(frozen=True, slots=True)
class LinkRow:
    """Another customer who shares something with this one."""

    customer_id: int
    shared: frozenset[str]
    refs: tuple[RowRef, ...]


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
        return _mapping(self._result("get_customer_detail"))

    @cached_property
    def subscription_ids(self) -> tuple[int, ...]:
        found = (row.get("subscription_id") for row in _rows(self.customer.get("subscriptions")))
        return tuple(value for value in found if isinstance(value, int))

    @cached_property
    def customer_since(self) -> date | None:
        starts = [_day(row.get("start_date")) for row in _rows(self.customer.get("subscriptions"))]
        return min((start for start in starts if start), default=None)

    @cached_property
    def log(self) -> tuple[LogRow, ...]:
        """Security events up to now, oldest first."""
        found = (_log_row(row) for row in _rows(self._result("get_login_history")))
        rows = [row for row in found if row is not None and row.at <= self.end]
        return tuple(sorted(rows, key=lambda row: (row.at, row.ref.row_id)))

    @cached_property
    def usage(self) -> tuple[UsageDay, ...]:
        """Daily usage up to now, oldest first."""
        subscription = self.subscription_ids[0] if self.subscription_ids else 0
        found = (_usage_day(row, subscription) for row in _rows(self._result("get_data_usage")))
        days = [day for day in found if day is not None and day.day <= self.now.date()]
        return tuple(sorted(days, key=lambda day: day.day))

    @cached_property
    def orders(self) -> tuple[OrderRow, ...]:
        """Orders up to now, oldest first."""
        found = (_order_row(row) for row in _rows(self._result("get_customer_orders")))
        rows = [row for row in found if row is not None and row.at <= self.end]
        return tuple(sorted(rows, key=lambda row: (row.at, row.ref.row_id)))

    @cached_property
    def invoices(self) -> tuple[InvoiceRow, ...]:
        """Invoices with their payments, oldest first."""
        detail = _mapping(self._result("get_subscription_detail"))
        found = (_invoice_row(row) for row in _rows(detail.get("invoices")))
        return tuple(sorted((row for row in found if row is not None), key=lambda row: row.day))

    @cached_property
    def tickets(self) -> tuple[TicketRow, ...]:
        found = (_ticket_row(row) for row in _rows(self._result("get_support_tickets")))
        return tuple(sorted((row for row in found if row is not None), key=lambda row: row.opened))

    @cached_property
    def links(self) -> tuple[LinkRow, ...]:
        detail = _mapping(self._result("get_linked_entities"))
        found = (_link_row(row) for row in _rows(detail.get("links")))
        return tuple(row for row in found if row is not None)

    @cached_property
    def data_as_of(self) -> date | None:
        """The day the data ends, as the tool server says."""
        return _day(_mapping(self._result("get_account_status")).get("data_as_of"))

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


def refs(
    rows: Iterable[LogRow | UsageDay | OrderRow | PaymentRow | InvoiceRow | TicketRow],
) -> tuple[RowRef, ...]:
    """Where rows came from, each once."""
    return tuple(dict.fromkeys(row.ref for row in rows))


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _log_row(row: Mapping[str, Any]) -> LogRow | None:
    at, key = _moment(row.get("event_timestamp")), row.get("log_id")
    if at is None or not isinstance(key, int):
        return None
    return LogRow(
        ref=RowRef(table="SecurityLogs", row_id=key),
        at=at,
        event_type=str(row.get("event_type") or ""),
        success=row.get("success") if isinstance(row.get("success"), bool) else None,
        country=_text(row.get("country")),
        ip=_text(row.get("ip")),
        device_id=_text(row.get("device_id")),
        card_id=_text(row.get("card_id")),
        channel=_text(row.get("channel")),
    )


def _usage_day(row: Mapping[str, Any], subscription: int) -> UsageDay | None:
    day, used = _day(row.get("usage_date")), row.get("data_used_mb")
    if day is None or not isinstance(used, int | float):
        return None  # a day without a number is not a day without usage
    return UsageDay(
        ref=RowRef(table="DataUsage", row_id=f"{subscription}:{day.isoformat()}"),
        day=day,
        megabytes=_number(used),
        voice_minutes=_number(row.get("voice_minutes")),
    )


def _order_row(row: Mapping[str, Any]) -> OrderRow | None:
    at, key = _moment(row.get("order_date")), row.get("order_id")
    if at is None or not isinstance(key, int):
        return None
    return OrderRow(
        ref=RowRef(table="Orders", row_id=key),
        at=at,
        product=str(row.get("product_name") or ""),
        amount=_number(row.get("amount")),
        status=str(row.get("order_status") or ""),
    )


def _invoice_row(row: Mapping[str, Any]) -> InvoiceRow | None:
    day, key = _day(row.get("invoice_date")), row.get("invoice_id")
    if day is None or not isinstance(key, int):
        return None
    payments = tuple(
        PaymentRow(
            ref=RowRef(table="Payments", row_id=payment["payment_id"]),
            day=_day(payment.get("payment_date")),
            amount=_number(payment.get("amount")),
            status=str(payment.get("status") or ""),
        )
        for payment in _rows(row.get("payments"))
        if isinstance(payment.get("payment_id"), int)
    )
    return InvoiceRow(RowRef(table="Invoices", row_id=key), day, _number(row.get("amount")), payments)


def _ticket_row(row: Mapping[str, Any]) -> TicketRow | None:
    opened, key = _moment(row.get("opened_at")), row.get("ticket_id")
    if opened is None or not isinstance(key, int):
        return None
    return TicketRow(
        ref=RowRef(table="SupportTickets", row_id=key),
        opened=opened,
        category=str(row.get("category") or ""),
        priority=str(row.get("priority") or ""),
        status=str(row.get("status") or ""),
    )


def _link_row(row: Mapping[str, Any]) -> LinkRow | None:
    other = row.get("customer_id")
    common = _rows(row.get("in_common"))
    if not isinstance(other, int) or not common:
        return None
    found = [
        RowRef(table=str(cited["table"]), row_id=cited["row_id"])
        for part in common
        for cited in _rows(part.get("evidence"))
        if "table" in cited and isinstance(cited.get("row_id"), int)
    ]
    return LinkRow(other, frozenset(str(part.get("shared")) for part in common), tuple(dict.fromkeys(found)))


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).replace(tzinfo=None)
    except ValueError:
        return None


def _day(value: Any) -> date | None:
    moment = _moment(value)
    return moment.date() if moment else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

"""Rows as the tools return them, read into types. Nothing is guessed: a row that says too little is none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from casework.finding import RowRef
from casework.lookups import number_of, rows_in

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


def refs(
    rows: Iterable[LogRow | UsageDay | OrderRow | PaymentRow | InvoiceRow | TicketRow],
) -> tuple[RowRef, ...]:
    """Where rows came from, each once."""
    return tuple(dict.fromkeys(row.ref for row in rows))


def records_in(value: Any) -> list[dict[str, Any]]:
    """The records of a list; none when it is not one."""
    return rows_in(value) or []


def record_in(value: Any) -> dict[str, Any]:
    """A record; an empty one when it is not one."""
    return value if isinstance(value, dict) else {}


def log_row(row: Mapping[str, Any]) -> LogRow | None:
    """A security event; None without a time or a key, as for every reader below."""
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


def usage_day(row: Mapping[str, Any], subscription: int) -> UsageDay | None:
    day, used = day_in(row.get("usage_date")), row.get("data_used_mb")
    if day is None or not isinstance(used, int | float):
        return None  # a day without a number is not a day without usage
    return UsageDay(
        ref=RowRef(table="DataUsage", row_id=f"{subscription}:{day.isoformat()}"),
        day=day,
        megabytes=_number(used),
        voice_minutes=_number(row.get("voice_minutes")),
    )


def order_row(row: Mapping[str, Any]) -> OrderRow | None:
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


def invoice_row(row: Mapping[str, Any]) -> InvoiceRow | None:
    day, key = day_in(row.get("invoice_date")), row.get("invoice_id")
    if day is None or not isinstance(key, int):
        return None
    payments = tuple(
        PaymentRow(
            ref=RowRef(table="Payments", row_id=payment["payment_id"]),
            day=day_in(payment.get("payment_date")),
            amount=_number(payment.get("amount")),
            status=str(payment.get("status") or ""),
        )
        for payment in records_in(row.get("payments"))
        if isinstance(payment.get("payment_id"), int)
    )
    return InvoiceRow(RowRef(table="Invoices", row_id=key), day, _number(row.get("amount")), payments)


def ticket_row(row: Mapping[str, Any]) -> TicketRow | None:
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


def link_row(row: Mapping[str, Any]) -> LinkRow | None:
    other = row.get("customer_id")
    common = records_in(row.get("in_common"))
    if not isinstance(other, int) or not common:
        return None
    found = [
        RowRef(table=str(cited["table"]), row_id=cited["row_id"])
        for part in common
        for cited in records_in(part.get("evidence"))
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


def day_in(value: Any) -> date | None:
    """The day of a timestamp; None when it is none."""
    moment = _moment(value)
    return moment.date() if moment else None


def _number(value: Any) -> float:
    return number_of(value) or 0.0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

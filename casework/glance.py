"""A customer at a glance, from what the specialists looked up: part of the record, so it costs no call."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from casework.alert import Frozen
from casework.finding import Finding
from casework.lookups import Lookups, day_of, number_of, rows_in
from casework.playbooks.typed_rows import SIGN_INS

DAYS = 30
MONTHS = 12


class Series(Frozen):
    """A figure per day or month, oldest first, ending at `last`; None where nothing is recorded.

    `missing` says in words why there are no values; it is empty when there are some.
    """

    name: str
    unit: str
    per: str
    last: date | None = None
    values: tuple[float | None, ...] = ()
    missing: str = ""


class Glance(Frozen):
    """Who the customer is and how they lately behaved; fields nobody looked up are None."""

    customer_id: int
    name: str | None = None
    loyalty: str | None = None
    since: date | None = None
    subscriptions: int | None = None
    account: str | None = None
    account_since: str | None = None
    owes: float | None = None
    open_tickets: int | None = None
    data_as_of: date | None = None
    series: tuple[Series, ...] = ()


def glance(customer_id: int, findings: Iterable[Finding]) -> Glance:
    """What the tool results of a case say about its customer."""
    found = Lookups(findings)
    status = found.mapping("get_account_status")
    as_of = day_of(status.get("data_as_of"))
    return Glance(
        customer_id=customer_id,
        **_profile(found.mapping("get_customer_detail")),
        account=_text(status.get("status")),
        account_since=_text(status.get("since")),
        owes=number_of(found.mapping("get_billing_summary").get("total_due")),
        open_tickets=_open_tickets(found.rows("get_support_tickets")),
        data_as_of=as_of,
        series=(_usage(found, as_of), _spend(found, as_of), *_logins(found, as_of)),
    )


def _profile(detail: Mapping[str, Any]) -> dict[str, Any]:
    subscriptions = rows_in(detail.get("subscriptions"))
    starts = [day for row in subscriptions or () if (day := day_of(row.get("start_date")))]
    names = [_text(detail.get(part)) for part in ("first_name", "last_name")]
    return {
        "name": " ".join(name for name in names if name) or None,
        "loyalty": _text(detail.get("loyalty_level")),
        "since": min(starts, default=None),
        "subscriptions": None if subscriptions is None else len(subscriptions),
    }


def _open_tickets(tickets: list[dict[str, Any]] | None) -> int | None:
    return None if tickets is None else sum(row.get("status") != "closed" for row in tickets)


def _usage(found: Lookups, as_of: date | None) -> Series:
    """Data used per day; a day without a record is a gap, for it is not a day without usage."""
    by_day: dict[date, float] = {}
    for call in found.answers("get_data_usage"):
        for row in rows_in(call.result) or ():
            day, used = day_of(row.get("usage_date")), number_of(row.get("data_used_mb"))
            if day is not None and used is not None:
                by_day.setdefault(day, used)
    shape = Series(name="usage", unit="MB", per="day")
    if not by_day:
        missing = found.missing("get_data_usage") or "no usage is recorded"
        return shape.model_copy(update={"missing": missing})
    last = max([*by_day, *([as_of] if as_of else [])])
    values = tuple(by_day.get(last - timedelta(days=back)) for back in range(DAYS - 1, -1, -1))
    return shape.model_copy(update={"last": last, "values": values})


def _spend(found: Lookups, as_of: date | None) -> Series:
    """What was ordered per month; a month without an order is zero, for all orders were listed."""
    shape = Series(name="spend", unit="", per="month")
    orders = found.rows("get_customer_orders")
    dated = [
        (day, amount)
        for row in orders or ()
        if (day := day_of(row.get("order_date"))) and (amount := number_of(row.get("amount"))) is not None
    ]
    if not dated:
        return shape.model_copy(update={"missing": found.missing("get_customer_orders") or "no orders"})
    by_month: dict[int, float] = {}
    for day, amount in dated:
        by_month[_month(day)] = by_month.get(_month(day), 0.0) + amount
    last = max([*(day for day, _ in dated), *([as_of] if as_of else [])])
    values = tuple(by_month.get(_month(last) - back, 0.0) for back in range(MONTHS - 1, -1, -1))
    return shape.model_copy(update={"last": last, "values": values})


def _logins(found: Lookups, as_of: date | None) -> tuple[Series, ...]:
    """Sign-ins and failed sign-ins per day, over the days that were asked for at most."""
    call = next(iter(found.answers("get_login_history")), None)
    log = rows_in(call.result) if call else None
    shapes = (Series(name="logins", unit="", per="day"), Series(name="failed", unit="", per="day"))
    if call is None or log is None:
        missing = {"missing": found.missing("get_login_history") or "not in a form that can be read"}
        return (shapes[0].model_copy(update=missing),)
    sign_ins = [(day_of(row.get("event_timestamp")), row) for row in log if row.get("event_type") in SIGN_INS]
    days = [day for day, _ in sign_ins if day]
    if not days:
        return (shapes[0].model_copy(update={"missing": "no sign-in is recorded"}),)
    last = max([*days, *([as_of] if as_of else [])])
    asked = call.arguments.get("days")
    length = min(DAYS, asked) if isinstance(asked, int) and asked > 0 else DAYS
    good = Counter(day for day, row in sign_ins if row.get("success") is True)
    bad = Counter(day for day, row in sign_ins if row.get("success") is False)
    return tuple(
        shape.model_copy(update={"last": last, "values": _per_day(counted, last, length)})
        for shape, counted in zip(shapes, (good, bad), strict=True)
    )


def _per_day(counted: Counter[date | None], last: date, length: int) -> tuple[float, ...]:
    return tuple(float(counted[last - timedelta(days=back)]) for back in range(length - 1, -1, -1))


def _month(day: date) -> int:
    return day.year * 12 + day.month


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

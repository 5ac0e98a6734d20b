"""A customer at a glance, from what the specialists looked up: part of the record, so it costs no call."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from casework.alert import Frozen
from casework.finding import Finding
from casework.lookups import Lookups, day_of, number_of, rows_in
from casework.playbooks.typed_rows import SIGN_INS

DAYS = 30
MONTHS = 12
UNREADABLE = "not in a form that can be read"
_BY_NAME = {
    **dict.fromkeys(("login_failed", "failed_login", "login_failure"), False),
    **dict.fromkeys(("login_success", "login_succeeded"), True),
}
"""Kinds of log row whose name alone says how a sign-in ended."""


class Series(Frozen):
    """A figure per day or month, oldest first, ending at `last`; None where nothing is recorded.

    `missing` says in words why there are no values; it is empty when there are some. `left_out` says which
    rows are not among them although they were looked up.
    """

    name: str
    unit: str
    per: str
    last: date | None = None
    values: tuple[float | None, ...] = ()
    missing: str = ""
    left_out: str = ""


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
    shape = Series(name="usage", unit="MB", per="day")
    lists = [call.result for call in found.answers("get_data_usage") if isinstance(call.result, list)]
    by_day: dict[date, float] = {}
    read, rows = 0, sum(len(result) for result in lists)
    for row in (row for result in lists for row in rows_in(result) or ()):
        day, used = day_of(row.get("usage_date")), number_of(row.get("data_used_mb"))
        if day is not None and used is not None:
            by_day.setdefault(day, used)
            read += 1
    left_out = _unread(rows, rows - read, "a date and a figure")
    if not by_day:
        missing = found.missing("get_data_usage") or (UNREADABLE if not lists else "")
        return shape.model_copy(update={"missing": missing or left_out or "no usage is recorded"})
    last = max([*by_day, *([as_of] if as_of else [])])
    values = tuple(by_day.get(last - timedelta(days=back)) for back in range(DAYS - 1, -1, -1))
    return shape.model_copy(update={"last": last, "values": values, "left_out": left_out})


def _spend(found: Lookups, as_of: date | None) -> Series:
    """What was ordered per month; a month without an order is zero, for all orders were listed."""
    shape = Series(name="spend", unit="", per="month")
    orders = _latest_list(found, "get_customer_orders")
    if orders is None:
        return shape.model_copy(update={"missing": found.missing("get_customer_orders") or UNREADABLE})
    dated = [
        (day, amount)
        for row in rows_in(orders) or ()
        if (day := day_of(row.get("order_date"))) and (amount := number_of(row.get("amount"))) is not None
    ]
    left_out = _unread(len(orders), len(orders) - len(dated), "a date and an amount")
    if not dated:
        return shape.model_copy(update={"missing": left_out or "no orders"})
    by_month: dict[int, float] = {}
    for day, amount in dated:
        by_month[_month(day)] = by_month.get(_month(day), 0.0) + amount
    last = max([*(day for day, _ in dated), *([as_of] if as_of else [])])
    values = tuple(by_month.get(_month(last) - back, 0.0) for back in range(MONTHS - 1, -1, -1))
    return shape.model_copy(update={"last": last, "values": values, "left_out": left_out})


def _logins(found: Lookups, as_of: date | None) -> tuple[Series, ...]:
    """Sign-ins and failed sign-ins per day, over the days that were asked for at most."""
    shapes = (Series(name="logins", unit="", per="day"), Series(name="failed", unit="", per="day"))
    call = next(iter(found.answers("get_login_history")), None)
    if call is None or not isinstance(call.result, list):
        missing = {"missing": found.missing("get_login_history") or UNREADABLE}
        return (shapes[0].model_copy(update=missing),)
    log = rows_in(call.result) or []
    ended = [(_ended_well(row), row) for row in log if _is_sign_in(row)]
    dated = [(day, well) for well, row in ended if (day := day_of(row.get("event_timestamp")))]
    known = [(day, well) for day, well in dated if well is not None]
    left_out = _left_out_sign_ins(len(ended) - len(dated), len(dated) - len(known))
    if not known:
        told = _no_sign_in(len(call.result), [well for well, _ in ended], len(ended) - len(dated))
        return (shapes[0].model_copy(update={"missing": told}),)
    last = max([*(day for day, _ in known), *([as_of] if as_of else [])])
    asked = call.arguments.get("days")
    length = min(DAYS, asked) if isinstance(asked, int) and asked > 0 else DAYS
    good = Counter(day for day, well in known if well)
    bad = Counter(day for day, well in known if not well)
    drawn = ((shapes[0], good, left_out), (shapes[1], bad, ""))
    return tuple(
        shape.model_copy(
            update={"last": last, "values": _per_day(counted, last, length), "left_out": not_among}
        )
        for shape, counted, not_among in drawn
    )


def _is_sign_in(row: Mapping[str, Any]) -> bool:
    kind = row.get("event_type")
    return isinstance(kind, str) and (kind in SIGN_INS or kind in _BY_NAME)


def _ended_well(row: Mapping[str, Any]) -> bool | None:
    """Whether a sign-in succeeded, by what its kind says or else by its own word; None when neither says."""
    success = row.get("success")
    by_name = _BY_NAME.get(str(row.get("event_type")))
    return by_name if by_name is not None else success if isinstance(success, bool) else None


def _left_out_sign_ins(undated: int, unknown: int) -> str:
    told = ((undated, "without a date"), (unknown, "of unknown result"))
    return ", ".join(f"{count} more {why}" for count, why in told if count)


def _no_sign_in(rows: int, ended: Sequence[bool | None], undated: int) -> str:
    """What there is where no sign-in can be counted per day: never that there is none when rows were read."""
    if not rows:
        return "no sign-in is recorded"
    if not ended:
        return f"{_counted(rows, 'row')}, none of a known kind of sign-in"
    failed = sum(well is False for well in ended)
    of_them = f", {failed} of them failed" if failed else ""
    why = "none with a date" if undated == len(ended) else "none with a date and how it ended"
    return f"{_counted(len(ended), 'sign-in')}{of_them}, {why}"


def _unread(rows: int, unread: int, needed: str) -> str:
    """That rows were looked up which lack what is needed to be shown; nothing when there are none."""
    if not unread:
        return ""
    return (
        f"{_counted(rows, 'row')}, none with {needed}"
        if unread == rows
        else f"{unread} more without {needed}"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _latest_list(found: Lookups, tool: str) -> list[Any] | None:
    """The latest answer of a tool as the list it is, whatever its rows are; None when it is no list."""
    return next((call.result for call in found.answers(tool) if isinstance(call.result, list)), None)


def _per_day(counted: Counter[date], last: date, length: int) -> tuple[float, ...]:
    return tuple(float(counted[last - timedelta(days=back)]) for back in range(length - 1, -1, -1))


def _month(day: date) -> int:
    return day.year * 12 + day.month


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

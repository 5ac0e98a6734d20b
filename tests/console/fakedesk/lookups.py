"""A customer as the tools would show them: usage, orders, sign-ins, links, and telemetry behind an alert."""

from datetime import date, timedelta

from pydantic import JsonValue

from casework.finding import ToolCall
from casework.telemetry import TELEMETRY, Telemetry

LAST = date(2026, 1, 5)
WEEK = 7
SIGN_INS = (
    ("09:31", True, "Germany", "84.118.20.7", "home line"),
    ("09:50", False, "Romania", "185.220.101.1", "anonymiser"),
    ("09:52", False, "Romania", "185.220.101.2", "anonymiser"),
    ("09:54", False, "Romania", "185.220.101.3", "anonymiser"),
    ("09:57", False, "Romania", "185.220.101.4", "anonymiser"),
    ("09:58", True, "Romania", "185.220.101.4", "anonymiser"),
)
"""What happened to every customer here on the last day: log rows 40 to 45. The findings speak of them."""


Answers = dict[str, tuple[dict[str, JsonValue], JsonValue]]
"""By tool: what it was asked and what it answered."""


def first_answers(customer_id: int, text: str = "") -> Answers:
    """What the specialists look up for every case: the last week, and the money."""
    asked: dict[str, JsonValue] = {"customer_id": customer_id}
    return {
        "get_data_usage": ({"subscription_id": 9}, _usage()[-WEEK:]),
        "get_login_history": ({**asked, "days": WEEK}, _sign_ins(text)),
        "get_security_logs": (asked, _sign_ins(text)),
        "get_billing_summary": (asked, {"customer_id": customer_id, "total_due": 149.9, "invoices": []}),
        "get_customer_orders": (asked, _orders()),
    }


def customer_calls(customer_id: int, text: str = "") -> tuple[ToolCall, ...]:
    """What looking a customer up from all sides returns; `text` stands in for every word from outside."""
    asked: dict[str, JsonValue] = {"customer_id": customer_id}
    results: Answers = {
        "get_customer_detail": (asked, _profile(customer_id, text)),
        "get_account_status": (
            asked,
            {"status": text or "active", "since": "2025-11-02 08:00:00", "data_as_of": LAST.isoformat()},
        ),
        "get_billing_summary": (asked, {"customer_id": customer_id, "total_due": 149.9, "invoices": []}),
        "get_data_usage": ({"subscription_id": 9}, _usage()),
        "get_customer_orders": (asked, _orders()),
        "get_login_history": ({**asked, "days": 400}, _logins(text)),
        "get_linked_entities": (asked, _links(customer_id, text)),
    }
    return tuple(
        ToolCall(call_id=f"all:{tool}", tool=tool, arguments=arguments, result=result, duration_ms=9)
        for tool, (arguments, result) in results.items()
    )


def _profile(customer_id: int, text: str) -> JsonValue:
    return {
        "customer_id": customer_id,
        "first_name": text or "Anna",
        "last_name": text or "Schmidt",
        "loyalty_level": text or "Gold",
        "subscriptions": [{"subscription_id": 9, "start_date": "2021-03-01", "status": "active"}],
    }


def _usage() -> list[JsonValue]:
    days = [LAST - timedelta(days=back) for back in range(40) if back != 6]
    return [
        {"usage_date": day.isoformat(), "data_used_mb": 9200 if day > LAST - timedelta(days=2) else 700}
        for day in reversed(days)
    ]


def _orders() -> JsonValue:
    return [
        {"order_id": number, "order_date": f"2025-{month:02}-11 09:00:00", "amount": amount}
        for number, (month, amount) in enumerate(((5, 40.0), (8, 65.5), (12, 980.0)), start=1)
    ]


def _sign_ins(text: str) -> list[JsonValue]:
    return [
        {
            "log_id": number,
            "event_type": "login_attempt",
            "success": success,
            "country": text or country,
            "ip": ip,
            "network": network,
            "event_timestamp": f"{LAST} {clock}:00",
        }
        for number, (clock, success, country, ip, network) in enumerate(SIGN_INS, start=40)
    ]


def _logins(text: str) -> JsonValue:
    rows = _sign_ins(text)
    for back in range(1, 30):
        for number in range(1 + (back * 7) % 3):
            rows.append(
                {
                    "log_id": 1000 + back * 20 + number,
                    "event_timestamp": f"{LAST - timedelta(days=back)} 10:0{number}:00",
                    "event_type": "login_attempt",
                    "success": True,
                    "country": text or "Germany",
                }
            )
    return rows


def _links(customer_id: int, text: str) -> JsonValue:
    def common(kind: str, value: str, other: int) -> JsonValue:
        row: JsonValue = {"table": "SecurityLogs", "row_id": 500 + other}
        return {"shared": text or kind, "value": text or value, "evidence": [row]}

    near, far = customer_id + 1, customer_id + 2
    return {
        "customer_id": customer_id,
        "links": [
            {
                "customer_id": near,
                "in_common": [common("device", "DEV-88F1", near), common("ip", "185.220.101.7", near)],
            },
            {"customer_id": far, "in_common": [common("device", "DEV-88F1", far)]},
        ],
        "more_links": 3,
    }


def triggers(customer_id: int) -> tuple[Telemetry, ...]:
    """Failed sign-ins and then a good one."""
    return tuple(
        TELEMETRY.validate_python(
            {
                "event_id": f"tr-{customer_id}-{number}",
                "customer_id": customer_id,
                "occurred_at": f"2026-01-05T09:5{number}:00Z",
                "event_type": "login",
                "details": {"country": "Romania", "ip": f"185.220.101.{number}", "success": number == 4},
            }
        )
        for number in range(5)
    )

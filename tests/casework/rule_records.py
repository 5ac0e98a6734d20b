"""Telemetry records for rule tests: valid, short to write, at a number of seconds after a fixed noon."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from casework.rules import Detection, Detector, Rule
from casework.telemetry import TELEMETRY, Telemetry

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = 3600.0
DETAILS: dict[str, dict[str, Any]] = {
    "login": {"country": "USA", "ip": "192.0.2.1", "success": True},
    "transaction": {"amount": 20.0, "currency": "USD", "merchant": "Corner Shop"},
    "data_usage": {"gb_used": 1.0, "subscription_id": 5},
    "api_call": {"endpoint": "/v1/balance", "status_code": 200, "latency_ms": 20.0},
    "auth_failure": {"method": "password", "reason": "wrong password", "ip": "192.0.2.1"},
    "account_change": {"change": "address_change", "channel": "app"},
    "roaming": {"country": "Spain", "subscription_id": 5},
    "call": {"destination": "+1 555 0100", "minutes": 3.0, "premium": False},
    "refund": {"amount": 30.0, "currency": "USD", "order_id": 1},
    "promotion": {"code": "SPRING"},
}
_numbers = count(1)


def record(
    event_type: str, at: float = 0.0, *, customer: int = 1, event_id: str | None = None, **details: Any
) -> Telemetry:
    """One record, `at` seconds after noon; details override sensible ones."""
    return TELEMETRY.validate_python(
        {
            "event_id": event_id or f"t-{next(_numbers)}",
            "event_type": event_type,
            "customer_id": customer,
            "occurred_at": NOON + timedelta(seconds=at),
            "details": {**DETAILS[event_type], **details},
        }
    )


def run(rules: tuple[Rule, ...], events: list[Telemetry], **options: Any) -> list[Detection]:
    """Everything a fresh detector raises."""
    detector = Detector(rules, **options)
    return [found for event in events for found in detector.observe(event)]


def fired(rules: tuple[Rule, ...], events: list[Telemetry]) -> set[str]:
    """Ids of the rules that fired."""
    return {str(found.alert.rule_id) for found in run(rules, events)}

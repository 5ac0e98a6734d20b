"""A day of telemetry of many customers, in order of time, made in chunks to keep memory small."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from casework.telemetry import TELEMETRY, Telemetry

_START = datetime(2026, 3, 2, tzinfo=UTC)
_DAY_SECONDS = 86_400.0
_COUNTRIES = ("USA", "Germany", "Japan", "India", "France")
_KINDS = ("login", "transaction", "data_usage", "api_call", "call", "auth_failure", "refund", "roaming")
_WEIGHTS = (20, 22, 22, 24, 8, 2, 1, 1)
_CHUNK = 20_000


def day_of_telemetry(customers: int, per_customer: int, seed: int = 1) -> Iterator[list[Telemetry]]:
    """Chunks of records; each customer has about `per_customer` of them, spread over the day."""
    rng = Random(seed)
    total = customers * per_customer
    for first in range(0, total, _CHUNK):
        yield [_record(rng, number, total, customers) for number in range(first, min(first + _CHUNK, total))]


def _record(rng: Random, number: int, total: int, customers: int) -> Telemetry:
    customer = rng.randint(1, customers)
    [kind] = rng.choices(_KINDS, _WEIGHTS)
    return TELEMETRY.validate_python(
        {
            "event_id": f"load-5f2c19d4-{number:08d}",
            "customer_id": customer,
            "occurred_at": _START + timedelta(seconds=_DAY_SECONDS * number / total),
            "event_type": kind,
            "details": _details(rng, kind, customer),
        }
    )


def _details(rng: Random, kind: str, customer: int) -> dict[str, Any]:
    ip = f"192.0.2.{customer % 250}"
    country = _COUNTRIES[customer % len(_COUNTRIES)]
    charge = round(rng.uniform(6, 200), 2)
    made: dict[str, dict[str, Any]] = {
        "login": {"country": country, "ip": ip, "success": True, "device_id": f"dev-{customer}"},
        "transaction": {"amount": charge, "currency": "USD", "merchant": "Corner Market"},
        "data_usage": {"gb_used": round(rng.uniform(0.2, 3), 2), "subscription_id": customer},
        "api_call": {"endpoint": "/v1/balance", "status_code": 200, "latency_ms": 20.0},
        "call": {"destination": "+1-206-555-0100", "minutes": 4.5, "premium": False},
        "auth_failure": {"method": "password", "reason": "wrong password", "ip": ip},
        "refund": {"amount": charge, "currency": "USD", "order_id": 1000 + customer},
        "roaming": {"country": country, "subscription_id": customer},
    }
    return made[kind]

"""What a rule saw when it fired, and the alert made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2s
from math import fsum
from typing import Any, NamedTuple

from casework.alert import Alert
from casework.rules.spec import Rule, RuleMode
from casework.rules.wording import Duration, Listing, Quantity, describe, listing

MOST_EVENT_IDS = 50
_LARGEST_NUMBER = 1e12
_MONEY_FIELD = "amount"


class Row(NamedTuple):
    """What is remembered of one record: epoch seconds, id, the field of interest, the steps it matches."""

    at: float
    event_id: str
    value: Any
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """A rule fired at `at` (epoch seconds) because of these records."""

    at: float
    rows: Sequence[Row]
    baseline: float | None = None


class Detection(NamedTuple):
    """An alert and whether its rule is active or only being tried out."""

    alert: Alert
    mode: RuleMode


def number(value: Any) -> float:
    """A finite float whatever came in, so that arithmetic on it never raises."""
    try:
        return min(float(value), _LARGEST_NUMBER)
    except OverflowError:
        return _LARGEST_NUMBER if value > 0 else 0.0


def bucket_of(rule: Rule, at: float) -> int:
    """The tumbling dedup bucket that a moment falls in."""
    return int(at // rule.dedup)


def alert_id(rule: Rule, customer_id: int, bucket: int) -> str:
    """Derived from rule, version, customer and bucket: the same detection always has the same id."""
    key = f"{rule.id}|{rule.version}|{rule.dedup:g}|{customer_id}|{bucket}"
    return f"AUTO-{rule.id}-{customer_id}-{blake2s(key.encode(), digest_size=5).hexdigest()}"


def detection(rule: Rule, customer_id: int, evidence: Evidence) -> Detection:
    """The alert for what a rule saw."""
    alert = Alert(
        alert_id=alert_id(rule, customer_id, bucket_of(rule, evidence.at)),
        customer_id=customer_id,
        alert_type=rule.alert_type,
        severity=rule.severity,
        description=describe(rule.description, _numbers(rule, evidence)),
        detected_at=_instant(evidence.at),
        rule_id=rule.id,
        rule_version=rule.version,
        window_start=_instant(evidence.at - rule.window_seconds),
        window_end=_instant(evidence.at),
        event_ids=tuple(row.event_id for row in evidence.rows[-MOST_EVENT_IDS:]),
        amount=_amount(rule, evidence),
    )
    return Detection(alert, rule.mode)


def _numbers(rule: Rule, evidence: Evidence) -> dict[str, Any]:
    rows = evidence.rows
    values: Listing = listing(row.value for row in rows if row.value is not None)
    value = number(rows[-1].value) if isinstance(rows[-1].value, int | float) else 0.0
    baseline = evidence.baseline or 0.0
    return {
        "count": Quantity(len(rows)),
        "distinct": Quantity(len(values)),
        "values": values,
        "total": _total(rows),
        "value": value,
        "baseline": baseline,
        "ratio": value / baseline if baseline else 0.0,
        "span": Duration(rows[-1].at - rows[0].at),
        "window": Duration(rule.window_seconds),
        "threshold": float(getattr(rule, "threshold", 0.0)),
    }


def _total(rows: Sequence[Row]) -> float:
    return fsum(number(row.value) for row in rows if isinstance(row.value, int | float))


def _amount(rule: Rule, evidence: Evidence) -> Decimal | None:
    if getattr(rule, "field", None) != _MONEY_FIELD:
        return None
    return Decimal(f"{_total(evidence.rows):.2f}")


def _instant(at: float) -> datetime:
    """Epoch seconds as a datetime; moments before year 1 or after year 9999 become the nearest one."""
    try:
        return datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC) if at > 0 else datetime.min.replace(tzinfo=UTC)

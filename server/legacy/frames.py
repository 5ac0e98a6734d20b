"""The demo's live events as its page reads them."""

import contextlib
from datetime import datetime
from typing import Any

from pydantic import BaseModel, JsonValue

from casework.case import Case
from casework.telemetry import Telemetry


class DemoEvent(BaseModel):
    """One unnamed frame of `/api/events/stream`."""

    id: str
    timestamp: str
    """Local time without an offset, as the demo writes it."""
    customer_id: int
    customer_name: str
    event_type: str
    details: dict[str, JsonValue]
    is_anomaly: bool
    anomaly_rule: str
    alert_triggered: bool


def local_time(moment: datetime) -> str:
    """ISO 8601 in local time without an offset; at the ends of the calendar as it was written."""
    with contextlib.suppress(OverflowError):
        moment = moment.astimezone()
    return moment.replace(tzinfo=None).isoformat()


def telemetry_seen_body(event: Telemetry, rule: str) -> str:
    """A telemetry event; `rule` is the alert type it set off, empty for none."""
    details: dict[str, Any] = event.details.model_dump(mode="json", exclude_none=True)
    return DemoEvent(
        id=event.event_id,
        timestamp=local_time(event.occurred_at),
        customer_id=event.customer_id,
        customer_name=event.customer_name or f"Customer {event.customer_id}",
        event_type=event.event_type,
        details=details,
        is_anomaly=bool(rule),
        anomaly_rule=rule,
        alert_triggered=bool(rule),
    ).model_dump_json()


def case_opened_body(case: Case, at: datetime) -> str:
    """The banner of a case that detection opened."""
    alert = case.alert
    return DemoEvent(
        id=f"WF-{alert.alert_id}",
        timestamp=local_time(at),
        customer_id=alert.customer_id,
        customer_name=f"Customer {alert.customer_id}",
        event_type="workflow_auto_started",
        details={
            "instance_id": case.case_id,
            "alert_id": alert.alert_id,
            "alert_type": alert.alert_type,
            "description": alert.description,
            "severity": alert.severity,
        },
        is_anomaly=True,
        anomaly_rule=alert.alert_type,
        alert_triggered=True,
    ).model_dump_json()

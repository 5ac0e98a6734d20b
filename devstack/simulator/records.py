"""Makes telemetry records with ids that are never used again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from casework.telemetry import TELEMETRY, Telemetry


class Records:
    """Numbers records within one run; `run_id` differs from run to run, so ids never repeat."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._number = 0

    def make(
        self,
        customer: tuple[int, str],
        at: datetime,
        event_type: str,
        details: Mapping[str, Any],
    ) -> Telemetry:
        """One record of a customer (id and name) at a moment."""
        self._number += 1
        customer_id, name = customer
        return TELEMETRY.validate_python(
            {
                "event_id": f"sim-{self._run_id}-{self._number:06d}",
                "customer_id": customer_id,
                "customer_name": name,
                "occurred_at": at,
                "event_type": event_type,
                "details": dict(details),
            }
        )

"""An alert: one suspicious thing about one customer, raised by a rule or by hand."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

AlertId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$")]
"""1 to 80 letters, digits, dots, colons, underscores and hyphens; the case id is derived from it."""

MOST_CUSTOMER_ID = 2**53 - 1
CustomerId = Annotated[int, Field(ge=1, le=MOST_CUSTOMER_ID)]
Money = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
"""A machine name such as an alert type or a rule id: lower case, digits and underscores."""


class Frozen(BaseModel):
    """Base of every value in the domain: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", allow_inf_nan=False)


class Severity(StrEnum):
    """How bad it would be if the alert were true."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for low up to 3 for critical."""
        return list(Severity).index(self)


class Alert(Frozen):
    """One suspicious event about one customer.

    Text fields come from outside and are data: escaped on display, fenced in prompts.
    `detected_at` is event time; `amount` is the money at stake, in the account's currency.
    """

    alert_id: AlertId
    customer_id: CustomerId
    alert_type: Label
    severity: Severity = Severity.MEDIUM
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    detected_at: AwareDatetime
    rule_id: Label | None = None
    rule_version: int | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    event_ids: tuple[str, ...] = ()
    amount: Money | None = None


def case_id_for(alert_id: str) -> str:
    """The case, and the orchestration instance, that an alert opens: the same one every time."""
    return f"fraud-{alert_id}"

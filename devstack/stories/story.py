"""What a fraud story is: the rows it leaves, the telemetry it sends, the alert it raises, its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from casework.alert import Alert, Severity
from casework.policy import Route
from devstack.stories.scene import Scene

Disposition = Literal["fraud", "legitimate", "unclear"]
ActionName = Literal["clear", "lock_account", "refund_charges", "both"]
SpecialistName = Literal["usage", "location", "billing"]


@dataclass(frozen=True)
class StoryEvent:
    """One telemetry event; `offset` is zero or negative, counted from the moment the story is played."""

    offset: timedelta
    event_type: str
    details: Mapping[str, Any]
    customer_id: int | None = None
    """Whose event it is, when it is not the alert's customer."""


@dataclass(frozen=True)
class Answer:
    """What a good investigation concludes.

    The two risk bounds are for what the evidence says, before policy floors; `route` is after them.
    """

    disposition: Disposition
    route: Literal["auto_clear", "review"]
    recommended_action: ActionName
    risk_at_least: float = 0.0
    risk_at_most: float = 1.0
    must_cite: tuple[str, ...] = ()
    not_evaluable: tuple[SpecialistName, ...] = ()
    contradicted: bool = False


@dataclass(frozen=True)
class Story:
    """One investigation with a known answer.

    `rows` writes what the story left in the Contoso tables; `telemetry`, played in order, trips
    `expected_rule`; `alert` is the alert it raises, for starting the case directly. `twin` names a
    story with the same evidence, whose verdict must be the same.
    """

    key: str
    title: str
    narrative: str
    customer_ids: tuple[int, ...]
    alert: Callable[[datetime], Alert]
    rows: Callable[[Scene], None]
    telemetry: tuple[StoryEvent, ...]
    expected_rule: str
    answer: Answer
    twin: str | None = None

    @property
    def customer_id(self) -> int:
        """The customer the alert is about."""
        return self.customer_ids[0]


@dataclass(frozen=True)
class AlertTemplate:
    """An alert without its time; calling it with the time gives the alert."""

    alert_id: str
    customer_id: int
    alert_type: str
    severity: Severity
    description: str
    amount: Decimal | None = None

    def __call__(self, now: datetime) -> Alert:
        """The alert as raised at `now`, an aware datetime."""
        return Alert(
            alert_id=self.alert_id,
            customer_id=self.customer_id,
            alert_type=self.alert_type,
            severity=self.severity,
            description=self.description,
            detected_at=now,
            amount=self.amount,
        )


def fraud(action: ActionName, *must_cite: str) -> Answer:
    """The answer of a story that is fraud: a person decides, on a risk that reaches the threshold."""
    return Answer("fraud", Route.REVIEW.value, action, risk_at_least=0.6, must_cite=must_cite)


def legitimate(route: Literal["auto_clear", "review"], *must_cite: str) -> Answer:
    """The answer of a story that only looks like fraud."""
    return Answer("legitimate", route, "clear", risk_at_most=0.45, must_cite=must_cite)

"""Detection rules as they are declared: one frozen model per kind, told apart by `kind`."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, field_validator, model_validator

from casework.alert import Frozen, Label, Severity
from casework.rules.conditions import DETAILS, Condition, check_field
from casework.rules.durations import Seconds
from casework.rules.wording import Duration, Listing, Quantity, check_template

MOST_ROWS = 256
"""Records one rule remembers of one customer; the oldest go first."""
MOST_SAMPLES = 50

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""1 to 40 lower-case letters, digits and underscores, so that an alert id holds it."""


class RuleMode(StrEnum):
    """Whether a rule's detections open cases, or are only counted."""

    ACTIVE = "active"
    SHADOW = "shadow"


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _known_event_types(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in DETAILS:
            raise ValueError(f"{name!r} is not an event type; allowed: {', '.join(DETAILS)}")
    return names


EventTypes = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class Step(Frozen):
    """One stage of a sequence: `count` records of a type, in any order among themselves."""

    event_type: str
    where: tuple[Condition, ...] = ()
    count: int = Field(default=1, ge=1, le=20)

    @model_validator(mode="after")
    def _fits_its_event_type(self) -> "Step":
        _known_event_types((self.event_type,))
        for condition in self.where:
            condition.check((self.event_type,))
        return self


class _Rule(Frozen):
    """What every rule says. `dedup` is the length of the tumbling bucket in which it alerts once."""

    id: RuleId
    version: int = Field(default=1, ge=1, le=1_000_000)
    alert_type: Label
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    description: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    severity: Severity
    mode: RuleMode = RuleMode.ACTIVE
    dedup: Seconds

    @model_validator(mode="before")
    @classmethod
    def _alert_type_is_the_id(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "id" in raw and "alert_type" not in raw:
            return {**raw, "alert_type": raw["id"]}
        return raw

    @model_validator(mode="after")
    def _describes_what_it_counts(self) -> "_Rule":
        check_template(self.description, SAMPLE_NUMBERS)
        return self

    @property
    def window_seconds(self) -> float:
        """How far back the rule looks; 0 when it judges one record by itself."""
        return float(getattr(self, "window", 0.0))


class _OneStream(_Rule):
    event_type: EventTypes
    where: tuple[Condition, ...] = ()

    @field_validator("event_type")
    @classmethod
    def _event_types_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known_event_types(names)

    @model_validator(mode="after")
    def _fields_exist(self) -> "_OneStream":
        for condition in self.where:
            condition.check(self.event_type)
        field = getattr(self, "field", None)
        if field is not None:
            check_field(field, self.event_type, numeric=not isinstance(self, CountRule | DistinctRule))
        return self


class CountRule(_OneStream):
    """At least `threshold` records in the window; `field` only feeds the description."""

    kind: Literal["count"] = "count"
    window: Seconds
    threshold: int = Field(ge=1, le=MOST_ROWS // 2)
    field: str | None = None


class DistinctRule(_OneStream):
    """At least `threshold` different values of `field` in the window."""

    kind: Literal["distinct"] = "distinct"
    window: Seconds
    field: str
    threshold: int = Field(ge=2, le=MOST_ROWS // 2)


class SumRule(_OneStream):
    """`field` adds up to `threshold` or more over at least `minimum_samples` records in the window."""

    kind: Literal["sum"] = "sum"
    window: Seconds
    field: str
    threshold: float = Field(gt=0, le=1e12)
    minimum_samples: int = Field(default=1, ge=1, le=MOST_ROWS // 2)


class SpikeRule(_OneStream):
    """`field` above `factor` times the mean of the customer's last `minimum_samples` values in the window.

    The baseline leaves out the newest records, those within the detector's lateness: they may still be
    joined by late ones, and a burst must not hide itself by raising its own baseline.
    """

    kind: Literal["spike"] = "spike"
    window: Seconds
    field: str
    factor: float = Field(gt=1, le=1000)
    minimum_samples: int = Field(default=5, ge=2, le=MOST_SAMPLES)
    minimum: float = Field(default=0, ge=0, le=1e12)


class ThresholdRule(_OneStream):
    """One record whose `field` is at least `threshold`."""

    kind: Literal["threshold"] = "threshold"
    field: str
    threshold: float = Field(ge=0, le=1e12)


class SequenceRule(_Rule):
    """Steps that follow each other within the window; `field` is read from the records of the last step."""

    kind: Literal["sequence"] = "sequence"
    window: Seconds
    steps: tuple[Step, ...] = Field(min_length=2, max_length=6)
    field: str | None = None

    @model_validator(mode="after")
    def _steps_differ(self) -> "SequenceRule":
        for earlier, later in zip(self.steps, self.steps[1:], strict=False):
            if (earlier.event_type, earlier.where) == (later.event_type, later.where):
                raise ValueError("two steps in a row are the same; allowed: one step with count = 2 or more")
        if self.field is not None:
            check_field(self.field, (self.steps[-1].event_type,), numeric=True)
        return self


Rule = Annotated[
    CountRule | DistinctRule | SumRule | SpikeRule | ThresholdRule | SequenceRule, Field(discriminator="kind")
]
RULE: TypeAdapter[Rule] = TypeAdapter(Rule)

KINDS: dict[str, type[_Rule]] = {
    "count": CountRule,
    "distinct": DistinctRule,
    "sum": SumRule,
    "spike": SpikeRule,
    "threshold": ThresholdRule,
    "sequence": SequenceRule,
}

SAMPLE_NUMBERS: dict[str, Any] = {
    "count": Quantity(3),
    "distinct": Quantity(2),
    "values": Listing(("a", "b")),
    "total": 10.0,
    "value": 10.0,
    "baseline": 2.0,
    "ratio": 5.0,
    "span": Duration(60.0),
    "window": Duration(3600.0),
    "threshold": 3.0,
}
"""Everything a description may mention, with a value of the right type."""


def longest_window(rules: tuple[Rule, ...], lateness_seconds: float) -> timedelta:
    """How far back a restarted detector must re-read to know what it knew: window plus allowed lateness."""
    return timedelta(seconds=max((rule.window_seconds for rule in rules), default=0.0) + lateness_seconds)

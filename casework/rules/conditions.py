"""Simple conditions on the fields of one telemetry record, checked against its type when a rule is read."""

from collections.abc import Callable, Iterable
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from casework.alert import Frozen
from casework.telemetry import Telemetry

Predicate = Callable[[Any], bool]
Scalar = StrictBool | StrictInt | StrictFloat | StrictStr


def _details_by_event_type() -> dict[str, type[Frozen]]:
    events = get_args(get_args(Telemetry)[0])
    return {
        event.model_fields["event_type"].default: event.model_fields["details"].annotation for event in events
    }


DETAILS: dict[str, type[Frozen]] = _details_by_event_type()
"""The model of `details` for each event type."""


def check_field(field: str, event_types: Iterable[str], *, numeric: bool) -> None:
    """Raises ValueError unless every event type has the field, and it is a number where one is needed."""
    for event_type in event_types:
        fields = DETAILS[event_type].model_fields
        allowed = sorted(name for name in fields if not numeric or _is_number(fields[name].annotation))
        if field not in allowed:
            wanted = "a numeric field" if numeric else "a field"
            raise ValueError(
                f"{field!r} is not {wanted} of {event_type}; allowed: {', '.join(allowed) or 'none'}"
            )


def _is_number(annotation: Any) -> bool:
    if annotation in (int, float):
        return True
    if get_origin(annotation) is Annotated:
        return _is_number(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return all(_is_number(option) for option in get_args(annotation) if option is not NoneType)
    return False


class Condition(Frozen):
    """One test on one field; an absent value satisfies none."""

    field: str
    equals: Scalar | None = None
    one_of: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = None
    at_least: StrictInt | StrictFloat | None = None
    at_most: StrictInt | StrictFloat | None = None

    @model_validator(mode="after")
    def _has_a_test(self) -> "Condition":
        if self.equals is None and self.one_of is None and not self.is_numeric:
            raise ValueError("a condition needs a test; allowed: equals, one_of, at_least, at_most")
        return self

    @property
    def is_numeric(self) -> bool:
        """Whether the field must be a number."""
        return self.at_least is not None or self.at_most is not None

    def check(self, event_types: Iterable[str]) -> None:
        """Raises ValueError when an event type has no such field, or it cannot be compared this way."""
        check_field(self.field, event_types, numeric=self.is_numeric)

    def compile(self) -> Predicate:
        """The condition as a function of a record's details."""
        name, equals, one_of, low, high = self.field, self.equals, self.one_of, self.at_least, self.at_most

        def holds(details: Any) -> bool:
            value = getattr(details, name)
            if value is None:
                return False
            return (
                (equals is None or value == equals)
                and (one_of is None or value in one_of)
                and (low is None or value >= low)
                and (high is None or value <= high)
            )

        return holds


def compile_conditions(conditions: tuple[Condition, ...]) -> Predicate | None:
    """All conditions as one function, or None when everything matches."""
    if not conditions:
        return None
    tests = [condition.compile() for condition in conditions]
    if len(tests) == 1:
        return tests[0]
    return lambda details: all(test(details) for test in tests)

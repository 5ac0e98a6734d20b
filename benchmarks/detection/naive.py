"""The obvious engine, for comparison: keeps each customer's records and scans them for every rule."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from casework.rules import Rule
from casework.rules.conditions import Condition, Predicate, compile_conditions
from casework.rules.spec import (
    CountRule,
    DistinctRule,
    SequenceRule,
    SpikeRule,
    SumRule,
    ThresholdRule,
    longest_window,
)
from casework.telemetry import Telemetry


class NaiveDetector:
    """Every record is checked against every rule by scanning the customer's last day."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._keep = longest_window(tuple(rules), 0)
        self._events: dict[int, list[Telemetry]] = defaultdict(list)

    def observe(self, event: Telemetry) -> list[str]:
        """Ids of the rules that fire on a record."""
        events = self._events[event.customer_id]
        events.append(event)
        events[:] = [one for one in events if one.occurred_at > event.occurred_at - self._keep]
        return [rule.id for rule in self._rules if _fires(rule, events, event)]


@cache
def _compiled(where: tuple[Condition, ...]) -> Predicate | None:
    return compile_conditions(where)


def _matches(event: Telemetry, where: tuple[Condition, ...]) -> bool:
    if not where:
        return True
    predicate = _compiled(where)
    return predicate is None or predicate(event.details)


def _fires(rule: Rule, events: list[Telemetry], event: Telemetry) -> bool:
    window = [
        one
        for one in events
        if one.occurred_at > event.occurred_at - timedelta(seconds=rule.window_seconds or 1)
    ]
    if isinstance(rule, SequenceRule):
        return _sequence_fires(rule, window)
    if event.event_type not in rule.event_type or not _matches(event, rule.where):
        return False
    matching = [one for one in window if one.event_type in rule.event_type and _matches(one, rule.where)]
    return _stream_fires(rule, matching)


def _stream_fires(
    rule: CountRule | DistinctRule | SumRule | SpikeRule | ThresholdRule, matching: list[Telemetry]
) -> bool:
    if isinstance(rule, CountRule):
        return len(matching) >= rule.threshold
    values = [getattr(one.details, rule.field) for one in matching]
    match rule:
        case DistinctRule():
            return len(set(values)) >= rule.threshold
        case SumRule():
            return len(values) >= rule.minimum_samples and sum(values) >= rule.threshold
        case ThresholdRule():
            return values[-1] is not None and values[-1] >= rule.threshold
        case SpikeRule():
            usual = values[-1 - rule.minimum_samples : -1]
            enough = len(usual) == rule.minimum_samples and values[-1] >= rule.minimum
            return enough and bool(values[-1] > rule.factor * sum(usual) / len(usual))


def _sequence_fires(rule: SequenceRule, window: list[Telemetry]) -> bool:
    wanted = [step for step in rule.steps for _ in range(step.count)]
    position = 0
    for one in window:
        step = wanted[position]
        if one.event_type == step.event_type and _matches(one, step.where):
            position += 1
            if position == len(wanted):
                return True
    return False

"""One customer's recent records for one rule, kept in event time, and the questions rules ask of them.

Every rule except the spike is monotone: more records never take a detection away. So a late record only
adds detections, at its own time or later, and re-asking at those times gives what order would have given.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from math import fsum
from operator import attrgetter
from typing import Any, Generic, TypeVar

from casework.rules.conditions import compile_conditions
from casework.rules.evidence import Evidence, Row, number
from casework.rules.spec import (
    MOST_ROWS,
    CountRule,
    DistinctRule,
    Rule,
    SpikeRule,
    SumRule,
    ThresholdRule,
)

RuleT = TypeVar("RuleT", CountRule, DistinctRule, SumRule, SpikeRule, ThresholdRule)
Rows = list[Row]


def row_time(row: Row) -> float:
    """The key rows are searched by."""
    return row[0]


class Evaluator(ABC):
    """A rule made ready to run; it holds no state, the caller keeps each customer's `memory`."""

    rule: Rule
    event_types: tuple[str, ...]
    window: float
    """The rule's window in seconds."""

    @abstractmethod
    def row(self, event_type: str, event_id: str, at: float, details: Any) -> Row | None:
        """What to remember of a record, or None when the rule does not care about it."""

    @abstractmethod
    def add(self, memory: Any, row: Row, lateness: float) -> tuple[Any, tuple[float, ...]]:
        """The memory with the row in it, and the moments at which the rule must now be asked."""

    @abstractmethod
    def ask(self, memory: Any, row: Row, at: float, lateness: float) -> Evidence | None:
        """Why the rule fires at a moment, or None."""

    @abstractmethod
    def prune(self, memory: Any, now: float, lateness: float) -> Any:
        """The memory without what no record arriving from now on can need; None when nothing is left."""


class StreamRule(Evaluator, Generic[RuleT]):
    """Base for rules over one stream of records with conditions and perhaps a field."""

    def __init__(self, rule: RuleT) -> None:
        self.rule = rule
        self.event_types = rule.event_type
        self.window = rule.window_seconds
        self._matches = compile_conditions(rule.where)
        self._value: attrgetter[Any] | None = None if rule.field is None else attrgetter(rule.field)

    def row(self, event_type: str, event_id: str, at: float, details: Any) -> Row | None:
        if self._matches is not None and not self._matches(details):
            return None
        return Row(at, event_id, None if self._value is None else self._value(details))


class SlidingWindow(Evaluator):
    """Keeps the rows of the last window, sorted by time and id, and asks about sliding windows over them."""

    def add(self, memory: Rows | None, row: Row, lateness: float) -> tuple[Rows, tuple[float, ...]]:
        if memory is None:
            return [row], (row.at,)
        if row.at > memory[-1].at:
            memory.append(row)
            self._trim(memory, row.at, lateness)
            return memory, (row.at,)
        return memory, self._insert(memory, row)

    def _insert(self, rows: Rows, row: Row) -> tuple[float, ...]:
        """Puts a late record in its place; the moments to ask about are its own and those just after."""
        place = bisect_left(rows, row[:2], key=lambda known: known[:2])
        if place < len(rows) and rows[place].event_id == row.event_id and rows[place].at == row.at:
            return ()
        rows.insert(place, row)
        end = bisect_left(rows, row.at + self.window, key=row_time)
        moments = tuple(dict.fromkeys([row.at, *(known.at for known in rows[place:end])]))
        if len(rows) > MOST_ROWS:
            del rows[0]
        return moments

    def _trim(self, rows: Rows, now: float, lateness: float) -> None:
        cut = now - self.window - lateness
        if rows[0].at < cut:
            del rows[: bisect_left(rows, cut, key=row_time)]
        if len(rows) > MOST_ROWS:
            del rows[: len(rows) - MOST_ROWS]

    def prune(self, memory: Rows, now: float, lateness: float) -> Rows | None:
        self._trim(memory, now, lateness)
        return memory or None

    def ask(self, memory: Rows, row: Row, at: float, lateness: float) -> Evidence | None:
        start = at - self.window
        low = 0 if memory[0].at > start else bisect_right(memory, start, key=row_time)
        high = len(memory) if at >= memory[-1].at else bisect_right(memory, at, key=row_time)
        return self.judge(memory, low, high, at)

    @abstractmethod
    def judge(self, rows: Rows, low: int, high: int, at: float) -> Evidence | None:
        """Why the rule fires on rows[low:high], the window that ends at a moment."""


class CountWindow(StreamRule[CountRule], SlidingWindow):
    """At least `threshold` records."""

    rule: CountRule

    def judge(self, rows: Rows, low: int, high: int, at: float) -> Evidence | None:
        return Evidence(at, rows[low:high]) if high - low >= self.rule.threshold else None


class DistinctWindow(StreamRule[DistinctRule], SlidingWindow):
    """At least `threshold` different values."""

    rule: DistinctRule

    def row(self, event_type: str, event_id: str, at: float, details: Any) -> Row | None:
        row = super().row(event_type, event_id, at, details)
        return row if row is None or row.value is not None else None

    def judge(self, rows: Rows, low: int, high: int, at: float) -> Evidence | None:
        if high - low < self.rule.threshold:
            return None
        window = rows[low:high]
        if len({row.value for row in window}) < self.rule.threshold:
            return None
        return Evidence(at, window)


class SumWindow(StreamRule[SumRule], SlidingWindow):
    """Values that add up; correctly rounded, so that order does not matter."""

    rule: SumRule

    def row(self, event_type: str, event_id: str, at: float, details: Any) -> Row | None:
        row = super().row(event_type, event_id, at, details)
        return None if row is None or row.value is None else row._replace(value=max(0.0, number(row.value)))

    def judge(self, rows: Rows, low: int, high: int, at: float) -> Evidence | None:
        if high - low < self.rule.minimum_samples:
            return None
        window = rows[low:high]
        return Evidence(at, window) if fsum(row.value for row in window) >= self.rule.threshold else None

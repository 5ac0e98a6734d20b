"""Sequences: steps that follow each other within one window, such as failures and then a success."""

from bisect import bisect_left
from typing import Any

from casework.rules.conditions import Predicate, compile_conditions
from casework.rules.evidence import Evidence, Row
from casework.rules.spec import SequenceRule
from casework.rules.windows import Rows, SlidingWindow, row_time

_FIRST_STEP = 1
_NEVER = float("inf")


class SequenceWindow(SlidingWindow):
    """Looks for the steps from the last one backwards, always taking the newest records that fit."""

    rule: SequenceRule

    def __init__(self, rule: SequenceRule) -> None:
        self.rule = rule
        self.window = rule.window
        self.event_types = tuple(dict.fromkeys(step.event_type for step in rule.steps))
        self._tests: dict[str, list[tuple[int, Predicate | None]]] = {}
        for position, step in enumerate(rule.steps):
            test = (1 << position, compile_conditions(step.where))
            self._tests.setdefault(step.event_type, []).append(test)
        self._backwards = [
            (1 << place, rule.steps[place].count) for place in reversed(range(len(rule.steps)))
        ]
        self._last_step = self._backwards[0][0]

    def row(self, event_type: str, event_id: str, at: float, details: Any) -> Row | None:
        steps = 0
        for step, matches in self._tests[event_type]:
            if matches is None or matches(details):
                steps |= step
        if not steps:
            return None
        value = getattr(details, self.rule.field) if self.rule.field and steps & self._last_step else None
        return Row(at, event_id, value, steps)

    def _trim(self, rows: Rows, now: float, lateness: float) -> None:
        """Also forgets later steps that no first step precedes, unless one may still arrive late."""
        super()._trim(rows, now, lateness)
        first = next((row.at for row in rows if row.steps & _FIRST_STEP), _NEVER)
        useless_before = min(first, now - lateness)
        if rows and rows[0].at < useless_before:
            del rows[: bisect_left(rows, useless_before, key=row_time)]

    def judge(self, rows: Rows, low: int, high: int, at: float) -> Evidence | None:
        if not self._ends_at(rows, high, at):
            return None
        taken: set[int] = set()
        bound = at
        for step, count in self._backwards:
            found = self._newest(rows, low, high, (step, count, bound), taken)
            if found is None:
                return None
            taken.update(found)
            bound = rows[found[-1]].at
        evidence = [rows[index] for index in sorted(taken)]
        # Records of equal time sort by id; the last step is what the description speaks of.
        evidence.sort(key=lambda row: (row.at, row.steps & self._last_step > 0))
        return Evidence(at, evidence)

    def _ends_at(self, rows: Rows, high: int, at: float) -> bool:
        for index in range(high - 1, -1, -1):
            if rows[index].at != at:
                return False
            if rows[index].steps & self._last_step:
                return True
        return False

    @staticmethod
    def _newest(
        rows: Rows, low: int, high: int, wanted: tuple[int, int, float], taken: set[int]
    ) -> list[int] | None:
        """Indices, newest first, of `count` untaken rows of a step no later than a bound; None if too few."""
        step, count, bound = wanted
        found: list[int] = []
        for index in range(high - 1, low - 1, -1):
            row = rows[index]
            if row.steps & step and row.at <= bound and index not in taken:
                found.append(index)
                if len(found) == count:
                    return found
        return None

"""Rules that judge one record: against a fixed threshold, or against the customer's own recent mean."""

from array import array
from math import fsum
from typing import Any, TypeAlias

from casework.rules.evidence import Evidence, Row, number
from casework.rules.spec import MOST_ROWS, SpikeRule, ThresholdRule
from casework.rules.windows import StreamRule

Samples: TypeAlias = "array[float]"
"""Time, value, time, value … in order of time, and of value at the same time: 16 bytes a sample."""


class Threshold(StreamRule[ThresholdRule]):
    """Needs no memory at all."""

    rule: ThresholdRule

    def add(self, memory: None, row: Row, lateness: float) -> tuple[None, tuple[float, ...]]:
        return None, (row.at,)

    def ask(self, memory: None, row: Row, at: float, lateness: float) -> Evidence | None:
        if row.value is None or number(row.value) < self.rule.threshold:
            return None
        return Evidence(at, [row._replace(value=number(row.value))])

    def prune(self, memory: None, now: float, lateness: float) -> None:
        return None


class Spike(StreamRule[SpikeRule]):
    """Compares a value with the mean of exactly the last `minimum_samples` settled ones.

    With exactly that many, a detector that has seen less of the past has too few and stays silent,
    so it can never fire where a detector with the whole past would not. Samples are told apart by
    time and value, which needs no ids, and ordered by both: which ones are the last must not depend on
    the order in which records of the same moment arrive.
    """

    rule: SpikeRule

    def row(self, event_type: str, event_id: str, at: float, details: Any) -> Row | None:
        row = super().row(event_type, event_id, at, details)
        return None if row is None or row.value is None else row._replace(value=number(row.value))

    def add(self, memory: "Samples | None", row: Row, lateness: float) -> tuple[Samples, tuple[float, ...]]:
        if memory is None:
            return array("d", (row.at, row.value)), (row.at,)
        place = len(memory)
        while place and (memory[place - 2], memory[place - 1]) > (row.at, row.value):
            place -= 2
        if place and (memory[place - 2], memory[place - 1]) == (row.at, row.value):
            return memory, ()
        if place == len(memory):
            memory.extend((row.at, row.value))
            self._trim(memory, row.at, lateness)
        else:
            memory[place:place] = array("d", (row.at, row.value))
        if len(memory) > 2 * MOST_ROWS:
            del memory[:2]
        return memory, (row.at,)

    def ask(self, memory: Samples, row: Row, at: float, lateness: float) -> Evidence | None:
        if row.value < self.rule.minimum:
            return None
        end = _count_before(memory, at - lateness)
        start = end - self.rule.minimum_samples
        if start < 0 or memory[2 * start] <= at - self.rule.window:
            return None
        baseline = fsum(memory[2 * start + 1 : 2 * end : 2]) / self.rule.minimum_samples
        return Evidence(at, [row], baseline) if row.value > self.rule.factor * baseline else None

    def prune(self, memory: Samples, now: float, lateness: float) -> "Samples | None":
        self._trim(memory, now, lateness)
        return memory or None

    def _trim(self, samples: Samples, now: float, lateness: float) -> None:
        """Keeps what a record may be compared with that arrives from now on, up to `lateness` late."""
        unsettled_from = _count_before(samples, now - 2 * lateness)
        surplus = max(0, unsettled_from - self.rule.minimum_samples)
        cut = now - self.rule.window - lateness
        while 2 * surplus < len(samples) and samples[2 * surplus] < cut:
            surplus += 1
        if surplus:
            del samples[: 2 * surplus]


def _count_before(samples: Samples, moment: float) -> int:
    """How many samples are older than a moment; looks from the newest back, where the answer is near."""
    end = len(samples)
    while end and samples[end - 2] >= moment:
        end -= 2
    return end // 2

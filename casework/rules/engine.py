"""Runs rules over telemetry in event time, with bounded memory per customer and in all.

Which alert ids come out depends only on which records went in: not on batching, not on duplicates, not on
replays, and not on order as long as no record comes more than `lateness` after a younger one.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from casework.rules.evidence import Detection, bucket_of, detection
from casework.rules.samples import Spike, Threshold
from casework.rules.sequences import SequenceWindow
from casework.rules.spec import (
    CountRule,
    DistinctRule,
    Rule,
    SequenceRule,
    SpikeRule,
    SumRule,
    ThresholdRule,
    longest_window,
)
from casework.rules.windows import CountWindow, DistinctWindow, Evaluator, SumWindow
from casework.telemetry import Telemetry

DEFAULT_LATENESS = timedelta(seconds=60)
DEFAULT_MOST_CUSTOMERS = 250_000
_RAISED = -1
_MOST_RAISED = 64


def evaluator(rule: Rule) -> Evaluator:
    """The rule made ready to run."""
    match rule:
        case CountRule():
            return CountWindow(rule)
        case DistinctRule():
            return DistinctWindow(rule)
        case SumRule():
            return SumWindow(rule)
        case SpikeRule():
            return Spike(rule)
        case ThresholdRule():
            return Threshold(rule)
        case SequenceRule():
            return SequenceWindow(rule)


class Detector:
    """Rules plus what they remember of each customer.

    A customer is forgotten once nothing remembered can matter to a record no older than the last one
    seen; above `max_customers` the customer looked at longest ago is forgotten early, and counted.
    """

    __slots__ = (
        "_by_type",
        "_customers",
        "_evaluators",
        "_hand",
        "_lateness",
        "_max",
        "_ring",
        "evicted",
        "rules",
    )

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        lateness: timedelta = DEFAULT_LATENESS,
        max_customers: int = DEFAULT_MOST_CUSTOMERS,
    ) -> None:
        self.rules = tuple(rules)
        self.evicted = 0
        """Customers forgotten early because there were too many."""
        self._lateness = lateness.total_seconds()
        self._max = max_customers
        self._evaluators = tuple(evaluator(rule) for rule in self.rules)
        self._by_type: dict[str, tuple[tuple[int, Evaluator], ...]] = {}
        for slot, one in enumerate(self._evaluators):
            for event_type in one.event_types:
                self._by_type[event_type] = (*self._by_type.get(event_type, ()), (slot, one))
        # Per customer: one slot per rule, then the (slot, bucket) pairs that already alerted.
        self._customers: dict[int, list[Any]] = {}
        self._ring: list[int] = []
        self._hand = 0

    @property
    def longest_window(self) -> timedelta:
        """How far to rewind after a restart: the longest window plus the lateness allowed."""
        return longest_window(self.rules, self._lateness)

    @property
    def customer_count(self) -> int:
        """Customers about whom anything is remembered."""
        return len(self._customers)

    def observe(self, event: Telemetry) -> tuple[Detection, ...]:
        """What a record makes the rules say; nothing for a repeated one."""
        interested = self._by_type.get(event.event_type)
        if interested is None:
            return ()
        at = event.occurred_at.timestamp()
        memory = self._customers.get(event.customer_id)
        found: tuple[Detection, ...] = ()
        for slot, one in interested:
            row = one.row(event.event_type, event.event_id, at, event.details)
            if row is None:
                continue
            if memory is None:
                memory = self._remember(event.customer_id, at)
            memory[slot], moments = one.add(memory[slot], row, self._lateness)
            for moment in moments:
                bucket = bucket_of(one.rule, moment)
                if memory[_RAISED] is not None and (slot, bucket) in memory[_RAISED]:
                    continue
                evidence = one.ask(memory[slot], row, moment, self._lateness)
                if evidence is not None:
                    _mark_raised(memory, slot, bucket)
                    found = (*found, detection(one.rule, event.customer_id, evidence))
        if memory is not None:
            self._sweep(at)
        return found

    def _remember(self, customer_id: int, now: float) -> list[Any]:
        if len(self._customers) >= self._max and not self._sweep(now):
            self._forget()
            self.evicted += 1
        memory: list[Any] = [None] * (len(self._evaluators) + 1)
        self._customers[customer_id] = memory
        self._ring.append(customer_id)
        return memory

    def _sweep(self, now: float) -> bool:
        """Prunes the next customer in the round; whether nothing was left of it."""
        if self._hand >= len(self._ring):
            self._hand = 0
        memory = self._customers[self._ring[self._hand]]
        kept = False
        for slot, one in enumerate(self._evaluators):
            if memory[slot] is not None:
                memory[slot] = one.prune(memory[slot], now, self._lateness)
                kept = kept or memory[slot] is not None
        memory[_RAISED] = self._still_raised(memory[_RAISED], now)
        if kept or memory[_RAISED] is not None:
            self._hand += 1
            return False
        self._forget()
        return True

    def _still_raised(self, raised: list[tuple[int, int]] | None, now: float) -> list[tuple[int, int]] | None:
        if raised is None:
            return None
        return [(slot, bucket) for slot, bucket in raised if self._may_recur(slot, bucket, now)] or None

    def _may_recur(self, slot: int, bucket: int, now: float) -> bool:
        rule = self._evaluators[slot].rule
        return (bucket + 1) * rule.dedup >= now - rule.window_seconds - self._lateness

    def _forget(self) -> None:
        """Forgets the customer under the hand."""
        hand = self._hand if self._hand < len(self._ring) else 0
        customer_id = self._ring[hand]
        last = self._ring.pop()
        if hand < len(self._ring):
            self._ring[hand] = last
        del self._customers[customer_id]


def _mark_raised(memory: list[Any], slot: int, bucket: int) -> None:
    if memory[_RAISED] is None:
        memory[_RAISED] = []
    raised: list[tuple[int, int]] = memory[_RAISED]
    raised.append((slot, bucket))
    if len(raised) > _MOST_RAISED:
        del raised[0]

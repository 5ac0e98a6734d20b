"""Pages of a query: how far one went, and the continuation token that says so."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.peers.cosmos.refusals import bad_request
from tests.peers.cosmos.sql.values import UNDEFINED
from tests.peers.cosmos.storage import Container, Item, Partition

LARGEST_PAGE = 4 * 1024 * 1024
DEFAULT_PAGE = 100
DYNAMIC_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of places; `key` when only one logical partition in it is meant."""

    low: str
    high: str
    key: str | None = None

    def holds(self, place: str) -> bool:
        return self.low <= place and (self.high == "FF" or place < self.high or place == self.low)

    def meets(self, partition: Partition) -> bool:
        return partition.holds(self.low) or self.low < partition.low < self.high


@dataclass
class Position:
    """Where in an interval a page ended: after this row of this document."""

    order: list[Any] | None = None
    number: int = 0
    row: int = 0
    skipped: int = 0
    given: int = 0


@dataclass
class Page:
    values: list[Any] = field(default_factory=list)
    size: int = 0
    charge: float = 0.0
    continuation: str | None = None

    def add(self, value: Any) -> None:
        self.values.append(value)
        self.size += len(json.dumps(value, separators=(",", ":")))


def items_in(container: Container, interval: Interval) -> list[Item]:
    """Living items of an interval."""
    found: list[Item] = []
    for partition in container.partitions:
        if not interval.meets(partition):
            continue
        if interval.key is not None:
            found.extend(partition.logical.get(interval.key, {}).values())
        else:
            found.extend(item for item in partition.items() if interval.holds(item.place))
    return [item for item in found if container.is_alive(item)]


def is_full(page: Page, most: int) -> bool:
    return len(page.values) >= most or page.size >= LARGEST_PAGE


def token_of(interval: Interval, position: Position) -> str:
    order = (
        None if position.order is None else [[] if part is UNDEFINED else [part] for part in position.order]
    )
    state = [
        interval.low,
        interval.high,
        order,
        position.number,
        position.row,
        position.skipped,
        position.given,
    ]
    return base64.b64encode(json.dumps(state).encode()).decode()


def resume(intervals: Sequence[Interval], token: str | None) -> tuple[list[Interval], Position]:
    """What is left of the intervals, by where the last page ended. Raises 400 for a strange token."""
    if not token:
        return list(intervals), Position()
    try:
        low, high, order, *numbers = json.loads(base64.b64decode(token, validate=True))
        keys = None if order is None else [part[0] if part else UNDEFINED for part in order]
        position = Position(keys, *numbers)
    except (ValueError, TypeError, IndexError):
        raise bad_request("Invalid continuation token.") from None
    return _rejoined(intervals, low, high), position


def _rejoined(intervals: Sequence[Interval], low: str, high: str) -> list[Interval]:
    """From `low` on; what was one interval when the token was made is one again after a split."""
    later = [interval for interval in intervals if interval.low >= high != interval.high]
    begun = [interval for interval in intervals if low <= interval.low and interval not in later]
    if not begun:
        return later
    return [replace(begun[0], high=begun[-1].high), *later]

"""A container in memory: physical partitions, their items and changes."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.peers.cosmos.clock import Clock
from tests.peers.cosmos.hashing import END, effective_key, even_boundaries, middle
from tests.peers.cosmos.refusals import gone
from tests.peers.cosmos.resource_ids import document_rid
from tests.peers.cosmos.sql.values import UNDEFINED

SYSTEM_PROPERTIES = ("_rid", "_self", "_etag", "_attachments", "_ts")
Key = tuple[str, str]
"""The partition key as JSON, and the id."""


@dataclass(frozen=True, slots=True)
class Item:
    """One document as stored: its system properties, its place and when it was written."""

    document: Mapping[str, Any]
    key: Key
    place: str
    number: int
    lsn: int
    size: int

    @property
    def etag(self) -> str:
        return str(self.document["_etag"])

    @property
    def timestamp(self) -> int:
        return int(self.document["_ts"])


@dataclass(frozen=True, slots=True)
class Change:
    """One write or delete, as the all-versions feed tells it."""

    kind: str
    lsn: int
    place: str
    timestamp: int
    document: Mapping[str, Any] | None
    previous: Mapping[str, Any] | None


@dataclass
class Partition:
    """A physical partition: a range of places, a log sequence number, logical partitions with items."""

    range_id: str
    low: str
    high: str
    parents: tuple[str, ...] = ()
    born: int = 1
    lsn: int = 0
    logical: dict[str, dict[str, Item]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def holds(self, place: str) -> bool:
        return self.low <= place and (self.high == END or place < self.high)

    def items(self) -> Iterator[Item]:
        return itertools.chain.from_iterable(items.values() for items in self.logical.values())

    def get(self, key: Key) -> Item | None:
        return self.logical.get(key[0], {}).get(key[1])

    def put(self, item: Item) -> None:
        self.logical.setdefault(item.key[0], {})[item.key[1]] = item

    def remove(self, item: Item) -> None:
        siblings = self.logical[item.key[0]]
        del siblings[item.key[1]]
        if not siblings:
            del self.logical[item.key[0]]


class Container:
    """Items spread over physical partitions by the hash of their partition key."""

    def __init__(
        self, definition: dict[str, Any], rid: str, link: str, partitions: int, clock: Clock
    ) -> None:
        self.definition = definition
        self.rid = rid
        self.link = link
        self.clock = clock
        self.paths = [path.strip("/").split("/") for path in definition["partitionKey"]["paths"]]
        self.kind = definition["partitionKey"].get("kind", "Hash")
        self.version = 1
        self.partitions = [
            Partition(str(number), low, high)
            for number, (low, high) in enumerate(even_boundaries(partitions))
        ]
        self._next_range = partitions
        self._numbers = itertools.count(1)

    @property
    def session_token(self) -> str:
        return ",".join(self.session_token_of(partition) for partition in self.partitions)

    def session_token_of(self, partition: Partition) -> str:
        return f"{partition.range_id}:{self.version}#{partition.lsn}#1=-1"

    def next_number(self) -> int:
        return next(self._numbers)

    def document_rid(self, number: int) -> str:
        return document_rid(self.rid, number)

    def place(self, components: Sequence[Any]) -> str:
        return effective_key(components, self.kind)

    def key_of(self, document: Mapping[str, Any]) -> list[Any]:
        return [_at(document, path) for path in self.paths]

    def partition_at(self, place: str) -> Partition:
        return next(partition for partition in self.partitions if partition.holds(place))

    def partition(self, range_id: str) -> Partition:
        """Raises 410/1002 for a range that was split or never was."""
        for partition in self.partitions:
            if partition.range_id == range_id:
                return partition
        raise gone(range_id)

    def lifetime(self, item: Item) -> float | None:
        """Seconds from the last write until the item expires."""
        default = self.definition.get("defaultTtl")
        if default is None:
            return None
        own = item.document.get("ttl", default)
        return None if own == -1 else float(own)

    def is_alive(self, item: Item) -> bool:
        lifetime = self.lifetime(item)
        return lifetime is None or self.clock.now() < item.timestamp + lifetime

    def split(self, range_id: str) -> tuple[str, str]:
        """Two partitions in the place of one, each with half of its places, as a growing container does."""
        parent = self.partition(range_id)
        at = middle(parent.low, parent.high)
        self.version += 1
        children = [self._child(parent, parent.low, at), self._child(parent, at, parent.high)]
        for item in parent.items():
            next(child for child in children if child.holds(item.place)).put(item)
        for change in parent.changes:
            next(child for child in children if child.holds(change.place)).changes.append(change)
        index = self.partitions.index(parent)
        self.partitions[index : index + 1] = children
        return children[0].range_id, children[1].range_id

    def _child(self, parent: Partition, low: str, high: str) -> Partition:
        range_id = str(self._next_range)
        self._next_range += 1
        return Partition(range_id, low, high, (*parent.parents, parent.range_id), self.version, parent.lsn)


def key_text(components: Sequence[Any]) -> str:
    """A partition key as text that is the same for the same key."""
    return json.dumps(
        [{} if part is UNDEFINED else _plain(part) for part in components], separators=(",", ":")
    )


def _plain(value: Any) -> Any:
    """1 and 1.0 are one key."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _at(document: Any, path: Sequence[str]) -> Any:
    for step in path:
        if not isinstance(document, Mapping) or step not in document:
            return UNDEFINED
        document = document[step]
    return document

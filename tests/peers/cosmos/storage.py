"""What the account holds: databases, containers, physical partitions and their items, in memory."""

import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.peers.cosmos.hashing import END, FIRST, effective_key, even_boundaries, middle
from tests.peers.cosmos.refusals import bad_request, conflict, gone, not_found
from tests.peers.cosmos.resource_ids import container_rid, database_rid, document_rid
from tests.peers.cosmos.sql.values import UNDEFINED

SYSTEM_PROPERTIES = ("_rid", "_self", "_etag", "_attachments", "_ts")
Key = tuple[str, str]
"""The partition key as JSON, and the id."""


class Clock:
    """The service's time, which a test may move on so that nobody waits for a time to live."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def reset(self) -> None:
        self._ahead = 0.0


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


class Database:
    """Named containers."""

    def __init__(self, name: str, rid: str, clock: Clock) -> None:
        self.name = name
        self.rid = rid
        self.containers: dict[str, Container] = {}
        self._clock = clock
        self._made = 0

    def definition(self) -> dict[str, Any]:
        link = f"dbs/{self.rid}/"
        own = {"id": self.name, "_rid": self.rid, "_self": link, "_etag": f'"{self.rid}"', "_ts": 1}
        return {**own, "_colls": "colls/", "_users": "users/"}

    def create(self, wanted: Mapping[str, Any], partitions: int) -> Container:
        """Raises 409 for a name in use and 400 for a definition without partition key."""
        name = wanted.get("id")
        if not isinstance(name, str) or not name:
            raise bad_request("The container needs an id.")
        if name in self.containers:
            raise conflict(name)
        self._made += 1
        rid = container_rid(self.rid, self._made)
        definition = _completed(wanted, rid, f"dbs/{self.rid}/colls/{rid}/", int(self._clock.now()))
        link = f"dbs/{self.name}/colls/{name}"
        self.containers[name] = Container(definition, rid, link, partitions, self._clock)
        return self.containers[name]

    def container(self, name: str) -> Container:
        if name not in self.containers:
            raise not_found(f"dbs/{self.name}/colls/{name}", 1003)
        return self.containers[name]


class Account:
    """Named databases."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.databases: dict[str, Database] = {}
        self._made = 0

    def create(self, name: str) -> Database:
        if name in self.databases:
            raise conflict(name)
        self._made += 1
        self.databases[name] = Database(name, database_rid(self._made), self.clock)
        return self.databases[name]

    def database(self, name: str) -> Database:
        if name not in self.databases:
            raise not_found(f"dbs/{name}")
        return self.databases[name]


DEFAULT_INDEXING: Mapping[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}


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


def _completed(wanted: Mapping[str, Any], rid: str, link: str, now: int) -> dict[str, Any]:
    """A definition with the service's defaults. Raises 400 for what the peer does not speak."""
    key = wanted.get("partitionKey") or {}
    if not key.get("paths"):
        raise bad_request("The partition key definition is missing.")
    if key.get("version", 1) != 2 and key.get("kind", "Hash") == "Hash":
        raise bad_request("This account only makes containers with partition key version 2.")
    indexing = {**DEFAULT_INDEXING, **(wanted.get("indexingPolicy") or {})}
    system = {"_rid": rid, "_self": link, "_etag": f'"{rid}"', "_ts": now, "_docs": "docs/"}
    return {**wanted, "partitionKey": key, "indexingPolicy": indexing, **system}


def is_whole_space(low: str, high: str) -> bool:
    return low == FIRST and high == END

"""What the account holds: databases, and their containers by name."""

from collections.abc import Mapping
from typing import Any

from tests.peers.cosmos.clock import Clock
from tests.peers.cosmos.refusals import bad_request, conflict, not_found
from tests.peers.cosmos.resource_ids import container_rid, database_rid
from tests.peers.cosmos.storage import Container


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

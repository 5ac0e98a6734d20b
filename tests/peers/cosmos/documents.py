"""Reads and writes of single documents inside one physical partition."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.peers.cosmos import charges
from tests.peers.cosmos.indexing import IndexPolicy
from tests.peers.cosmos.patching import patched
from tests.peers.cosmos.refusals import Refused, bad_request, conflict, not_found, precondition_failed
from tests.peers.cosmos.sql.evaluate import Scope
from tests.peers.cosmos.sql.parser import parse_condition
from tests.peers.cosmos.sql.rows import rows_of, run_nested
from tests.peers.cosmos.sql.values import is_number
from tests.peers.cosmos.storage import (
    SYSTEM_PROPERTIES,
    Change,
    Container,
    Item,
    Partition,
    key_text,
)

LARGEST_DOCUMENT = 2 * 1024 * 1024
_FORBIDDEN_IN_ID = frozenset("/\\?#")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one operation came to."""

    status: int
    charge: float
    document: Mapping[str, Any] | None = None

    @property
    def etag(self) -> str | None:
        return str(self.document["_etag"]) if self.document else None


@dataclass(frozen=True, slots=True)
class Conditions:
    """The etags a caller asks for."""

    if_match: str | None = None
    if_none_match: str | None = None


class Documents:
    """Operations on one logical partition; all of them share the sequence number `lsn`."""

    def __init__(self, container: Container, key: Sequence[Any]) -> None:
        self._container = container
        self._key = list(key)
        self._place = container.place(key)
        self.partition: Partition = container.partition_at(self._place)
        self._index = IndexPolicy(container.definition["indexingPolicy"])
        self.lsn = self.partition.lsn + 1

    def read(self, item_id: str, when: Conditions) -> Outcome:
        item = self._existing(item_id)
        if when.if_none_match and when.if_none_match in {item.etag, "*"}:
            return Outcome(304, charges.read(item.size), {"_etag": item.etag})
        return Outcome(200, charges.read(item.size), item.document)

    def create(self, document: dict[str, Any]) -> Outcome:
        item_id = self._checked(document)
        if self._find(item_id):
            raise conflict(item_id)
        return self._write(document, None, 201)

    def upsert(self, document: dict[str, Any], when: Conditions) -> Outcome:
        found = self._find(self._checked(document))
        if when.if_match and found is not None:
            _match(found, when)
        return self._write(document, found, 200 if found else 201)

    def replace(self, item_id: str, document: dict[str, Any], when: Conditions) -> Outcome:
        found = self._existing(item_id)
        _match(found, when)
        if self._checked(document) != item_id:
            raise bad_request("The id of the document is not the id in the path.")
        return self._write(document, found, 200)

    def patch(self, item_id: str, body: Mapping[str, Any], when: Conditions) -> Outcome:
        found = self._existing(item_id)
        _match(found, when)
        if body.get("condition") and not _holds(str(body["condition"]), found.document):
            raise precondition_failed()
        changed = patched(found.document, body.get("operations") or [])
        if self._container.key_of(changed) != self._key or changed.get("id") != item_id:
            raise bad_request("A patch may not change the id or the partition key.")
        return self._write(changed, found, 200)

    def delete(self, item_id: str, when: Conditions) -> Outcome:
        found = self._existing(item_id)
        _match(found, when)
        self.partition.remove(found)
        self._log("delete", None, found)
        return Outcome(204, charges.write(found.size, self._index.terms(found.document)))

    def delete_all(self) -> Outcome:
        items = list(self.partition.logical.get(key_text(self._key), {}).values())
        costs = [self.delete(item.key[1], Conditions()).charge for item in items]
        return Outcome(200, sum(costs))

    def commit(self) -> None:
        """What was written becomes the newest of the partition."""
        self.partition.lsn = self.lsn

    def snapshot(self) -> dict[str, Item]:
        return dict(self.partition.logical.get(key_text(self._key), {}))

    def restore(self, before: dict[str, Item], changes: int) -> None:
        """Undo everything since the snapshot."""
        self.partition.logical[key_text(self._key)] = before
        del self.partition.changes[changes:]

    def _find(self, item_id: str) -> Item | None:
        item = self.partition.get((key_text(self._key), item_id))
        if item is not None and not self._container.is_alive(item):
            self.partition.remove(item)
            return None
        return item

    def _existing(self, item_id: str) -> Item:
        item = self._find(item_id)
        if item is None:
            raise not_found(f"{self._container.link}/docs/{item_id}")
        return item

    def _checked(self, document: dict[str, Any]) -> str:
        item_id = document.get("id")
        if not isinstance(item_id, str) or not item_id or _FORBIDDEN_IN_ID & set(item_id):
            raise bad_request(
                "The input content is invalid because the required property 'id' is not usable."
            )
        if key_text(self._container.key_of(document)) != key_text(self._key):
            raise bad_request(
                "PartitionKey extracted from document doesn't match the one specified in the header.", 1001
            )
        ttl = document.get("ttl", -1)
        if not is_number(ttl) or ttl == 0 or ttl < -1:
            raise bad_request("The input ttl is invalid: it is -1 or a positive number of seconds.")
        return item_id

    def _write(self, document: dict[str, Any], before: Item | None, status: int) -> Outcome:
        number = before.number if before else self._container.next_number()
        stored = {
            **{name: value for name, value in document.items() if name not in SYSTEM_PROPERTIES},
            **self._system(number),
        }
        size = len(json.dumps(stored, separators=(",", ":")).encode())
        if size > LARGEST_DOCUMENT:
            raise Refused(413, "Request size is too large: a document has at most 2 MB.")
        self._check_unique(stored, before)
        key = (key_text(self._key), str(document["id"]))
        self.partition.put(Item(stored, key, self._place, number, self.lsn, size))
        self._log("replace" if before else "create", stored, before)
        cost = charges.write(size, self._index.terms(stored), replaces=before is not None)
        return Outcome(status, cost, stored)

    def _system(self, number: int) -> dict[str, Any]:
        rid = self._container.document_rid(number)
        return {
            "_rid": rid,
            "_self": f"{self._container.definition['_self']}docs/{rid}/",
            "_etag": f'"{self.partition.range_id:0>8}-0000-{self._container.next_number():016x}"',
            "_attachments": "attachments/",
            "_ts": int(self._container.clock.now()),
        }

    def _check_unique(self, document: Mapping[str, Any], before: Item | None) -> None:
        policy = self._container.definition.get("uniqueKeyPolicy")
        if not policy:
            return
        siblings = self.partition.logical.get(key_text(self._key), {}).values()
        others = [item.document for item in siblings if item is not before]
        for unique in policy.get("uniqueKeys", []):
            if any(_values(other, unique["paths"]) == _values(document, unique["paths"]) for other in others):
                raise conflict(f"unique index constraint violation on {', '.join(unique['paths'])}")

    def _log(self, kind: str, document: Mapping[str, Any] | None, before: Item | None) -> None:
        now = int(self._container.clock.now())
        previous = before.document if before else None
        self.partition.changes.append(Change(kind, self.lsn, self._place, now, document, previous))


def _match(item: Item, when: Conditions) -> None:
    if when.if_match and when.if_match not in {item.etag, "*"}:
        raise precondition_failed()


def _holds(condition: str, document: Mapping[str, Any]) -> bool:
    query = parse_condition(condition)
    return any(True for _ in rows_of(query, document, Scope({}, {}, None, run_nested)))


def _values(document: Mapping[str, Any], paths: Iterable[str]) -> list[str]:
    found: list[str] = []
    for path in paths:
        value: Any = document
        for step in path.strip("/").split("/"):
            value = value.get(step) if isinstance(value, Mapping) else None
        found.append(json.dumps(value, sort_keys=True))
    return found

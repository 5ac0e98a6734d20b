"""Sums up any number of items, in any order, so that two stores can be compared table by table."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backends.azure.customer_items import OWNERS, stored_row
from backends.azure.sqlite_values import Stored

_WIDTH = 256


@dataclass
class Digest:
    """How many items there are, and a sum over a hash of each: equal only when the items are."""

    rows: int = 0
    total: int = 0

    @property
    def checksum(self) -> str:
        return f"{self.total:064x}"

    def take(self, item: Mapping[str, Any]) -> None:
        self.rows += 1
        self.total = (self.total + _fingerprint(item)) % (1 << _WIDTH)


@dataclass
class Digests:
    """A digest for every kind of item."""

    by_kind: dict[str, Digest] = field(default_factory=dict)

    def take(self, items: Iterable[Mapping[str, Any]]) -> None:
        for item in items:
            if "kind" in item:
                self.by_kind.setdefault(item["kind"], Digest()).take(item)

    @property
    def rows(self) -> int:
        return sum(digest.rows for digest in self.by_kind.values())

    @property
    def checksum(self) -> str:
        """One checksum over all kinds."""
        text = json.dumps({kind: [d.rows, d.checksum] for kind, d in sorted(self.by_kind.items())})
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: "Digests") -> list[str]:
        """What `other` has differently, one sentence for every kind."""
        found = []
        for kind in sorted(self.by_kind.keys() | other.by_kind.keys()):
            ours, theirs = self.by_kind.get(kind, Digest()), other.by_kind.get(kind, Digest())
            if ours.rows != theirs.rows:
                found.append(f"{kind}: {theirs.rows} rows where the source has {ours.rows}")
            elif ours.total != theirs.total:
                found.append(f"{kind}: the same number of rows, but not the same rows")
        return found


def _fingerprint(item: Mapping[str, Any]) -> int:
    """The hash of where an item is and what row it stands for, types included."""
    content = [item["id"], item["kind"], item.get("customer"), item.get("partition")]
    if item["kind"] != OWNERS:
        content += [[name, *_typed(value)] for name, value in sorted(stored_row(item, ()).items())]
    return int.from_bytes(hashlib.sha256(json.dumps(content).encode()).digest())


def _typed(value: Stored) -> tuple[str, str | None]:
    if isinstance(value, bytes):
        return "bytes", value.hex()
    if isinstance(value, float):
        return "real", value.hex()
    return type(value).__name__, None if value is None else str(value)

"""The event log of a hub: partitions, sequence numbers, offsets; kept in a file when there is one."""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code


@dataclass(frozen=True, slots=True)
class Stored:
    """An event in its partition."""

    sequence: int
    offset: int
    enqueued_ms: int
    key: str | None
    bare: bytes


class Partition:
    """An append-only list; offsets grow by the size of what is stored, as in the service."""

    def __init__(self, partition_id: str) -> None:
        self.partition_id = partition_id
        self.events: list[Stored] = []
        self.first = 0
        """The sequence number of the oldest event kept."""
        self._next_offset = 0

    def append(self, bare: bytes, key: str | None, enqueued_ms: int) -> Stored:
        sequence = self.events[-1].sequence + 1 if self.events else self.first
        stored = Stored(sequence, self._next_offset, enqueued_ms, key, bare)
        self._next_offset += len(bare) + 64
        self.events.append(stored)
        return stored

    def forget(self, before_sequence: int) -> None:
        """What retention does."""
        self.events = [event for event in self.events if event.sequence >= before_sequence]
        self.first = max(self.first, before_sequence)

    @property
    def last(self) -> Stored | None:
        return self.events[-1] if self.events else None


class Hub:
    """Partitions, who may read them in which groups, and the file they outlive the broker in."""

    def __init__(
        self,
        name: str,
        partitions: int = 4,
        groups: tuple[str, ...] = ("$Default",),
        file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._clock = clock
        self.groups = {group.lower() for group in groups} | {"$default"}
        self.created_ms = int(clock() * 1000)
        self.partitions = {str(number): Partition(str(number)) for number in range(partitions)}
        self._turn = 0
        self._file = file
        if file is not None and file.exists():
            self._load(file)

    def partition_for(self, key: str | None) -> Partition:
        """By the service's hash of the key; in turn without one."""
        ids = list(self.partitions)
        if key is not None:
            return self.partitions[ids[abs(generate_hash_code(key)) % len(ids)]]
        self._turn += 1
        return self.partitions[ids[self._turn % len(ids)]]

    def append(self, partition: Partition, bare: bytes, key: str | None) -> Stored:
        stored = partition.append(bare, key, int(self._clock() * 1000))
        if self._file is not None:
            row = [partition.partition_id, stored.enqueued_ms, key, b64encode(bare).decode()]
            with self._file.open("a") as out:
                out.write(json.dumps(row) + "\n")
        return stored

    def _load(self, file: Path) -> None:
        for line in file.read_text().splitlines():
            partition_id, enqueued, key, bare = json.loads(line)
            self.partitions[partition_id].append(b64decode(bare), key, enqueued)

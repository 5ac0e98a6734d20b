"""The change feed of one physical partition, or of a part of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from itertools import groupby
from typing import Any

from tests.peers.cosmos import charges
from tests.peers.cosmos.queries import Interval, items_in
from tests.peers.cosmos.refusals import bad_request
from tests.peers.cosmos.storage import Change, Container, Item, Partition

LARGEST_PAGE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """From where: `etag` is the number read last, `*` is now; `since` leaves older writes out."""

    etag: str | None
    since: str | None
    most: int
    everything: bool


@dataclass
class Changes:
    """A page. It ends between two sequence numbers, never inside a transaction."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    lsn: int = 0
    charge: float = 0.0

    @property
    def etag(self) -> str:
        return f'"{self.lsn}"'


def read_changes(container: Container, partition: Partition, interval: Interval, asked: Asked) -> Changes:
    """Raises 400 for an etag that is no sequence number."""
    after = _sequence(asked.etag, partition)
    page = Changes(lsn=partition.lsn)
    entries = list(_entries(container, partition, interval, asked, after))
    for lsn, group in groupby(entries, key=lambda entry: entry[0]):
        if page.documents and len(page.documents) >= asked.most:
            break
        page.documents.extend(document for _, document in group)
        page.lsn = lsn
    if len(page.documents) == len(entries):
        page.lsn = partition.lsn
    page.charge = charges.change_feed(sum(len(str(document)) for document in page.documents))
    return page


def _sequence(etag: str | None, partition: Partition) -> int:
    if etag is None:
        return 0
    if etag == "*":
        return partition.lsn
    number = etag.strip('"')
    if not number.isdigit():
        raise bad_request(f"The change feed can not continue from {etag}.")
    return int(number)


def _entries(
    container: Container, partition: Partition, interval: Interval, asked: Asked, after: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    since = parsedate_to_datetime(asked.since).timestamp() if asked.since else 0
    if asked.everything:
        if asked.etag is None:
            raise bad_request("All versions and deletes can not be read from the beginning.")
        yield from _all_versions(partition, interval, after)
        return
    found = [item for item in items_in(container, interval) if item.lsn > after and item.timestamp >= since]
    for item in sorted(found, key=lambda item: (item.lsn, item.number)):
        if partition.holds(item.place):
            yield item.lsn, _latest(item)


def _latest(item: Item) -> dict[str, Any]:
    return {**item.document, "_lsn": item.lsn}


def _all_versions(
    partition: Partition, interval: Interval, after: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    for change in partition.changes:
        if change.lsn > after and interval.holds(change.place):
            yield change.lsn, _version(change)


def _version(change: Change) -> dict[str, Any]:
    metadata = {"lsn": change.lsn, "crts": change.timestamp, "operationType": change.kind}
    version: dict[str, Any] = {"metadata": metadata, "current": change.document or {}}
    if change.previous:
        version["previous"] = change.previous
        metadata["previousImageLSN"] = change.lsn - 1
    if change.kind == "delete" and change.previous:
        metadata["id"] = change.previous["id"]
    return version

"""Copies a contoso.db into the two containers, so that it can be killed anywhere and run again.

Items go in batches of one partition, in an order that depends on the source alone. How many batches
are stored is written down every few of them; a second run of the same source begins there. Storing a
batch twice changes nothing.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError

from backends.azure.contoso_source import ContosoSource
from backends.azure.customer_containers import PARTITION_PATHS, CustomerContainers
from backends.azure.customer_digest import Digests
from backends.azure.customer_items import Item
from backends.azure.customer_tables import TABLES_ID, StoreTables, Which, read_tables
from backends.azure.customer_trouble import ThrottledError
from backends.customer_wiring import MigrationOutcome, MigrationProgress, ReportProgress
from casework.customers import CustomerStoreError

MAX_BATCH = 100
_MAX_BATCH_CHARACTERS = 1_000_000
_AT_ONCE = 8
_BATCHES_BETWEEN_NOTES = 16
_MAX_WAITS = 60
_LONGEST_WAIT_SECONDS = 5.0
_CHECKPOINT_ID = "migration"
_PLAN = 1
"""Changes when the same source would be cut into other batches."""

Batch = tuple[Which, list[Item]]


class _Checkpoint(BaseModel):
    """How many batches of which source are stored for certain."""

    source: str
    plan: int
    batches: int


async def migrate(
    source: ContosoSource, containers: CustomerContainers, report: ReportProgress
) -> MigrationOutcome:
    """Copy everything that is not there yet, then read it all back and compare.

    Raises CustomerStoreError when the target cannot be used or holds another database, and
    ReadOnlyStoreError when the role does not allow writing.
    """
    wanted = Digests()
    for number, item in enumerate(source.items(), start=1):
        wanted.take([item])
        if number % 5000 == 0:
            report(MigrationProgress("reading", number, 0))
    if not await _is_complete(containers, wanted):
        await _copy(source, containers, wanted, report)
        tables = StoreTables(tables=source.states(), source_checksum=wanted.checksum)
        await _patiently(lambda: containers.upsert_all("directory", [tables.item()]))
    found = await _read_back(containers, wanted.rows, report)
    return MigrationOutcome(
        {kind: digest.rows for kind, digest in sorted(found.by_kind.items())},
        found.checksum,
        wanted.differences(found),
    )


async def _is_complete(containers: CustomerContainers, wanted: Digests) -> bool:
    item = await containers.read("directory", TABLES_ID, TABLES_ID)
    if item is None:
        return False
    if read_tables(item, str(containers.place)).source_checksum != wanted.checksum:
        raise CustomerStoreError(
            f"{containers.place} already holds the data of another contoso.db: migrate into new, empty"
            " containers and let MCP_COSMOS_ACTIVITY and MCP_COSMOS_DIRECTORY name them"
        )
    return True


async def _copy(
    source: ContosoSource, containers: CustomerContainers, wanted: Digests, report: ReportProgress
) -> None:
    stored = await _stored_batches(containers, wanted.checksum)
    batches = _batches(source.items())
    done = resumed_at = sum(len(items) for _, items in islice(batches, stored))
    report(MigrationProgress("copying", done, wanted.rows, containers.spent.units, resumed_at))
    since_note = 0
    while several := list(islice(batches, _AT_ONCE)):
        await asyncio.gather(*(_store(containers, batch) for batch in several))
        stored, since_note = stored + len(several), since_note + len(several)
        done += sum(len(items) for _, items in several)
        if since_note >= _BATCHES_BETWEEN_NOTES:
            since_note = 0
            await _note(containers, _Checkpoint(source=wanted.checksum, plan=_PLAN, batches=stored))
        report(MigrationProgress("copying", done, wanted.rows, containers.spent.units, resumed_at))
    await _note(containers, _Checkpoint(source=wanted.checksum, plan=_PLAN, batches=stored))


def _batches(items: Iterable[Item]) -> Iterator[Batch]:
    """Items of one partition together, as many as one transaction takes."""
    batch: list[Item] = []
    size = 0
    place: tuple[Which, str] | None = None
    for item in items:
        length = len(str(item))
        full = len(batch) == MAX_BATCH or size + length > _MAX_BATCH_CHARACTERS
        if batch and (full or place != _place(item)):
            yield _place(batch[0])[0], batch
            batch, size = [], 0
        batch.append(item)
        size, place = size + length, _place(item)
    if batch:
        yield _place(batch[0])[0], batch


def _place(item: Item) -> tuple[Which, str]:
    which: Which = "directory" if PARTITION_PATHS["directory"] in item else "activity"
    return which, item[PARTITION_PATHS[which]]


async def _store(containers: CustomerContainers, batch: Batch) -> None:
    await _patiently(lambda: containers.upsert_all(*batch))


async def _patiently(store: Callable[[], Any]) -> None:
    """Wait at random and try again while the account says that it is asked for too much."""
    for waits in range(_MAX_WAITS):
        try:
            await store()
        except ThrottledError:
            await asyncio.sleep(random.uniform(0, min(_LONGEST_WAIT_SECONDS, 0.1 * 2**waits)))
        else:
            return
    await store()


async def _stored_batches(containers: CustomerContainers, checksum: str) -> int:
    item = await containers.read("directory", _CHECKPOINT_ID, _CHECKPOINT_ID)
    with suppress(ValidationError):
        noted = _Checkpoint.model_validate(item)
        if (noted.source, noted.plan) == (checksum, _PLAN):
            return noted.batches
    return 0


async def _note(containers: CustomerContainers, checkpoint: _Checkpoint) -> None:
    item = {"id": _CHECKPOINT_ID, "partition": _CHECKPOINT_ID, **checkpoint.model_dump()}
    await _patiently(lambda: containers.upsert_all("directory", [item]))


async def _read_back(containers: CustomerContainers, of: int, report: ReportProgress) -> Digests:
    found = Digests()
    async for items in _everything(containers):
        found.take(items)
        report(MigrationProgress("checking", found.rows, of, containers.spent.units))
    return found


async def _everything(containers: CustomerContainers) -> AsyncIterator[list[Item]]:
    for which in PARTITION_PATHS:
        async for items in containers.pages(which, "SELECT * FROM c"):
            yield items

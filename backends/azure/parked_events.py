"""Events that could not be read, set aside with the reason in blobs that an operator can open.

One append blob a day, `parked/YYYY-MM-DD.jsonl` beside the checkpoints; each line says where in the hub the
event is. Parking never holds a partition up: when it fails, or the day's blob is full, events are counted and
logged.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from backends.azure.hub_clients import ContainerClient
from backends.azure.telemetry_records import Poison

PREFIX = "parked/"
KEEP = timedelta(days=30)
MOST_DAY_BYTES = 64 * 1024 * 1024
MOST_LINES = 1000
"""Of one batch; more of the same would tell nothing new."""
SECONDS = 10.0

log = structlog.get_logger("backends.event_hubs")


class ParkedEvents:
    """The day's blob, and how many events were parked since this process started."""

    def __init__(
        self,
        container: ContainerClient,
        clock: Callable[[], datetime],
        most_day_bytes: int = MOST_DAY_BYTES,
    ) -> None:
        self.total = 0
        self._most_day_bytes = most_day_bytes
        self._container = container
        self._clock = clock

    async def add(self, partition: str, found: Sequence[tuple[int, Poison]]) -> None:
        """Set aside what was found in a batch: sequence numbers and what is wrong."""
        self.total += len(found)
        for sequence, poison in found[:MOST_LINES]:
            log.warning("event_parked", partition=partition, sequence=sequence, reason=poison.reason)
        lines = [self._line(partition, sequence, poison) for sequence, poison in found[:MOST_LINES]]
        try:
            async with asyncio.timeout(SECONDS):
                await self._append("".join(lines).encode())
        except (AzureError, TimeoutError) as error:
            log.warning("parked_events_not_stored", partition=partition, events=len(found), reason=str(error))

    def _line(self, partition: str, sequence: int, poison: Poison) -> str:
        now = self._clock()
        return (
            json.dumps(
                {
                    "parked_at": now.isoformat(),
                    "partition": partition,
                    "sequence_number": sequence,
                    "reason": poison.reason,
                    "begins": poison.excerpt,
                }
            )
            + "\n"
        )

    async def _append(self, data: bytes) -> None:
        blob = self._container.get_blob_client(f"{PREFIX}{self._clock():%Y-%m-%d}.jsonl")
        try:
            properties = await blob.get_blob_properties()
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                await blob.create_append_blob(match_condition=MatchConditions.IfMissing)
            await self._forget()
        else:
            if properties.size + len(data) > self._most_day_bytes:
                log.warning("parked_events_full", blob=blob.blob_name)
                return
        await blob.append_block(data)

    async def _forget(self) -> None:
        """Drop the blobs of days long past."""
        oldest = f"{PREFIX}{self._clock() - KEEP:%Y-%m-%d}"
        async for blob in self._container.list_blobs(name_starts_with=PREFIX):
            if blob.name < oldest:
                await self._container.delete_blob(blob.name)

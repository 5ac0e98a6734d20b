"""Where a consumer stands in each partition, and from where it reads again, in blobs that replicas share.

The blobs are the SDK's, with one more piece of metadata: the event time that must be rewound from.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.eventhub.aio import CheckpointStore
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

from backends.azure.hub_clients import ContainerClient

WATERMARK = "watermark"
MARGIN = timedelta(seconds=60)
"""The clocks of a hub's nodes differ a little."""

log = structlog.get_logger("backends.event_hubs")


class RewindingCheckpoints(CheckpointStore):
    """The SDK's store for one consumer, which hands out places `rewind` before the checkpoints."""

    def __init__(self, container: ContainerClient, consumer: str, rewind: timedelta) -> None:
        self._container = container
        self._consumer = consumer
        self._rewind = rewind
        self._store = BlobCheckpointStore("", "", container_client=container)
        self.reached: dict[str, int] = {}
        """The checkpoints as they were when partitions were last taken, by partition."""
        self.settled = asyncio.Event()
        """Set while no claim of a partition, or its return, is under way."""
        self.settled.set()
        self._claims = 0

    def _place(self, group: str) -> str:
        return f"{group}.{self._consumer}"

    async def list_ownership(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str, **kwargs: Any
    ) -> Iterable[dict[str, Any]]:
        place = self._place(consumer_group)
        found = await self._store.list_ownership(fully_qualified_namespace, eventhub_name, place, **kwargs)
        return [{**one, "consumer_group": consumer_group} for one in found]

    async def claim_ownership(
        self, ownership_list: Iterable[dict[str, Any]], **kwargs: Any
    ) -> Iterable[dict[str, Any]]:
        ours = [{**one, "consumer_group": self._place(one["consumer_group"])} for one in ownership_list]
        self._claims += 1
        self.settled.clear()
        try:
            claimed = await self._store.claim_ownership(ours, **kwargs)
        finally:
            self._claims -= 1
            if self._claims == 0:
                self.settled.set()
        prefix = len(f".{self._consumer}")
        return [{**one, "consumer_group": one["consumer_group"][:-prefix]} for one in claimed]

    async def update_checkpoint(self, checkpoint: Mapping[str, Any], **kwargs: Any) -> None:
        """Write a checkpoint, unless there is one further on: then another replica has the partition."""
        sequence = int(checkpoint["sequence_number"])
        watermark: datetime = kwargs["watermark"]
        metadata = {
            "offset": str(checkpoint["offset"]),
            "sequencenumber": str(sequence),
            WATERMARK: watermark.isoformat(),
        }
        folder = self._folder(
            checkpoint["fully_qualified_namespace"], checkpoint["eventhub_name"], checkpoint["consumer_group"]
        )
        blob = self._container.get_blob_client(folder + checkpoint["partition_id"])
        # Whoever loses this race has been overtaken by the partition's new reader.
        with suppress(ResourceModifiedError, ResourceExistsError):
            try:
                now = await blob.get_blob_properties()
            except ResourceNotFoundError:
                await blob.upload_blob("", metadata=metadata, overwrite=False)
                return
            known = _read_checkpoint(now.metadata)
            if known is None or known.sequence < sequence:
                await blob.set_blob_metadata(
                    metadata, etag=now.etag, match_condition=MatchConditions.IfNotModified
                )

    async def list_checkpoints(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str, **kwargs: Any
    ) -> Iterable[dict[str, Any]]:
        """Where to read from: at the checkpoint, or as much earlier as is rewound."""
        found = await self._read(fully_qualified_namespace, eventhub_name, consumer_group)
        self.reached = {partition: checkpoint.sequence for partition, checkpoint in found.items()}
        return [
            {
                "fully_qualified_namespace": fully_qualified_namespace,
                "eventhub_name": eventhub_name,
                "consumer_group": consumer_group,
                "partition_id": partition,
                "sequence_number": checkpoint.sequence,
                "offset": self._start(checkpoint),
            }
            for partition, checkpoint in found.items()
        ]

    def _start(self, checkpoint: "_Checkpoint") -> datetime | str:
        """The SDK takes a time for a place, too."""
        if self._rewind <= timedelta(0) or checkpoint.watermark is None:
            return checkpoint.offset
        return checkpoint.watermark - self._rewind - MARGIN

    async def sequences(self, namespace: str, hub: str, group: str) -> dict[str, int]:
        """The last sequence number done, by partition."""
        found = await self._read(namespace, hub, group)
        return {partition: checkpoint.sequence for partition, checkpoint in found.items()}

    async def _read(self, namespace: str, hub: str, group: str) -> dict[str, "_Checkpoint"]:
        """The checkpoints by partition. One that cannot be read is none: its partition is read anew."""
        folder = self._folder(namespace, hub, group)
        found = {}
        async for blob in self._container.list_blobs(name_starts_with=folder, include=["metadata"]):
            checkpoint = _read_checkpoint(blob.metadata)
            if checkpoint is None:
                log.warning("checkpoint_unreadable", blob=blob.name, metadata=blob.metadata)
            else:
                found[blob.name.rsplit("/", 1)[-1]] = checkpoint
        return found

    def _folder(self, namespace: str, hub: str, group: str) -> str:
        return f"{namespace}/{hub}/{self._place(group)}/checkpoint/".lower()


class _Checkpoint(NamedTuple):
    """What a checkpoint's blob says."""

    sequence: int
    offset: str
    watermark: datetime | None


def _read_checkpoint(metadata: Mapping[str, str] | None) -> _Checkpoint | None:
    """What a blob's metadata says; names may have any case, as headers have. None when it says nothing."""
    told = {name.lower(): value for name, value in (metadata or {}).items()}
    try:
        watermark = datetime.fromisoformat(told[WATERMARK]) if WATERMARK in told else None
        return _Checkpoint(int(told["sequencenumber"]), told["offset"], watermark)
    except (LookupError, ValueError):
        return None

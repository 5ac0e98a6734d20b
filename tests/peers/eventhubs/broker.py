"""The namespace: its hubs, its listener, and who is connected."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

from tests.peers.eventhubs.access import Access
from tests.peers.eventhubs.codec import Described, ULong, encode
from tests.peers.eventhubs.connection import Connection
from tests.peers.eventhubs.faults import Faults
from tests.peers.eventhubs.log import Hub, Partition

if TYPE_CHECKING:
    from tests.peers.eventhubs.consumers import ConsumerLink

MOST_MESSAGE = 1024 * 1024
HOST = "127.0.0.1"


class Broker:
    """Lives in the event loop that starts it. The hubs outlive a restart of the listener."""

    def __init__(
        self,
        hubs: Iterable[Hub],
        access: Access | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        most_message: int = MOST_MESSAGE,
    ) -> None:
        self.hubs = {hub.name.lower(): hub for hub in hubs}
        self.access = access or Access()
        self.faults = Faults()
        self.most_message = most_message
        self.port = 0
        self.connections: set[Connection] = set()
        self.consumers: set[ConsumerLink] = set()
        self.accepted = 0
        """Connections taken since the start."""
        self._tls = tls
        self._server: asyncio.Server | None = None

    @property
    def connection_string(self) -> str:
        policy, key = next(iter(self.access.keys.items()))
        return (
            f"Endpoint=sb://{HOST}:{self.port};SharedAccessKeyName={policy};SharedAccessKey={key};"
            "UseDevelopmentEmulator=true;"
        )

    @contextlib.asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        """Serve until the block ends; yields the port."""
        await self.start(port)
        try:
            yield self.port
        finally:
            await self.stop()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, port or self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the listener and breaks every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def restart(self) -> None:
        """The same port and the same log."""
        await self.stop()
        await self.start()

    async def cut(self) -> None:
        """Breaks every connection; the listener stays."""
        broken = list(self.connections)
        for connection in broken:
            connection.abort()
        await asyncio.gather(*(connection.ended.wait() for connection in broken))

    def store(self, hub: Hub, partition: Partition, bare: bytes, key: str | None) -> None:
        """Append an event and wake who reads the partition."""
        hub.append(partition, bare, key)
        for link in list(self.consumers):
            if link.partition is partition:
                link.wake()

    def put(
        self, body: Any, partition_id: str | None = None, key: str | None = None, section: int = 0x75
    ) -> None:
        """Store an event in the first hub, as if somebody had sent it; bytes, or another kind of body."""
        hub = next(iter(self.hubs.values()))
        partition = hub.partition_for(key) if partition_id is None else hub.partitions[partition_id]
        self.store(hub, partition, encode(Described(ULong(section), body)), key)

    def steal(self, partition_id: str) -> None:
        """Detaches the readers of a partition, as if another with a higher epoch had come."""
        for link in list(self.consumers):
            if link.partition.partition_id == partition_id:
                link.close("amqp:link:stolen", "a receiver with a higher epoch was created")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self.accepted += 1
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)

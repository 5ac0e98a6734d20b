"""The listening side: takes gRPC's own handler objects, so that its health and reflection work unmodified."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Mapping, Sequence

import grpc

from taskhub.transport.connection import Connection, Handler

_Details = collections.namedtuple("_Details", ("method", "invocation_metadata"))


class GrpcServer:
    """Serves handlers on one address, in the calls that grpc.aio's server has."""

    def __init__(self, message_limit: int, ping_seconds: float = 30.0) -> None:
        """``message_limit`` bytes a request; a client silent for ``ping_seconds`` is asked if it is there."""
        self._message_limit = message_limit
        self._ping_seconds = ping_seconds
        self._generic: list[grpc.GenericRpcHandler] = []
        self._methods: dict[str, Handler] = {}
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._listener: asyncio.Server | None = None

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Serve what these answer to."""
        self._generic.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Generated code registers services a second time this way; the generic handlers suffice."""

    def _lookup(self, path: str) -> Handler | None:
        if path in self._methods:
            return self._methods[path]
        found = (handler.service(_Details(path, ())) for handler in self._generic)
        handler = next((one for one in found if one is not None), None)
        if handler is not None:
            self._methods[path] = handler
        return handler

    async def start(self, host: str, port: int) -> int:
        """Listen; the port. Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connection, host, port, backlog=1024)
        return int(self._listener.sockets[0].getsockname()[1])

    def _connection(self) -> Connection:
        connection = Connection(self._lookup, self._message_limit, self._ping_seconds, self._forget)
        self._connections.add(connection)
        self._empty.clear()
        return connection

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    async def stop(self, grace_seconds: float) -> None:
        """Take no further calls, give those in flight some time, then end them."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.leave()
        if self._connections:
            await self._wait(grace_seconds)
        for connection in list(self._connections):
            connection.abort()
        if self._connections:
            await self._wait(1.0)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            pass

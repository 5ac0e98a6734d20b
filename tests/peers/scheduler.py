"""Azure's Durable Task Scheduler in front of a task hub: TLS, bearer tokens, roles per task hub.

Terminates TLS, judges the metadata of every call as the service does, and forwards the bytes to a hub
without security, such as ours. `python -m tests.peers.scheduler --folder DIR --upstream localhost:8080`
serves one and prints the environment under which product processes find it.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import jwt

from tests.peers.certificates import Certificates, write_certificates
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.tokens import Issuer

AUDIENCE = "https://durabletask.io"
CONTRIBUTOR = "Durable Task Data Contributor"
WORKER, READER = "Durable Task Worker", "Durable Task Data Reader"
_WORKERS = ("Hello", "GetWorkItems", "Complete", "Abandon", "StreamInstanceHistory", "Renew")
_READS = ("Hello", "GetInstance", "WaitForInstance", "QueryInstances", "GetEntity", "QueryEntities", "List")
ALLOWED = {WORKER: _WORKERS, READER: _READS}


@dataclass
class Scheduler:
    """Switches: `roles` by caller name, `refuse` answers every call so, `cut` breaks off what is open."""

    issuer: Issuer
    upstream: str
    hubs: frozenset[str] = frozenset({"default"})
    roles: dict[str, str] = field(default_factory=lambda: {"fraud-console": CONTRIBUTOR})
    refuse: tuple[grpc.StatusCode, str] | None = None
    cut_when_expired: bool = True
    """Whether a stream ends with the token it was opened with: a worker has to come back with another."""
    tokens: set[str] = field(default_factory=set)
    """Every token that was accepted."""
    calls: int = 0
    cuts: int = 0
    port: int = 0
    _open: set[Any] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> str:
        return f"https://localhost:{self.port}"

    def environment(self, certificates: Certificates) -> dict[str, str]:
        """What an unmodified process needs to find it and to trust it."""
        return {
            "DTS_ENDPOINT": self.address,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(certificates.authority),
        }

    def cut(self) -> None:
        """Break off every open call, as a deployment of the service does."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(lambda: [call.cancel() for call in list(self._open)])

    @contextlib.contextmanager
    def running(self, certificates: Certificates, port: int = 0) -> Iterator[str]:
        """Serve in a thread of its own, and yield the endpoint."""
        started, stop = threading.Event(), threading.Event()
        thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(certificates, port, started, stop)), daemon=True
        )
        thread.start()
        if not started.wait(15):
            raise RuntimeError("the scheduler did not start")
        try:
            yield self.address
        finally:
            stop.set()
            thread.join(10)

    async def _serve(
        self, certificates: Certificates, port: int, started: threading.Event, stop: threading.Event
    ) -> None:
        self._loop = asyncio.get_running_loop()
        pair = (certificates.key.read_bytes(), certificates.chain.read_bytes())
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self.port = server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair]))
        async with grpc.aio.insecure_channel(self.upstream) as channel:
            server.add_generic_rpc_handlers((_Forwarding(self, channel),))
            await server.start()
            started.set()
            await asyncio.to_thread(stop.wait)
            await server.stop(0)

    async def forward(
        self, channel: grpc.aio.Channel, method: str, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[bytes]:
        """One call, of whatever kind: judged by its metadata, then passed on as it is."""
        self.calls += 1
        given = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        claims = await self._judge(method, given, context)
        kept = tuple((key, value) for key, value in given.items() if key in ("taskhub", "workerid"))
        call = channel.stream_stream(method)(requests, metadata=kept)
        self._open.add(call)
        ending = asyncio.get_running_loop().call_later(
            max(claims["exp"] - time.time(), 0), self._expire, call
        )
        try:
            async for answer in call:
                yield answer
        except asyncio.CancelledError:
            if call.cancelled():
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection was broken off")
            raise
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "")
        finally:
            ending.cancel()
            self._open.discard(call)
            call.cancel()

    def _expire(self, call: Any) -> None:
        if self.cut_when_expired:
            self.cuts += 1
            call.cancel()

    async def _judge(self, method: str, given: dict[str, str], context: Any) -> dict[str, Any]:
        if self.refuse is not None:
            await context.abort(*self.refuse)
        scheme, _, token = given.get("authorization", "").partition(" ")
        try:
            if scheme != "Bearer":
                raise jwt.InvalidTokenError("there is no bearer token")
            claims = self.issuer.check(token, AUDIENCE)
        except jwt.InvalidTokenError as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"the token is not valid: {error}")
        if not given.get("taskhub"):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the header taskhub is missing")
        if given["taskhub"] not in self.hubs:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no task hub {given['taskhub']}")
        role = self.roles.get(claims["name"], "")
        if role != CONTRIBUTOR and not method.rpartition("/")[2].startswith(ALLOWED.get(role, ("-",))):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, f"{claims['name']} has not the role")
        self.tokens.add(token)
        return claims


class _Forwarding(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Takes every method there is, as bytes."""

    def __init__(self, scheduler: Scheduler, channel: grpc.aio.Channel) -> None:
        self._scheduler = scheduler
        self._channel = channel

    def service(self, details: Any) -> Any:
        async def forward(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            async for answer in self._scheduler.forward(self._channel, details.method, requests, context):
                yield answer

        return grpc.stream_stream_rpc_method_handler(forward)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser("scheduler", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where certificates are written")
    parser.add_argument("--upstream", default="localhost:8080", help="the hub without security")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token-seconds", type=int, default=3600)
    given = parser.parse_args()
    issuer = Issuer("https://login.example/tenant/v2.0")
    identity = ManagedIdentity(issuer, lifetime_seconds=given.token_seconds)
    scheduler, certificates = Scheduler(issuer, given.upstream), write_certificates(given.folder)
    with scheduler.running(certificates, given.port), identity.running() as environment:
        shown = {**scheduler.environment(certificates), **environment}
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()

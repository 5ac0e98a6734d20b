"""The peer as an ASGI application: reads requests, applies switches, writes or withholds replies."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from tests.peers.cosmos.counters import Call
from tests.peers.cosmos.faults import TIMED_OUT, Fault
from tests.peers.cosmos.refusals import Refused
from tests.peers.cosmos.requests import Reply, Request
from tests.peers.cosmos.routing import Target, target_of
from tests.peers.cosmos.service import Service, common_headers, refusal
from tests.peers.cosmos.switches import answer_control

if TYPE_CHECKING:
    from tests.peers.cosmos.peer import CosmosPeer

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Application:
    """One lock around the whole account: requests are answered one after the other."""

    def __init__(self, peer: "CosmosPeer", service: Service, lock: threading.RLock) -> None:
        self._peer = peer
        self._service = service
        self._lock = lock

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        if request.path.startswith("/__peer/"):
            with self._lock:
                reply = answer_control(self._peer, request)
            await _write(send, reply)
            return
        await self._serve(request, send)

    async def _serve(self, request: Request, send: Send) -> None:
        try:
            target = target_of(request)
        except Refused as refused:
            await _write(send, refusal(refused))
            return
        fault = self._peer.faults.next(target.operation, target.container)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "drop_request":
            self._count(request, target, Reply(0))
            _drop(send)
            return
        reply = self._answer(request, target, fault)
        await self._deliver(reply, fault, send)

    def _answer(self, request: Request, target: Target, fault: Fault | None) -> Reply:
        refused = fault.refusal() if fault else None
        with self._lock:
            try:
                if refused is not None:
                    raise refused
                self._peer.throughput.admit()
                reply = self._service.answer(request, target)
                self._peer.throughput.spend(reply.charge)
            except Refused as raised:
                reply = refusal(raised)
            self._count(request, target, reply)
        return reply

    def _count(self, request: Request, target: Target, reply: Reply) -> None:
        range_id = request.header("x-ms-documentdb-partitionkeyrangeid")
        call = Call(target.operation, target.container, reply.status, reply.charge, range_id)
        self._peer.counters.add(call)

    async def _deliver(self, reply: Reply, fault: Fault | None, send: Send) -> None:
        if fault is not None and fault.kind == "lose_response":
            _drop(send)
            return
        if fault is not None and fault.kind == "malformed":
            reply = Reply(reply.status, b'{"id": "cut of', reply.charge, reply.headers)
        if fault is not None and fault.kind == "timeout_after":
            reply = refusal(Refused(408, TIMED_OUT))
        await _write(send, reply)


async def _read(scope: MutableMapping[str, Any], receive: Receive) -> Request:
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body"))
    raw = scope.get("raw_path") or scope["path"].encode()
    return Request(scope["method"], raw.decode(), headers, body)


async def _write(send: Send, reply: Reply) -> None:
    content = reply.content()
    headers = {**common_headers(reply), "content-length": str(len(content))}
    if reply.status == 204:
        del headers["content-length"]
    pairs = [(name.encode(), str(value).encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": content})


def _drop(send: Send) -> None:
    """Close the connection with no answer at all, which ASGI has no message for."""
    cycle = send.__self__  # type: ignore[attr-defined]
    cycle.disconnected = True
    cycle.response_complete = True
    cycle.transport.abort()

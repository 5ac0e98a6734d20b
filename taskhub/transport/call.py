"""One call: what its handler knows and may do, in the shape of gRPC's own servicer context."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
import structlog

from taskhub.transport.framing import BadMessage, MessageReader

if TYPE_CHECKING:
    from taskhub.transport.connection import Connection

log = structlog.get_logger(__name__)

Metadata = Sequence[tuple[str, str]]
_UNREAD_REQUESTS = 64
"""Messages of a request stream that wait for their handler; a client that sends more is cut off."""


class Aborted(Exception):
    """Ends a call with a status."""

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Call:
    """A call from its headers to its status; handlers see it as their ``context``."""

    def __init__(
        self,
        connection: Connection,
        stream_id: int,
        handler: grpc.RpcMethodHandler,
        metadata: Metadata,
        reader: MessageReader,
    ) -> None:
        self._connection = connection
        self.stream_id = stream_id
        self.handler = handler
        self.reader = reader
        self.headers_sent = False
        self.task: asyncio.Task[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None
        self._metadata = metadata
        self._requests: asyncio.Queue[bytes | None] = asyncio.Queue(_UNREAD_REQUESTS)
        self._first: bytes | None = None

    def invocation_metadata(self) -> Metadata:
        """The request's headers that are not the protocol's own."""
        return self._metadata

    def peer(self) -> str:
        """Who calls, as gRPC writes it."""
        return self._connection.peer

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: object = ()
    ) -> NoReturn:
        """End the call with a status."""
        raise Aborted(code, details)

    async def write(self, message: Any) -> None:
        """Send one message of a streamed answer; waits while the client does not read."""
        serialise = self.handler.response_serializer
        await self._connection.send(self, serialise(message) if serialise else message)

    def take(self, data: bytes) -> None:
        """Bytes of the request. Raises BadMessage."""
        for message in self.reader.feed(data):
            if not self.handler.request_streaming:
                if self._first is not None:
                    raise BadMessage(
                        grpc.StatusCode.INTERNAL, "more than one message in a call that takes one"
                    )
                self._first = message
            elif self._requests.full():
                raise BadMessage(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, "requests come faster than they are answered"
                )
            else:
                self._requests.put_nowait(message)

    def end_of_requests(self) -> None:
        """The client has sent all it will. Raises BadMessage."""
        if self.reader.unfinished or (self._first is None and not self.handler.request_streaming):
            raise BadMessage(grpc.StatusCode.INTERNAL, "the request ended within its message")
        if self.handler.request_streaming and not self._requests.full():
            self._requests.put_nowait(None)

    def start(self) -> None:
        """Let the handler run."""
        self.task = asyncio.get_running_loop().create_task(self._run())
        self.task.add_done_callback(self._over)

    def expire(self) -> None:
        """The client's time is up."""
        self._connection.finish(self, grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
        self.cancel()

    def cancel(self) -> None:
        """Stop the handler; nobody wants its answer."""
        if self.task is not None:
            self.task.cancel()

    def _over(self, _: object) -> None:
        self._connection.forget(self)

    async def _run(self) -> None:
        try:
            await self._answer()
        except (Aborted, BadMessage) as refusal:
            self._connection.finish(self, refusal.code, str(refusal))
        except ConnectionError:
            self._connection.drop(self)
        except Exception as error:
            log.exception("call_failed", peer=self.peer())
            sentence = f"Unexpected {type(error).__name__}: {error}"
            self._connection.finish(self, grpc.StatusCode.UNKNOWN, sentence)

    async def _answer(self) -> None:
        handler = self.handler
        request = self._stream() if handler.request_streaming else self._decoded(self._first)
        if not handler.response_streaming:
            behaviour = handler.stream_unary if handler.request_streaming else handler.unary_unary
            answer = await behaviour(request, self)
            payload = handler.response_serializer(answer) if handler.response_serializer else answer
            await self._connection.send(self, payload, last=True)
            return
        behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream
        answers = behaviour(request, self)
        if inspect.isawaitable(answers):
            await answers
        else:
            await self._write_all(answers)
        self._connection.finish(self, grpc.StatusCode.OK, "")

    async def _write_all(self, answers: AsyncIterator[Any]) -> None:
        try:
            async for answer in answers:
                await self.write(answer)
        finally:
            if inspect.isasyncgen(answers):
                await answers.aclose()

    async def _stream(self) -> AsyncIterator[Any]:
        while (message := await self._requests.get()) is not None:
            yield self._decoded(message)

    def _decoded(self, message: bytes | None) -> Any:
        decode = self.handler.request_deserializer
        try:
            return decode(message) if decode else message
        except Exception as error:
            raise BadMessage(grpc.StatusCode.INTERNAL, f"the request cannot be read: {error}") from error

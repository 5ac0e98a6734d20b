"""A connection on which a request has to begin in time and within bounds; uvicorn bounds neither."""

from asyncio import BaseTransport, TimerHandle
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0
"""How long the line and the headers of a request may take to arrive, as for a body."""
LARGEST_HEAD = 64 * 1024
"""Bytes: the longest token that is looked at, four times over."""
MOST_FRAMING = 8
"""How many bytes of framing each byte of a body may come in; chunks of one byte take five."""


class BoundedConnection(HttpToolsProtocol):
    """Closes a connection on which headers, or what comes between and after chunks, do not end."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_done = self._done = False
        self._came = self._body = 0
        self._overdue: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(Any, transport))
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._done:
            self._done = self._head_done = False
        self._came += len(data)
        super().data_received(data)
        if not self._head_done:
            self._watch()
        if self._came > LARGEST_HEAD + (1 + MOST_FRAMING) * self._body and not self.transport.is_closing():
            self.send_400_response("The headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_done, self._came, self._body = False, 0, 0

    def on_headers_complete(self) -> None:
        self._head_done = True
        self._rest()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._done = True
        super().on_message_complete()

    def _watch(self) -> None:
        if self._overdue is None:
            self._overdue = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _rest(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _give_up(self) -> None:
        """Close, unless an earlier request on this connection is still being answered."""
        self._overdue = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._watch()
        else:
            self.transport.close()

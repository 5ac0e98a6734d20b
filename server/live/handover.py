"""Takes long-lived sessions over from the framework, whose layers would otherwise stay with each of them."""

from typing import Protocol

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

KEY = "fraud_console.handed_over"
NEEDED_BY_THE_SERVER = frozenset({"type", "method", "http_version", "client", "path", "query_string"})


class Following(Protocol):
    """A response that was begun and goes on for long."""

    async def follow(self, receive: Receive, send: Send) -> None:
        """Write until the client leaves or the server stops."""

    def end(self) -> None:
        """Give back what the session holds; harmless when that was done."""


def hand_over(scope: Scope, session: Following) -> bool:
    """Leave a session to the outermost layer; False when this application runs under another one."""
    taken = scope.get(KEY)
    if taken is None:
        return False
    taken.append(session)
    return True


class StreamingApp(FastAPI):
    """An application whose middleware sees how a stream begins; the rest goes straight to the server."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        taken: list[Following] = []
        scope[KEY] = taken
        try:
            await super().__call__(scope, receive, send)
            if taken:
                _strip(scope)
                await taken[0].follow(receive, send)
        finally:
            for session in taken:
                session.end()


def _strip(scope: Scope) -> None:
    """Forget what routing left in the scope: the server keeps it for as long as the connection lasts."""
    for name in scope.keys() - NEEDED_BY_THE_SERVER:
        del scope[name]

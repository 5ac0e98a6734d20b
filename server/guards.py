"""What stands before every route: the Host and Origin checks, and bounds on bodies and answers."""

import asyncio
from collections.abc import Callable

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.problems import of_status, problem_of, respond

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


class HostGuard:
    """Refuses requests whose Host is not ours (DNS rebinding), and writes and sockets from foreign pages.

    Paths in `any_host` are answered under every name.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: frozenset[str],
        origins: tuple[str, ...],
        any_host: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = frozenset(origins)
        self._any_host = any_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) > 1:
            return respond(of_status(400, "a request has one Host header"))
        known = scope["path"] in self._any_host or _name_of(headers.get("host", "")) in self._hosts
        if not known:
            return respond(of_status(421, "this server does not answer to that Host; see ALLOWED_HOSTS"))
        origins = headers.getlist("origin")
        harmless = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        foreign = [one for one in origins if one not in self._origins and not is_own(one, headers)]
        if harmless or not foreign:
            return None
        return respond(of_status(403, f"pages from {foreign[0][:100]} may not change anything here"))


class Bounds:
    """Bounds how large a body may be, how long it may take to arrive, and how long an answer may take.

    Paths for which `unbounded` holds may take as long as they like to answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_bytes: int,
        body_seconds: float,
        answer_seconds: float,
        unbounded: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._body_bytes = body_bytes
        self._body_seconds = body_seconds
        self._answer_seconds = answer_seconds
        self._unbounded = unbounded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._unbounded(scope["path"]):
            await self._app(scope, receive, send)
            return
        if self._announced(scope) > self._body_bytes:
            await respond(of_status(413, self._too_large, scope["path"]))(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            async with asyncio.timeout(self._answer_seconds):
                await self._app(scope, self._bounded(receive), answer.send)
        except TimeoutError as error:
            if answer.begun:
                raise
            await respond(problem_of(error, scope["path"]))(scope, receive, send)

    @property
    def _too_large(self) -> str:
        return f"the body is larger than {self._body_bytes} bytes"

    def _announced(self, scope: Scope) -> int:
        length = Headers(scope=scope).get("content-length", "")
        return int(length) if length.isdecimal() and len(length) < 20 else 0

    def _bounded(self, receive: Receive) -> Receive:
        """A `receive` that refuses a body once it is too large or too slow, announced or not."""
        taken, complete = 0, False

        async def receive_within_bounds() -> Message:
            nonlocal taken, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout(self._body_seconds):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body did not arrive within {self._body_seconds:g} s") from None
            taken += len(message.get("body", b""))
            if taken > self._body_bytes:
                raise HTTPException(413, self._too_large)
            complete = not message.get("more_body", False)
            return message

        return receive_within_bounds


class _Answer:
    """Remembers whether a response has begun, and adds the headers that every response carries."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            message["headers"] = [*message.get("headers", []), *SECURITY_HEADERS]
        await self._send(message)


def is_own(origin: str, headers: Headers) -> bool:
    """Whether an Origin is that of our own page: one that a browser got from this Host over the web."""
    scheme, found, place = origin.partition("://")
    return found != "" and scheme in ("http", "https") and place == headers.get("host")


def _name_of(host: str) -> str:
    """A Host header without its port, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]

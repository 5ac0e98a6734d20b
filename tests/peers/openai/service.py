"""The service: deployments behind the three path forms, access, quotas, and answers from a scripted model."""

import contextlib
import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.peers.certificates import Certificates
from tests.peers.openai import completions
from tests.peers.openai.access import admit
from tests.peers.openai.behaviours import Fault
from tests.peers.openai.faulty import faulty
from tests.peers.openai.limits import Quota
from tests.peers.openai.refusals import RefusedError, check, unknown_deployment
from tests.peers.openai.scripts import Asked, Message, Model, says, shortened
from tests.peers.openai.tokens_of import PrefixCache, prompt_tokens, tokens_of
from tests.peers.serving import serve
from tests.peers.tokens import Issuer

CONTEXT_TOKENS = 128_000


@dataclass
class OpenAIPeer:
    """Who may ask, what is deployed, what the model says. Switches may be changed while it runs."""

    model: Model = field(default_factory=lambda: says("Hello."))
    deployments: Mapping[str, str] = field(default_factory=lambda: {"gpt-4o": "gpt-4o"})
    """Deployment names, and the model behind each."""
    api_key: str | None = None
    issuer: Issuer | None = None
    """Whose tokens are taken; with neither a key nor an issuer everybody may ask."""
    granted: frozenset[str] | None = None
    """Object ids that hold the role Cognitive Services OpenAI User; None: everybody who signs in."""
    tokens_per_minute: int | None = None
    requests_per_minute: int | None = None
    clock: Callable[[], float] = time.monotonic
    forbidden_words: tuple[str, ...] = ()
    """Prompts with one of these are stopped by the content filter."""
    always: Fault | None = None
    """Instead of every answer."""
    ill: dict[str, Fault] = field(default_factory=dict)
    """Instead of every answer of one deployment."""
    next_faults: deque[Fault] = field(default_factory=deque)
    """Instead of the next answers, one each."""
    mistake: Callable[[Asked, Message], Message] | None = None
    """What the model does wrong with everything that it says."""
    record: Path | None = None
    """A file for every request and its status, as JSON lines."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of all requests that reached a deployment."""
    paths: list[str] = field(default_factory=list)
    access: list[str] = field(default_factory=list)
    """The Authorization headers, api keys included."""
    port: int = 0

    def __post_init__(self) -> None:
        self._cache = PrefixCache()
        self._numbers = itertools.count(1)
        self._released = threading.Event()
        self._quotas: dict[str, Quota] = {}

    @property
    def app(self) -> Starlette:
        routes = [
            Route("/openai/deployments/{deployment}/chat/completions", self._by_deployment, methods=["POST"]),
            Route("/openai/v1/chat/completions", self._by_model_on_azure, methods=["POST"]),
            Route("/v1/chat/completions", self._by_model, methods=["POST"]),
            Route("/openai/v1/models", self._models),
            Route("/v1/models", self._models),
        ]
        return Starlette(routes=routes)

    @contextlib.contextmanager
    def running(self, certificates: Certificates | None = None, port: int = 0) -> Iterator[str]:
        """Serve, and yield the address without a path."""
        with serve(self.app, certificates, port) as self.port:
            try:
                yield f"http{'s' if certificates else ''}://localhost:{self.port}"
            finally:
                self._released.set()

    async def _by_deployment(self, request: Request) -> Response:
        if not request.query_params.get("api-version"):
            return JSONResponse({"error": {"code": "404", "message": "Resource not found"}}, 404)
        return await self._answered(request, request.path_params["deployment"], azure=True)

    async def _by_model_on_azure(self, request: Request) -> Response:
        return await self._answered(request, None, azure=True)

    async def _by_model(self, request: Request) -> Response:
        return await self._answered(request, None, azure=False)

    async def _models(self, request: Request) -> Response:
        try:
            self._admit(request)
        except RefusedError as error:
            return JSONResponse(error.body, error.status)
        known = [{"id": name, "object": "model", "owned_by": "peer"} for name in self.deployments]
        return JSONResponse({"object": "list", "data": known})

    async def _answered(self, request: Request, deployment: str | None, *, azure: bool) -> Response:
        text = await request.body()
        self.paths.append(request.url.path)
        try:
            self._admit(request)
            body = _parsed(text)
            name = deployment or str(body.get("model"))
            response = await self._served(request, body, name, azure=azure)
        except RefusedError as error:
            response = JSONResponse(error.body, error.status, headers=error.headers)
        self._remember(request, text, response.status_code)
        return response

    def _admit(self, request: Request) -> None:
        """Raise RefusedError for who may not ask."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        key = request.headers.get("api-key", "")
        self.access.append(bearer or key)
        if self.api_key is not None or self.issuer is not None:
            admit(bearer, key, self.api_key, self.issuer, self.granted)

    async def _served(self, request: Request, body: dict[str, Any], name: str, *, azure: bool) -> Response:
        if name not in self.deployments:
            raise unknown_deployment(name, azure=azure)
        number = len(self.asked)
        self.asked.append(body)
        asked = Asked(number, body)
        fault = self._fault(name)
        if fault is None:
            check(body, self.deployments[name])
            self._filter(asked)
        prompt = prompt_tokens(body)
        if fault is None:
            self._count(name, prompt, body)
        said = fault or self.model(asked)
        if isinstance(said, Fault):
            response = await faulty(said, asked, self._released)
            if response is not None:
                return response
            said = self.model(asked)
        message = self.mistake(asked, said) if self.mistake else said
        return self._sent(request, body, name, message, prompt, azure=azure)

    def _fault(self, name: str) -> Fault | None:
        if self.next_faults:
            return self.next_faults.popleft()
        return self.ill.get(name) or self.always

    def _filter(self, asked: Asked) -> None:
        for word in self.forbidden_words:
            if word in asked.text:
                raise RefusedError(
                    "The response was filtered due to the prompt triggering Azure OpenAI's content management"
                    " policy.",
                    code="content_filter",
                    param="prompt",
                )

    def _count(self, name: str, prompt: list[str], body: dict[str, Any]) -> None:
        if len(prompt) > CONTEXT_TOKENS:
            raise RefusedError(
                f"This model's maximum context length is {CONTEXT_TOKENS} tokens. However, your messages"
                f" resulted in {len(prompt)} tokens.",
                code="context_length_exceeded",
                param="messages",
            )
        may_write = body.get("max_completion_tokens") or body.get("max_tokens") or 16
        wait = self._quota(name).refused_for(len(prompt) + may_write)
        if wait is not None:
            raise RefusedError(
                f"Requests have exceeded the call rate limit. Please retry after {wait} seconds.",
                status=429,
                code="429",
                headers={"retry-after": str(wait), "retry-after-ms": str(wait * 1000)},
            )

    def _quota(self, name: str) -> Quota:
        made = Quota(self.tokens_per_minute, self.requests_per_minute, self.clock)
        return self._quotas.setdefault(name, made)

    def _sent(
        self,
        request: Request,
        body: dict[str, Any],
        name: str,
        message: Message,
        prompt: list[str],
        *,
        azure: bool,
    ) -> Response:
        number = next(self._numbers)
        head = {
            "id": f"chatcmpl-{number}",
            "created": 1_760_000_000 + number,
            "model": self.deployments[name],
        }
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        written = tokens_of((message.content or "") + "".join(call.arguments for call in message.calls))
        if limit and len(written) > limit and message.usage is None:
            written = written[:limit]
            message = shortened(replace(message, calls=()), "".join(written))
        usage = self._usage(name, message, prompt, len(written))
        headers = {"x-request-id": f"peer-{number}", **self._quota(name).headers()}
        if not body.get("stream"):
            return JSONResponse(completions.whole(head, message, usage, azure=azure), headers=headers)
        wanted = usage if (body.get("stream_options") or {}).get("include_usage") else None
        events = completions.chunks(head, message, wanted, azure=azure)
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    def _usage(self, name: str, message: Message, prompt: list[str], written: int) -> dict[str, Any]:
        read, cached = len(prompt), self._cache.cached(name, prompt)
        if message.usage is not None:
            read, written = message.usage
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }

    def _remember(self, request: Request, text: bytes, status: int) -> None:
        if self.record is None:
            return
        line = {"path": request.url.path, "status": status, "body": text.decode(errors="replace")}
        with self.record.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise RefusedError("We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict):
        raise RefusedError("The body must be a JSON object.")
    return body

"""A scripted OpenAI-compatible endpoint on a real socket: each request gets the next line of the script."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Line = Callable[[dict[str, Any]], Response]


@dataclass
class ModelServer:
    """Where it listens, and what it was asked."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)


def calls(*wanted: tuple[str, str], usage: tuple[int, int] = (100, 20)) -> Line:
    """The model wants to call tools: name and arguments, the latter as raw text."""
    tool_calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(wanted)
    ]
    return _completion({"role": "assistant", "content": None, "tool_calls": tool_calls}, "tool_calls", usage)


def says(content: object, *, finish: str = "stop", usage: tuple[int, int] = (100, 20)) -> Line:
    """The model answers with text, or with an object as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    return _completion({"role": "assistant", "content": text}, finish, usage)


def refuses() -> Line:
    return _completion({"role": "assistant", "content": None, "refusal": "no"}, "stop", (10, 1))


def fails(status: int, **headers: str) -> Line:
    body = {"error": {"message": "scripted", "type": "x", "code": "content_filter" if status == 400 else "x"}}
    return lambda _asked: JSONResponse(body, status_code=status, headers=headers)


def raw(text: str) -> Line:
    """Something that is not what the API promises."""
    return lambda _asked: Response(text, media_type="application/json")


def hangs() -> Line:
    """No answer until the test is over."""
    return lambda _asked: Response(status_code=599)


def _completion(message: dict[str, Any], finish: str, usage: tuple[int, int]) -> Line:
    body = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": sum(usage),
            "prompt_tokens_details": {"cached_tokens": usage[0] // 2},
        },
    }
    return lambda _asked: JSONResponse(body)


@asynccontextmanager
async def model_server(script: Sequence[Line]) -> AsyncIterator[ModelServer]:
    """Serve a script; the last line is repeated."""
    listening = socket.create_server(("127.0.0.1", 0))
    state = ModelServer(f"http://127.0.0.1:{listening.getsockname()[1]}/v1")

    async def answer(request: Request) -> Response:
        state.tokens.append(request.headers.get("authorization", ""))
        state.asked.append(json.loads(await request.body()))
        line = script[min(len(state.asked), len(script)) - 1]
        response = line(state.asked[-1])
        if response.status_code == 599:
            await state.hanging.wait()
        return response

    app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", loop="none")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield state
    finally:
        state.hanging.set()
        server.should_exit = True
        await running

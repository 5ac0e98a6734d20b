"""Answers that are none: what a `Fault` puts on the wire."""

import asyncio
import threading
from collections.abc import AsyncIterator

from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.peers.openai.behaviours import Fault
from tests.peers.openai.refusals import RefusedError
from tests.peers.openai.scripts import Asked


async def faulty(fault: Fault, asked: Asked, released: threading.Event) -> Response | None:
    """The faulty answer; None when it is only late. Nobody waits any longer once it is released."""
    match fault.kind:
        case "status":
            error = RefusedError("scripted", status=fault.status, code=fault.code)
            return JSONResponse(error.body, fault.status, headers=dict(fault.headers))
        case "raw":
            return Response(fault.text, media_type="application/json")
        case "cut":
            kind = "text/event-stream" if asked.body.get("stream") else "application/json"
            return StreamingResponse(_cut_short(), headers={"content-type": kind, "content-length": "4096"})
        case "slow":
            await asyncio.to_thread(released.wait, fault.seconds)
            return None
        case _:
            await asyncio.to_thread(released.wait)
            return Response(status_code=503)


async def _cut_short() -> AsyncIterator[bytes]:
    """Less than was announced, and then the end of the connection."""
    yield b'data: {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 1, "model": "m",'
    yield b' "choices": [{"index": 0, "delta": {"role": "assistant", "content": "the cus"}}]}\n\n'

"""JSON bodies, read strictly: one meaning per body, and a reason for what has none."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute


class StrictJsonRoute(APIRoute):
    """A route whose body is JSON and nothing else; two readers of it can never see different values."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def read_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return read_strictly


class _StrictRequest(Request):
    async def body(self) -> bytes:
        content = await super().body()
        if content and not _is_json(self.headers.get("content-type", "")):
            raise HTTPException(415, "send the body as Content-Type: application/json")
        return content

    async def json(self) -> Any:
        return parse(await self.body())


def parse(content: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    Raises json.JSONDecodeError with the place of a slip, and HTTPException 400 for a key that occurs
    twice in an object, a number that JSON does not have, bytes that are no text, and absurd nesting.
    """
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_no_number)
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"the body is not UTF-8 text: see byte {error.start}") from error
    except RecursionError as error:
        raise HTTPException(400, "the body is nested too deeply") from error
    except ValueError as error:
        raise HTTPException(400, "the body has a number with too many digits") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise HTTPException(400, f"{_twice(pairs)[:80]!r} occurs more than once in the same object")
    return found


def _twice(pairs: list[tuple[str, Any]]) -> str:
    """The first key that was there before; in one pass, for a body may have hundreds of thousands."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    return ""


def _no_number(literal: str) -> NoReturn:
    raise HTTPException(400, f"{literal} is not a number in JSON")


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))

"""How the fake desk says no: errors as problems, and answers that are late, refused or lost."""

import asyncio

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from casework import errors, views
from fakedesk.backroom import Backroom

_STATUS_OF = {
    errors.NotFoundError: (404, "not-found"),
    errors.NotAllowedError: (403, "not-allowed"),
    errors.AlreadyDecidedError: (409, "already-decided"),
    errors.StaleDecisionError: (409, "stale-decision"),
    errors.ClaimedError: (409, "claimed"),
    errors.ConflictError: (409, "transition"),
    errors.InvalidInputError: (422, "invalid"),
}


class LostAnswer(Response):
    """An answer that breaks off before its first byte of content, as a dropped line does."""

    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
        headers = [(b"content-length", b"100"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 202, "headers": headers})


def status_of(error: errors.CaseworkError) -> tuple[int, str]:
    """The HTTP status of an error, and its kind."""
    return next((said for kind, said in _STATUS_OF.items() if isinstance(error, kind)), (500, "error"))


def install(app: FastAPI, desk: Backroom) -> None:
    """Answer errors as problems, and do what the desk's switches say."""

    @app.middleware("http")
    async def switches(request: Request, call_next):  # type: ignore[no-untyped-def]
        if desk.refuse_all:
            problem = {"type": "unavailable", "title": "away", "status": 503, "detail": "the desk is away"}
            return JSONResponse(problem, 503, headers={"Retry-After": "0"})
        if not request.url.path.endswith("/stream"):
            await asyncio.sleep(desk.delay_seconds)
        if request.method != "GET":
            await desk.thawed.wait()
        response = await call_next(request)
        if desk.drop_answers and request.method == "POST":
            desk.drop_answers -= 1
            return LostAnswer()
        return response

    @app.exception_handler(errors.CaseworkError)
    async def problem(request: Request, error: errors.CaseworkError) -> JSONResponse:
        status, kind = status_of(error)
        body = views.Problem(type=f"https://fake/{kind}", title=kind, status=status, detail=str(error))
        return JSONResponse(body.model_dump(mode="json"), status, media_type="application/problem+json")

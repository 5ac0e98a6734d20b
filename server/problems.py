"""Errors as HTTP: one table, RFC 9457 bodies, and nothing of our insides in any of them."""

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import JsonValue
from starlette.exceptions import HTTPException

from casework import errors
from casework.views import Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "2"
MOST_ERRORS = 50

log = structlog.get_logger("server.problems")

Row = tuple[type[Exception], int, str, str]
TABLE: tuple[Row, ...] = (
    (errors.NotFoundError, 404, "not-found", "Not found"),
    (errors.InvalidInputError, 422, "invalid-input", "Invalid input"),
    (errors.NotAllowedError, 403, "not-allowed", "Not allowed"),
    (errors.AlreadyDecidedError, 409, "already-decided", "Already decided"),
    (errors.StaleDecisionError, 409, "stale-decision", "The case has moved on"),
    (errors.ClaimedError, 409, "claimed", "Claimed by somebody else"),
    (errors.TransitionError, 409, "transition", "Not possible now"),
    (errors.SequenceError, 409, "sequence", "Too many changes at once"),
    (errors.ConflictError, 409, "conflict", "Conflict"),
    (errors.TamperedError, 500, "tampered", "The record does not verify"),
    (errors.OverloadedError, 429, "overloaded", "Too much at once"),
    (errors.UnavailableError, 503, "unavailable", "Not available now"),
    (TimeoutError, 503, "timeout", "Not done in time"),
)
"""First match wins, so a class stands before its base."""

BY_STATUS = {
    400: ("malformed", "Malformed request"),
    401: ("unauthenticated", "Sign in first"),
    403: ("not-allowed", "Not allowed"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "Method not allowed"),
    408: ("body-timeout", "The body did not arrive in time"),
    413: ("too-large", "Body too large"),
    415: ("media-type", "Unsupported media type"),
    421: ("unknown-host", "Unknown host"),
    422: ("invalid-input", "Invalid input"),
    500: ("internal", "Internal error"),
}


def problem_of(error: Exception, instance: str = "") -> Problem:
    """The problem an error of ours becomes. Anything unforeseen is a 500 that says nothing."""
    for kind, status, slug, title in TABLE:
        if isinstance(error, kind):
            detail = str(error) or "the request took too long; try again"
            return _problem(status, slug, title, detail=detail, instance=instance, found=_field_errors(error))
    return of_status(500, "something went wrong here; the log has the details", instance)


def of_status(
    status: int, detail: str, instance: str = "", field_errors: Sequence[dict[str, JsonValue]] = ()
) -> Problem:
    """A problem for a bare status."""
    slug, title = BY_STATUS.get(status, ("error", "Error"))
    return _problem(status, slug, title, detail=detail, instance=instance, found=tuple(field_errors))


def respond(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """The response of a problem; 429 and 503 say when to try again."""
    extra = {"Retry-After": RETRY_AFTER_SECONDS} if problem.status in (429, 503) else {}
    return JSONResponse(
        problem.model_dump(mode="json", exclude_defaults=True),
        status_code=problem.status,
        headers={**extra, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def validation_problem(error: RequestValidationError, instance: str) -> Problem:
    """400 for what is not JSON at all, else 422 with each field and its rule."""
    details = error.errors()
    if any(detail["type"] == "json_invalid" for detail in details):
        reason = details[0].get("ctx", {}).get("error", "not JSON")
        return of_status(
            400, f"the body is not JSON: {reason} at character {details[0]['loc'][-1]}", instance
        )
    found: list[dict[str, JsonValue]] = [_field_error(detail) for detail in details[:MOST_ERRORS]]
    summary = "; ".join(f"{one['field']}: {one['reason']}" for one in found[:3])
    more = f" (and {len(details) - 3} more)" if len(details) > 3 else ""
    return of_status(422, summary + more, instance, found)


def register(app: FastAPI) -> None:
    """Have every error of an app answered from here."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        problem = problem_of(error, request.url.path)
        if problem.status >= 500:
            log.warning("request_failed", path=request.url.path, status=problem.status, reason=str(error))
        return respond(problem)

    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("request_crashed", path=request.url.path, exc_info=error)
        return respond(problem_of(error, request.url.path))

    async def of_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        problem = of_status(error.status_code, str(error.detail), request.url.path)
        return respond(problem, dict(error.headers or {}))

    async def of_validation(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return respond(validation_problem(error, request.url.path))

    app.add_exception_handler(errors.CaseworkError, ours)
    app.add_exception_handler(TimeoutError, ours)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)
    app.add_exception_handler(Exception, unforeseen)


def _problem(
    status: int, slug: str, title: str, *, detail: str, instance: str, found: tuple[dict[str, JsonValue], ...]
) -> Problem:
    return Problem(
        type=f"/problems/{slug}", title=title, status=status, detail=detail, instance=instance, errors=found
    )


def _field_errors(error: Exception) -> tuple[dict[str, JsonValue], ...]:
    if isinstance(error, errors.InvalidInputError):
        return ({"field": error.field, "reason": error.reason},)
    return ()


def _field_error(detail: Any) -> dict[str, JsonValue]:
    place = [str(part) for part in detail["loc"] if part not in ("body", "query", "path")]
    reason = str(detail["msg"]).removeprefix("Value error, ")
    return {"field": ".".join(place) or "body", "reason": reason}

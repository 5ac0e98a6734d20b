"""Spans around requests that a server answers, and the case each of them is about."""

import re

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from backends.observability.names import CASE_ID
from backends.observability.tracing import annotate

NOT_TRACED = ("/health", "/api/v1/stream", "/api/events", "/ws/", "/assets/", "/favicon")
"""What is asked all the time and says nothing about a case, or lasts as long as a screen is open."""
_ABOUT = re.compile(r"^/api/v1/cases/(?P<case_id>[A-Za-z0-9._:-]{1,120})(?:/|$)")


def trace_requests(app: FastAPI) -> None:
    """Give every request a span, continuing the caller's trace where it names one."""
    from opentelemetry.instrumentation.fastapi import (  # noqa: PLC0415 - nothing is loaded without a setting
        FastAPIInstrumentor,
    )

    # Without the two inner spans that the package makes for each answer: they would be most of a trace.
    FastAPIInstrumentor.instrument_app(
        app, excluded_urls=",".join(NOT_TRACED), exclude_spans=["send", "receive"]
    )


class CaseOfRequest:
    """Names the case a request is about in its span and in every log line written for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _ABOUT.match(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        case_id = found.group("case_id")
        annotate({CASE_ID: case_id})
        with structlog.contextvars.bound_contextvars(case_id=case_id):
            await self._app(scope, receive, send)

"""Spans and the trace they belong to, as the product's code uses them; free when nothing is exported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from backends.observability.names import SCOPE

TRACEPARENT = "traceparent"
_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer(SCOPE)

Attributes = Mapping[str, str] | Mapping[str, str | int] | Mapping[str, str | int | float | bool]


@contextmanager
def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    parent: str | None = None,
    link: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    start_ns: int | None = None,
) -> Iterator[Span]:
    """A span around a block, current inside it.

    `parent` is a traceparent from elsewhere that the span continues; `link` one that it only refers to.
    What is raised inside is noted on the span and goes on.
    """
    with _TRACER.start_as_current_span(
        name,
        context=_context_of(parent) if parent else None,
        kind=kind,
        attributes=attributes,
        links=_links_to(link),
        start_time=start_ns,
    ) as begun:
        yield begun


def annotate(attributes: Attributes) -> None:
    """Add attributes to the span that is current, if any."""
    trace.get_current_span().set_attributes(attributes)


def current_traceparent() -> str | None:
    """Where the current span stands, in the W3C form; None outside of any trace."""
    return trace_headers().get(TRACEPARENT)


def trace_headers() -> dict[str, str]:
    """The headers that carry the current trace to another process; none outside of any trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier


def current_ids() -> tuple[str, str] | None:
    """Trace and span id of the current span in hexadecimal, for logs."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)


def _context_of(traceparent: str) -> Context:
    return _PROPAGATOR.extract({TRACEPARENT: traceparent}, context=Context())


def _links_to(traceparent: str | None) -> list[Link]:
    if not traceparent:
        return []
    context = trace.get_current_span(_context_of(traceparent)).get_span_context()
    return [Link(context)] if context.is_valid else []

"""What concerns a case is always traced; of the rest, a share."""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from backends.observability.names import CASE_ID
from backends.observability.sampling import CaseSampler


def _tracer(ratio: float) -> tuple[trace.Tracer, InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider(CaseSampler(ratio), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return provider.get_tracer("test"), kept


def test_below_a_request_that_is_not_traced_a_case_still_is() -> None:
    tracer, kept = _tracer(0)
    with tracer.start_as_current_span("POST") as request:
        with (
            tracer.start_as_current_span("rule", attributes={CASE_ID: "fraud-A-1"}),
            tracer.start_as_current_span("start"),
        ):
            pass
        with tracer.start_as_current_span("answer"):
            pass
    spans = kept.get_finished_spans()
    assert [span.name for span in spans] == ["start", "rule"]
    assert {span.context.trace_id for span in spans if span.context} == {request.get_span_context().trace_id}


def test_a_request_about_a_case_is_traced() -> None:
    tracer, kept = _tracer(0)
    for path in ("/api/v1/cases/fraud-A-1/decision", "/api/v1/cases", "/api/v1/telemetry"):
        with tracer.start_as_current_span(path, attributes={"http.target": path}):
            pass
    assert [span.name for span in kept.get_finished_spans()] == ["/api/v1/cases/fraud-A-1/decision"]


def test_the_ratio_thins_out_everything_else() -> None:
    tracer, kept = _tracer(0.25)
    for _ in range(2000):
        with tracer.start_as_current_span("POST"):
            pass
    assert 350 < len(kept.get_finished_spans()) < 650

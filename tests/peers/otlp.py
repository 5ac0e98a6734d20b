"""A collector that takes OTLP over HTTP: decodes what exporters send, keeps it, and fails as told.

Protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import argparse
import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tests.peers.serving import serve

PROTOBUF = "application/x-protobuf"
DEADLINE_SECONDS = 30.0


@dataclass(frozen=True)
class SeenSpan:
    """A span as it arrived."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, Any]
    links: tuple[tuple[str, str], ...]
    """Trace and span ids."""
    texts: tuple[str, ...]
    """Its status and everything in its events."""
    begun_ns: int
    ended_ns: int


@dataclass(frozen=True)
class SeenPoint:
    """A metric's data point as it arrived; of a histogram `value` is the sum and `count` how many."""

    service: str
    name: str
    unit: str
    value: float
    count: int
    attributes: Mapping[str, Any]


@dataclass
class Collector:
    """Switches: `refuse` answers with a status and a Retry-After, `hold` does not answer until it is set."""

    refuse: int | None = None
    retry_after: str | None = None
    reject_spans: int = 0
    """Says of that many spans of each request that they were not accepted."""
    hold: threading.Event = field(default_factory=threading.Event)
    spans: list[SeenSpan] = field(default_factory=list)
    points: list[SeenPoint] = field(default_factory=list)
    requests: int = 0
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.hold.set()

    def until(self, ready: Callable[["Collector"], Any], what: str) -> Any:
        """What `ready` returns as soon as that is something, looked at after every arrival."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        with self._arrived:
            while not (found := ready(self)):
                if not self._arrived.wait(deadline - time.monotonic()):
                    names = sorted({f"{span.service}: {span.name}" for span in self.spans})
                    raise AssertionError(f"waited for {what}; there are {names}")
            return found

    def named(self, prefix: str) -> list[SeenSpan]:
        return [span for span in self.spans if span.name.startswith(prefix)]

    async def traces(self, request: Request) -> Response:
        asked, refusal = await self._read(request, ExportTraceServiceRequest)
        if refusal is not None:
            return refusal
        self._keep(spans=[seen for batch in asked.resource_spans for seen in _spans(batch)])
        answer = ExportTraceServiceResponse()
        if self.reject_spans:
            answer.partial_success.rejected_spans = self.reject_spans
            answer.partial_success.error_message = "over quota"
        return Response(answer.SerializeToString(), media_type=PROTOBUF)

    async def metrics(self, request: Request) -> Response:
        asked, refusal = await self._read(request, ExportMetricsServiceRequest)
        if refusal is not None:
            return refusal
        self._keep(points=[seen for batch in asked.resource_metrics for seen in _points(batch)])
        return Response(ExportMetricsServiceResponse().SerializeToString(), media_type=PROTOBUF)

    def _keep(self, spans: Sequence[SeenSpan] = (), points: Sequence[SeenPoint] = ()) -> None:
        with self._arrived:
            self.spans.extend(spans)
            self.points.extend(points)
            self._arrived.notify_all()

    async def _read(self, request: Request, kind: type[Any]) -> tuple[Any, Response | None]:
        with self._arrived:
            self.requests += 1
            self._arrived.notify_all()
        await run_in_threadpool(self.hold.wait, DEADLINE_SECONDS)
        if self.refuse is not None:
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            return None, Response(status_code=self.refuse, headers=headers)
        if request.headers.get("content-type") != PROTOBUF:
            return None, Response("only protobuf is taken", 415)
        try:
            body = await request.body()
        except ClientDisconnect:
            return None, Response(status_code=499)
        try:
            if request.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            return kind.FromString(body), None
        except (DecodeError, OSError):
            return None, Response("not what it says it is", 400)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/traces", self.traces, methods=["POST"]),
                Route("/v1/metrics", self.metrics, methods=["POST"]),
            ]
        )

    @contextlib.contextmanager
    def running(self, port: int = 0) -> Iterator[dict[str, str]]:
        """Collect, and yield the environment that sends to it."""
        with serve(self.app(), port=port) as listening:
            yield {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{listening}"}


def _spans(batch: Any) -> Iterator[SeenSpan]:
    service = str(_attributes(batch.resource.attributes).get("service.name", ""))
    for scope in batch.scope_spans:
        for span in scope.spans:
            events = [str(value) for event in span.events for value in _attributes(event.attributes).values()]
            yield SeenSpan(
                service=service,
                name=span.name,
                kind=span.kind,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                attributes=_attributes(span.attributes),
                links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                texts=(span.status.message, *events),
                begun_ns=span.start_time_unix_nano,
                ended_ns=span.end_time_unix_nano,
            )


def _points(batch: Any) -> Iterator[SeenPoint]:
    service = str(_attributes(batch.resource.attributes).get("service.name", ""))
    for scope in batch.scope_metrics:
        for metric in scope.metrics:
            kind = metric.WhichOneof("data")
            for point in getattr(metric, kind).data_points:
                histogram = kind == "histogram"
                number = point.sum if histogram else getattr(point, point.WhichOneof("value"))
                count = point.count if histogram else 1
                about = _attributes(point.attributes)
                yield SeenPoint(service, metric.name, metric.unit, float(number), count, about)


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def main() -> None:
    """Collect by hand: `python -m tests.peers.otlp --port 4318`; says what arrived at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    collector = Collector()
    with collector.running(parser.parse_args().port) as environment:
        print(environment, flush=True)
        with contextlib.suppress(KeyboardInterrupt, EOFError):
            input()
    for span in collector.spans:
        print(span.service, span.name, span.trace_id, span.span_id, span.parent_id or "-")


if __name__ == "__main__":
    main()

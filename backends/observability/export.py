"""Starts the export of traces and metrics for one process, and ends it within a bound.

The only place that knows exporters. Nothing of them is imported unless a setting asks for one.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog

from backends.observability.settings import ObservabilitySettings, silence_vendor_extras

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

SEND_SECONDS = 5
"""How long one attempt to send may take."""
MOST_WAITING_SPANS = 8192
"""Beyond it spans are dropped: telemetry must never be what fills a process."""
SEND_EVERY_SECONDS = 1.0

log = structlog.get_logger("observability")


class Export:
    """What runs for the export of one process; `stop` sends what is left, within a bound."""

    def __init__(self, parts: list[Any], flush_seconds: float) -> None:
        self._parts = parts
        self._flush_seconds = flush_seconds

    def stop(self) -> bool:
        """Send the rest; False when that took too long and was given up. Harmless when repeated."""
        parts, self._parts = self._parts, []
        if not parts:
            return True
        sending = threading.Thread(target=_shut_down, args=(parts,), name="flush", daemon=True)
        sending.start()
        sending.join(self._flush_seconds)
        if sending.is_alive():
            log.warning("export_cut_short", seconds=self._flush_seconds)
        return not sending.is_alive()


def start_export(settings: ObservabilitySettings, service: str) -> Export:
    """Collect and send traces and metrics under a service's name, if the settings say where to."""
    if not settings.exports:
        return Export([], settings.export_flush_seconds)
    from opentelemetry import metrics, trace  # noqa: PLC0415 - nothing is loaded without a setting
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    from backends.observability.masking_exporter import MaskingExporter  # noqa: PLC0415
    from backends.observability.redaction import KNOWN  # noqa: PLC0415
    from backends.observability.sampling import CaseSampler  # noqa: PLC0415

    resource = Resource.create(_identity(service))
    span_exporters, metric_exporters = _exporters(settings)
    tracing = TracerProvider(CaseSampler(settings.trace_sample_ratio), resource, shutdown_on_exit=False)
    for exporter in span_exporters:
        tracing.add_span_processor(
            BatchSpanProcessor(
                MaskingExporter(exporter, KNOWN),
                max_queue_size=MOST_WAITING_SPANS,
                schedule_delay_millis=SEND_EVERY_SECONDS * 1000,
            )
        )
    readers = [
        PeriodicExportingMetricReader(
            exporter, settings.metrics_seconds * 1000, export_timeout_millis=SEND_SECONDS * 1000
        )
        for exporter in metric_exporters
    ]
    measuring = MeterProvider(readers, resource, shutdown_on_exit=False)
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(measuring)
    return Export([tracing, measuring], settings.export_flush_seconds)


@contextmanager
def exporting(settings: ObservabilitySettings, service: str) -> Iterator[None]:
    """Export while the block runs."""
    export = start_export(settings, service)
    try:
        yield
    finally:
        export.stop()


def _identity(service: str) -> dict[str, str]:
    return {
        "service.name": service,
        "service.namespace": "fraud-console",
        "service.version": version("fraud-console"),
        "service.instance.id": uuid4().hex,
    }


def _exporters(settings: ObservabilitySettings) -> "tuple[list[SpanExporter], list[MetricExporter]]":
    """Everything that is configured; both destinations may be."""
    spans: list[SpanExporter] = []
    readings: list[MetricExporter] = []
    if base := settings.otlp_base:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        spans.append(OTLPSpanExporter(f"{base}/v1/traces", timeout=SEND_SECONDS))
        readings.append(OTLPMetricExporter(f"{base}/v1/metrics", timeout=SEND_SECONDS))
    if settings.applicationinsights_connection_string is not None:
        silence_vendor_extras()
        from azure.monitor.opentelemetry.exporter import (  # noqa: PLC0415
            AzureMonitorMetricExporter,
            AzureMonitorTraceExporter,
        )

        common = _vendor_options(settings)
        spans.append(AzureMonitorTraceExporter(**common))
        readings.append(AzureMonitorMetricExporter(**common))
    return spans, readings


def _vendor_options(settings: ObservabilitySettings) -> dict[str, Any]:
    """Telemetry is never kept in files, where nobody would look after it."""
    assert settings.applicationinsights_connection_string is not None
    options: dict[str, Any] = {
        "connection_string": settings.applicationinsights_connection_string.get_secret_value(),
        "disable_offline_storage": True,
        "timeout": float(SEND_SECONDS),
    }
    if settings.applicationinsights_auth == "entra":
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415

        options["credential"] = DefaultAzureCredential()
    return options


def _shut_down(parts: list[Any]) -> None:
    for part in parts:
        try:
            part.shutdown()
        except Exception as error:  # an exporter's failure must not keep a process from ending
            log.warning("export_not_ended", reason=f"{type(error).__name__}: {error}")

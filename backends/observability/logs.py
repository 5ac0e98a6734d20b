"""Log lines as JSON on standard error, ours and the libraries' alike: found by trace and case, without
customer data."""

import logging
import sys
from collections.abc import Collection

import structlog

from backends.observability.redaction import KNOWN, redacted
from backends.observability.tracing import current_ids

CHATTY = (
    "azure",
    "durabletask",
    "durabletask-worker",
    "fastmcp",
    "httpcore",
    "httpx",
    "httpx2",
    "mcp",
    "openai",
    "opentelemetry",
)
"""Libraries that report every turn or request at info."""
_OURS = frozenset({"event", "level", "logger", "timestamp", "trace_id", "span_id"})


def set_up_logs(level: str = "info", quiet: Collection[str] = ()) -> None:
    """Send everything through one JSON handler; call once, at start. Loggers in `quiet` begin at warning."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    if number >= logging.INFO:
        handler.addFilter(_signed_or_serious)
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in (*CHATTY, *quiet):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(number, logging.WARNING))


def _signed_or_serious(record: logging.LogRecord) -> bool:
    """Not what a library mentions in nobody's name: the Cosmos DB SDK does so at every look at its feed."""
    return record.name != logging.root.name or record.levelno >= logging.WARNING


def add_trace(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Name the trace and the span in which a line was written."""
    if (ids := current_ids()) is not None:
        event["trace_id"], event["span_id"] = ids
    return event


def mask(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Take customer data out of a line, whoever wrote it. Levels, times and ids stay."""
    return {
        key: redacted("reason" if key == "event" else key, value, KNOWN)
        if key not in _OURS or key == "event"
        else value
        for key, value in event.items()
    }

"""One JSON object a line, whoever wrote it, with the trace and the case, without the customer."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry import trace

from backends.observability.logs import set_up_logs
from backends.observability.redaction import KNOWN, MASK

TRACE, SPAN = 0xABC, 0xDEF


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The handlers of the test run come back, and names that other tests made known are forgotten."""
    KNOWN.clear()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {
        name: logger.level
        for name, logger in root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_names_its_trace_and_its_case(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs()
    context = trace.SpanContext(TRACE, SPAN, is_remote=False, trace_flags=trace.TraceFlags(1))
    with (
        trace.use_span(trace.NonRecordingSpan(context)),
        structlog.contextvars.bound_contextvars(case_id="fraud-A-1"),
    ):
        structlog.get_logger("ours").info("looked_up", tool="get_customer_detail")
        logging.getLogger("theirs").warning("slow")
    ours, theirs = _lines(capsys)
    for line in (ours, theirs):
        assert (line["trace_id"], line["span_id"]) == (f"{TRACE:032x}", f"{SPAN:016x}")
        assert line["case_id"] == "fraud-A-1"
    assert (ours["event"], ours["tool"], theirs["event"]) == ("looked_up", "get_customer_detail", "slow")


def test_outside_of_a_trace_a_line_names_none(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs()
    structlog.get_logger("ours").info("started")
    (line,) = _lines(capsys)
    assert "trace_id" not in line


def test_errors_of_libraries_and_their_tracebacks_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs()
    KNOWN.learn({"last_name": "Quillfeather"})
    try:
        raise ValueError("no such customer: Quillfeather <q@example.org>")
    except ValueError:
        logging.getLogger("theirs").exception("failed for %s", "q@example.org")
        structlog.get_logger("ours").exception("failed", notes="he said", action_id="fraud-A-1:lock")
    text = json.dumps(lines := _lines(capsys))
    assert "Quillfeather" not in text
    assert "q@example.org" not in text
    assert [line["event"] for line in lines] == [f"failed for {MASK}", "failed"]
    assert all("ValueError: no such customer" in line["exception"] for line in lines)
    assert (lines[1]["notes"], lines[1]["action_id"]) == (MASK, "fraud-A-1:lock")


def test_chatty_libraries_begin_at_warning_and_the_level_counts(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("error", quiet=("uvicorn",))
    logging.getLogger("uvicorn.error").warning("listening")
    structlog.get_logger("ours").warning("hm")
    structlog.get_logger("ours").error("bad")
    assert [line["event"] for line in _lines(capsys)] == ["bad"]
    set_up_logs("info")
    logging.getLogger("httpx").info("GET")
    logging.info("in nobody's name")
    assert _lines(capsys) == []
    logging.warning("in nobody's name, and serious")
    assert len(_lines(capsys)) == 1

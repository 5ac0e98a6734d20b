"""What the processes tell about one case: a trace, figures, and logs without the customer in them."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.observed import MARKED, STORY, TRACES, Observed, observed_product, work_a_case
from tests.peers.otlp import Collector, SeenSpan

LAST = "orchestration:fraud_detection_orchestration"
"""The SDK reports the orchestration when it is over, after everything in it."""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A product after one case was worked through and everything about it has arrived."""
    with observed_product(tmp_path_factory.mktemp("observed")) as running:
        work_a_case(running)
        running.collector.until(_whole, "the whole trace of the case")
        running.collector.until(lambda c: _value(c, "fraud.decision.latency"), "the metrics of the case")
        yield running


def _whole(collector: Collector) -> bool:
    services = {span.service for span in collector.spans if "get_customer_detail" in span.name}
    told = any(span.name == LAST for span in collector.spans)
    posted = any("telemetry" in span.name for span in collector.spans)
    decided = any(span.name.endswith("/decision") for span in collector.spans)
    return told and posted and decided and "fraud-mcp-tools" in services and bool(collector.named("action"))


def _case_trace(collector: Collector) -> dict[str, SeenSpan]:
    (rule,) = collector.named("rule ")
    return {span.span_id: span for span in collector.spans if span.trace_id == rule.trace_id}


def _way(trace: dict[str, SeenSpan], span: SeenSpan) -> list[str]:
    """Who did what from the beginning of the trace down to a span.

    Which release of the flow is left out, and which specialist: a question that several have is asked by
    whoever is first.
    """
    way: list[str] = []
    at: SeenSpan | None = span
    while at is not None:
        name = "invoke_agent" if at.name.startswith("invoke_agent") else at.name.partition("@")[0]
        way.insert(0, f"{at.service.removeprefix('fraud-')}: {name}")
        at = trace.get(at.parent_id)
    return way


def test_a_case_is_one_trace_from_its_telemetry_to_its_action(observed: Observed) -> None:
    trace = _case_trace(observed.collector)
    missing = [s.name for s in trace.values() if s.parent_id and s.parent_id not in trace]
    assert missing == []
    (root,) = [span for span in trace.values() if not span.parent_id]
    assert root.name == "POST /api/v1/telemetry"
    begun = [
        "server: POST /api/v1/telemetry",
        f"server: rule {STORY.expected_rule}",
        "server: start case",
        "server: create_orchestration:fraud_detection_orchestration",
        f"worker: {LAST}",
    ]
    looked_up = [
        *begun,
        "worker: entity:dafx-fraudanalysisagent:run",
        "worker: invoke_agent",
        "worker: execute_tool get_customer_detail",
        "worker: tools/call get_customer_detail",
        "worker: MCP send tools/call get_customer_detail",
        "mcp-tools: tools/call get_customer_detail",
    ]
    ways = [_way(trace, span) for span in trace.values()]
    assert looked_up in ways
    assert [*looked_up[:7], "worker: chat gpt-4o"] in ways
    acted = ["worker: activity:execute_fraud_action", "worker: activity:execute_fraud_action"]
    assert [*begun, *acted, "worker: action lock_account"] in ways


def test_a_decision_is_a_trace_of_its_own_that_the_case_refers_to(observed: Observed) -> None:
    trace = _case_trace(observed.collector)
    (decided,) = [span for span in observed.collector.spans if span.name.endswith("/decision")]
    assert decided.trace_id not in {span.trace_id for span in trace.values()}
    (applied,) = [span for span in trace.values() if span.name == "apply decision"]
    assert applied.links == ((decided.trace_id, decided.span_id),)


def test_the_acting_system_is_told_which_trace_acts(observed: Observed) -> None:
    (acted,) = observed.collector.named("action lock_account")
    (told,) = observed.acting.traceparents
    assert told.split("-")[1:3] == [acted.trace_id, acted.span_id]


def test_a_call_of_a_model_names_model_and_tokens_and_not_what_was_said(observed: Observed) -> None:
    call = observed.collector.named("chat ")[0]
    assert call.attributes["gen_ai.operation.name"] == "chat"
    assert call.attributes["gen_ai.request.model"] == "gpt-4o"
    assert call.attributes["gen_ai.response.model"] == "m-2026"
    assert call.attributes["gen_ai.usage.input_tokens"] == 1000
    assert call.attributes["gen_ai.usage.output_tokens"] == 50
    assert call.attributes["fraud.case_id"] == observed.case_id
    assert not any("message" in name or "prompt" in name for name in call.attributes)


def test_the_desk_is_measured(observed: Observed) -> None:
    collector = observed.collector
    units = {point.name: point.unit for point in collector.points}
    assert units["fraud.cases"] == "{case}"
    assert units["fraud.queue.oldest_wait"] == units["fraud.decision.latency"] == "s"
    statuses = {point.attributes["fraud.status"] for point in collector.points if point.name == "fraud.cases"}
    assert {"open", "awaiting_review", "escalated"} <= statuses
    assert _value(collector, "fraud.consumer.lag") is not None
    assert _value(collector, "gen_ai.client.token.usage") is not None
    cost = [point.value for point in collector.points if point.name == "fraud.model.cost"]
    assert max(cost) > 0


def _value(collector: Collector, name: str) -> tuple[float, int] | None:
    found = [(point.value, point.count) for point in collector.points if point.name == name]
    return found[-1] if found else None


def test_log_lines_are_found_by_trace_and_case(observed: Observed) -> None:
    (rule,) = observed.collector.named("rule ")
    lines = [json.loads(line) for line in observed.logs()["worker"].splitlines() if line.startswith("{")]
    about = [line for line in lines if line.get("case_id") == observed.case_id]
    assert {"investigation_started", "analyst_missed", "action_executed"} <= {line["event"] for line in about}
    assert {line["trace_id"] for line in about} == {rule.trace_id}


@pytest.mark.parametrize("mark", TRACES)
def test_the_customer_is_in_no_log_and_in_no_span(observed: Observed, mark: str) -> None:
    everything = json.dumps(observed.product.detail(observed.case_id))
    assert MARKED["email"] in everything  # the case itself does name the customer
    assert [name for name, text in observed.logs().items() if mark in text] == []
    texts = [
        (span.name, text)
        for span in observed.collector.spans
        for text in (span.name, *span.texts, *map(str, span.attributes.values()))
        if mark in text
    ]
    assert texts == []

"""The agent's session: the published schema, real memory, and a size that stays bounded."""

import json

from hypothesis import given
from hypothesis import strategies as st

from casework.finding import Specialist, TokenUsage, ToolCall
from tests.builders import NOW, make_alert, make_assessment, make_finding
from worker import agent_state

CONTENT_TYPES = {"text", "functionCall", "functionResult"}


def _call(number: int, size: int = 10) -> ToolCall:
    return ToolCall(call_id=f"c{number}", tool="look", arguments={"n": number}, result="x" * size)


def _after(attempts: int, size: int = 10, calls: int = 2) -> agent_state.State:
    state = agent_state.empty_state()
    for attempt in range(1, attempts + 1):
        key = f"fraud-A-1:{attempt}"
        made = tuple(_call(number, size) for number in range(calls))
        findings = [
            make_finding(s, 0.5, attempt=attempt, tool_calls=made, usage=TokenUsage(input_tokens=5))
            for s in Specialist
        ]
        feedback = f"feedback {attempt}" if attempt > 1 else ""
        state = agent_state.add_request(state, key, make_alert(), feedback, NOW)
        state = agent_state.add_response(state, key, findings, make_assessment(), NOW)
    return state


def test_entries_have_the_shape_of_the_schema() -> None:
    state = _after(2)
    assert state["schemaVersion"] == "1.1.0"
    entries = state["data"]["conversationHistory"]
    assert [entry["$type"] for entry in entries] == ["request", "response", "request", "response"]
    for entry in entries:
        assert {"$type", "correlationId", "createdAt", "messages"} <= set(entry)
        for message in entry["messages"]:
            assert message["role"] in {"user", "assistant", "tool"}
            assert {content["$type"] for content in message["contents"]} <= CONTENT_TYPES
    assert entries[0]["orchestrationId"] == "fraud-A-1"
    assert entries[1]["usage"] == {"inputTokenCount": 15, "outputTokenCount": 0, "totalTokenCount": 15}
    assert json.loads(json.dumps(state)) == state


def test_every_call_has_its_result_under_the_same_id() -> None:
    contents = [
        content
        for entry in _after(1)["data"]["conversationHistory"]
        for message in entry["messages"]
        for content in message["contents"]
    ]
    called = [content["callId"] for content in contents if content["$type"] == "functionCall"]
    answered = [content["callId"] for content in contents if content["$type"] == "functionResult"]
    assert called == answered
    assert all(isinstance(c["arguments"], dict) for c in contents if c["$type"] == "functionCall")
    assert all(isinstance(c["result"], str) for c in contents if c["$type"] == "functionResult")


def test_a_specialist_remembers_its_own_conclusions_in_order() -> None:
    history = agent_state.history_of(_after(3), Specialist.BILLING)
    assert history == ("risk 0.50: what was seen",) * 3


def test_older_results_move_to_the_case_record_and_the_newest_stay() -> None:
    entries = _after(2, size=500)["data"]["conversationHistory"]
    assert agent_state.MOVED in json.dumps(entries[1])
    assert agent_state.MOVED not in json.dumps(entries[3])


@given(st.integers(1, 6), st.integers(0, 60_000), st.integers(0, 12))
def test_the_state_stays_far_below_what_a_hub_takes(attempts: int, size: int, calls: int) -> None:
    state = _after(attempts, size, calls)
    assert len(json.dumps(state)) <= agent_state.STATE_LIMIT + 20_000
    assert len(agent_state.history_of(state, Specialist.USAGE)) == attempts


def test_a_run_that_was_answered_is_known() -> None:
    state = _after(1)
    assert agent_state.knows(state, "fraud-A-1:1")
    assert not agent_state.knows(state, "fraud-A-1:2")


def test_anything_that_is_not_such_a_state_reads_as_empty() -> None:
    for strange in (None, [], "x", {}, {"schemaVersion": "2.0"}, {"schemaVersion": "1.1.0", "data": None}):
        assert agent_state.checked_state(strange) == agent_state.empty_state()

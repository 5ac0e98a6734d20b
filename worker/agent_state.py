"""The agent's session as DurableAgentState 1.1.0: what was asked, called, answered and fed back.

Compaction: the newest attempt keeps its tool results up to RESULT_LIMIT characters each; in older
attempts each result becomes a note that points to the case record, which holds all of it. If the
whole is still above STATE_LIMIT, the oldest attempts keep only their request and their conclusions.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from casework.alert import Alert, case_id_for
from casework.assessment import Assessment
from casework.finding import Finding, Specialist, TokenUsage, ToolCall

SCHEMA_VERSION = "1.1.0"
RESULT_LIMIT = 4_000
STATE_LIMIT = 256_000
MOVED = "moved to the case record"

State = dict[str, Any]
Entry = dict[str, Any]


def empty_state() -> State:
    return {"schemaVersion": SCHEMA_VERSION, "data": {"conversationHistory": []}}


def checked_state(raw: object) -> State:
    """A state as stored; anything without our schema version reads as an empty one."""
    if not isinstance(raw, dict) or not str(raw.get("schemaVersion", "")).startswith("1."):
        return empty_state()
    data = raw.get("data")
    history = data.get("conversationHistory") if isinstance(data, dict) else None
    return raw if isinstance(history, list) else empty_state()


def history_of(state: State, specialist: Specialist) -> tuple[str, ...]:
    """What a specialist concluded in earlier attempts, oldest first."""
    texts = [
        content["text"]
        for entry in _entries(state)
        if entry["$type"] == "response"
        for message in entry["messages"]
        if message.get("authorName") == specialist
        for content in message["contents"]
        if content["$type"] == "text"
    ]
    return tuple(texts)


def knows(state: State, correlation_id: str) -> bool:
    """Whether a run was answered before."""
    return any(
        entry["correlationId"] == correlation_id and entry["$type"] == "response" for entry in _entries(state)
    )


def add_request(state: State, correlation_id: str, alert: Alert, feedback: str, now: datetime) -> State:
    """The state with one more question: the alert, or what the analyst said to its last answer."""
    text = feedback or f"Investigate alert {alert.alert_id} ({alert.alert_type}): {alert.description}"
    message = {"role": "user", "contents": [{"$type": "text", "text": text}], "createdAt": now.isoformat()}
    entry: Entry = {
        "$type": "request",
        "correlationId": correlation_id,
        "createdAt": now.isoformat(),
        "orchestrationId": case_id_for(alert.alert_id),
        "responseType": "json",
        "messages": [message],
    }
    return _with(state, [*_entries(state), entry])


def add_response(
    state: State,
    correlation_id: str,
    findings: Sequence[Finding],
    assessment: Assessment | None,
    now: datetime,
) -> State:
    """The state with an answer: every specialist's calls, results and conclusion, then the whole."""
    messages = [message for finding in findings for message in _messages(finding, now)]
    if assessment is not None:
        text = f"Risk {assessment.risk:.2f}, recommended {assessment.recommended_action}."
        messages.append(_message("assistant", "FraudAnalysisAgent", [{"$type": "text", "text": text}], now))
    usage = sum((finding.usage for finding in findings), TokenUsage())
    entry: Entry = {
        "$type": "response",
        "correlationId": correlation_id,
        "createdAt": now.isoformat(),
        "usage": {
            "inputTokenCount": usage.input_tokens,
            "outputTokenCount": usage.output_tokens,
            "totalTokenCount": usage.input_tokens + usage.output_tokens,
        },
        "messages": messages,
    }
    return compact(_with(state, [*_entries(state), entry]))


def compact(state: State) -> State:
    """Keep the state bounded; see the module's first lines for what goes and what stays."""
    entries = _entries(state)
    newest = max((n for n, entry in enumerate(entries) if entry["$type"] == "response"), default=-1)
    entries = [entry if n >= newest else _without_results(entry) for n, entry in enumerate(entries)]
    position = 0
    while len(json.dumps(entries)) > STATE_LIMIT and position < len(entries):
        entries[position] = _conclusions_only(entries[position])
        position += 1
    return _with(state, entries)


def _entries(state: State) -> list[Entry]:
    entries: list[Entry] = state["data"]["conversationHistory"]
    return entries


def _with(state: State, entries: list[Entry]) -> State:
    return {**state, "data": {**state["data"], "conversationHistory": entries}}


def _messages(finding: Finding, now: datetime) -> list[dict[str, Any]]:
    calls = [
        {"$type": "functionCall", "callId": call.call_id, "name": call.tool, "arguments": call.arguments}
        for call in finding.tool_calls
    ]
    results = [
        {"$type": "functionResult", "callId": call.call_id, "result": _result_text(call)}
        for call in finding.tool_calls
    ]
    score = "not evaluable" if finding.risk is None else f"risk {finding.risk:.2f}"
    said = [{"$type": "text", "text": f"{score}: {finding.summary}"}]
    messages = [_message("assistant", finding.specialist, said, now)]
    if calls:
        called = _message("assistant", finding.specialist, calls, now)
        messages = [called, _message("tool", finding.specialist, results, now), *messages]
    return messages


def _message(role: str, author: str, contents: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    return {"role": role, "authorName": author, "contents": contents, "createdAt": now.isoformat()}


def _result_text(call: ToolCall) -> str:
    text = json.dumps({"error": call.error} if call.error else call.result)
    return text if len(text) <= RESULT_LIMIT else json.dumps(f"{len(text)} characters, {MOVED}")


def _without_results(entry: Entry) -> Entry:
    def shorter(content: dict[str, Any]) -> dict[str, Any]:
        if content["$type"] != "functionResult" or MOVED in content["result"]:
            return content
        return {**content, "result": json.dumps(f"{len(content['result'])} characters, {MOVED}")}

    messages = [
        {**message, "contents": [shorter(content) for content in message["contents"]]}
        for message in entry["messages"]
    ]
    return {**entry, "messages": messages}


def _conclusions_only(entry: Entry) -> Entry:
    kept = [
        {**message, "contents": texts}
        for message in entry["messages"]
        if (texts := [_cut(content) for content in message["contents"] if content["$type"] == "text"])
    ]
    return {**entry, "messages": kept}


def _cut(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "text": content["text"][:2000]}

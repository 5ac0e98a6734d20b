"""The unmodified SDK against the peer: what it answers, and what it refuses."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.peers.certificates import Certificates, write_certificates
from tests.peers.openai import OpenAIPeer, calls, cut, in_turn, malformed, raw, says, status, stepwise
from tests.peers.openai.behaviours import MISTAKES
from tests.peers.openai.scripts import Asked
from tests.peers.tokens import Issuer

USER = {"role": "user", "content": 'Look at {"alert": {"customer_id": 7}}'}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_case",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"id": {"type": "integer"}},
            "required": ["id"],
            "additionalProperties": False,
        },
    },
}
AUDIENCE = "https://cognitiveservices.azure.com"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return write_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def peer() -> Iterator[OpenAIPeer]:
    service = OpenAIPeer(deployments={"gpt-4o": "gpt-4o", "thinker": "o3"})
    with service.running():
        yield service


def _client(peer: OpenAIPeer, **changes: Any) -> openai.OpenAI:
    given = {"base_url": f"http://localhost:{peer.port}/v1", "api_key": "k", "max_retries": 0, "timeout": 10}
    return openai.OpenAI(**{**given, **changes})


def _ask(peer: OpenAIPeer, **body: Any) -> Any:
    with _client(peer) as client:
        return client.chat.completions.create(**{"model": "gpt-4o", "messages": [USER], **body})


def test_a_script_fills_in_what_the_model_was_told_and_what_tools_returned(peer: OpenAIPeer) -> None:
    peer.model = stepwise(
        [
            calls(("get_case", {"id": "{{prompt.alert.customer_id}}"})),
            says("the owner is {{tool.get_case.owner.mail}}"),
        ]
    )
    first = _ask(peer, tools=[TOOL]).choices[0]
    assert first.finish_reason == "tool_calls"
    call = first.message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"id": 7}
    answer = {"role": "tool", "tool_call_id": call.id, "content": '{"owner": {"mail": "a@example.com"}}'}
    told = [USER, first.message.model_dump(exclude_none=True), answer]
    assert _ask(peer, tools=[TOOL], messages=told).choices[0].message.content == "the owner is a@example.com"


_CALL = {"id": "c1", "type": "function", "function": {"name": "get_case", "arguments": "{}"}}
_ASKS = {"role": "assistant", "tool_calls": [_CALL]}
_LOOSE = {"type": "function", "function": {"name": "x", "strict": True, "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": [USER, _ASKS]}, "must be followed by tool messages"),
        ({"messages": [USER, _ASKS, USER]}, "must be followed by tool messages"),
        ({"messages": [USER, {"role": "tool", "tool_call_id": "c1", "content": ""}]}, "must be a response"),
        ({"messages": []}, "empty array"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "Invalid value"),
        ({"messages": [{"role": "user", "content": None}]}, "expected a string"),
        ({"tools": [_LOOSE]}, "additionalProperties"),
        ({"tools": [TOOL, TOOL]}, "must be unique"),
        ({"tool_choice": "auto"}, "only allowed when 'tools'"),
        ({"extra_body": {"thinking": "hard"}}, "Unrecognized request argument"),
        ({"model": "thinker", "max_tokens": 10}, "max_completion_tokens"),
        ({"model": "thinker", "temperature": 0}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "at the same time"),
        ({"stream_options": {"include_usage": True}}, "only allowed when 'stream'"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "f",
                        "strict": True,
                        "schema": {
                            "type": "object",
                            "properties": {"a": {"type": "string"}},
                            "required": [],
                            "additionalProperties": False,
                        },
                    },
                }
            },
            "'required' must include every key",
        ),
    ],
)
def test_what_the_api_refuses_is_refused(peer: OpenAIPeer, body: dict[str, Any], words: str) -> None:
    with pytest.raises(openai.BadRequestError, match=words):
        _ask(peer, **body)


def test_a_repeated_beginning_is_read_from_the_cache_and_a_changed_one_is_not(peer: OpenAIPeer) -> None:
    system = {"role": "system", "content": "weigh the evidence with care " * 300}
    other = {**system, "content": f"now {system['content']}"}
    seen = [
        _ask(peer, messages=[first, {"role": "user", "content": text}]).usage
        for first, text in ((system, "one"), (system, "two"), (other, "two"))
    ]
    cached = [usage.prompt_tokens_details.cached_tokens for usage in seen]
    assert cached[0] == cached[2] == 0
    assert seen[1].prompt_tokens > cached[1] >= 1024
    assert cached[1] % 128 == 0


def test_a_quota_says_when_to_come_back_and_counts_what_may_be_written() -> None:
    now = [0.0]
    peer = OpenAIPeer(tokens_per_minute=1000, requests_per_minute=3, clock=lambda: now[0])
    with peer.running():
        _ask(peer, max_completion_tokens=900)
        now[0] = 10.0
        with pytest.raises(openai.RateLimitError) as refused:
            _ask(peer, max_completion_tokens=900)
        assert refused.value.response.headers["retry-after"] == "50"
        _ask(peer, max_completion_tokens=10)
        now[0] = 61.0
        _ask(peer, max_completion_tokens=900)


def test_the_content_filter_stops_a_prompt(peer: OpenAIPeer) -> None:
    peer.forbidden_words = ("customer_id",)
    with pytest.raises(openai.BadRequestError) as refused:
        _ask(peer)
    assert refused.value.code == "content_filter"


def test_a_stream_says_the_same_as_an_answer(peer: OpenAIPeer) -> None:
    peer.model = in_turn([says("word " * 30), calls(("get_case", {"id": 7}))])
    with _client(peer, base_url=f"http://localhost:{peer.port}/openai/v1") as client:
        asked: dict[str, Any] = {"model": "gpt-4o", "messages": [USER], "tools": [TOOL]}
        chunks = list(
            client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked)
        )
        assert not chunks[0].choices
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text == "word " * 30
        assert chunks[-1].usage is not None
        with client.chat.completions.stream(**asked) as stream:
            final = stream.get_final_completion().choices[0]
    assert final.finish_reason == "tool_calls"
    assert final.message.tool_calls[0].function.arguments == '{"id": 7}'


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (status(429, retry_after="0"), openai.RateLimitError),
        (status(500), openai.InternalServerError),
        (cut(), openai.APIConnectionError),
        (malformed(), json.JSONDecodeError),
        (raw("<html>"), json.JSONDecodeError),
    ],
)
def test_faults_reach_the_sdk_as_what_they_are(peer: OpenAIPeer, fault: Any, error: type[Exception]) -> None:
    peer.next_faults.append(fault)
    with pytest.raises(error):
        _ask(peer)
    assert _ask(peer).choices


def test_mistakes_of_models_arrive_as_answers(peer: OpenAIPeer) -> None:
    peer.model = says({"status": "evaluated"})
    said = {}
    for name, mistake in MISTAKES.items():
        peer.mistake = mistake
        said[name] = _ask(peer, tools=[TOOL]).choices[0]
    assert said["truncated"].finish_reason == "length"
    assert said["refusal"].message.refusal
    assert said["filtered"].finish_reason == "content_filter"
    assert said["empty"].message.content == ""
    assert said["hallucinated tool"].message.tool_calls[0].function.name == "close_every_account"
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(said["bad arguments"].message.tool_calls[0].function.arguments)


def test_a_limit_on_tokens_cuts_the_answer(peer: OpenAIPeer) -> None:
    peer.model = says("one two three four five six")
    choice = _ask(peer, max_completion_tokens=3).choices[0]
    assert choice.finish_reason == "length"
    assert choice.message.content == "one two three"


def test_an_unknown_deployment_is_not_found(peer: OpenAIPeer) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        _ask(peer, model="gpt-none")


async def test_tokens_are_checked_and_so_is_the_role(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    issuer = Issuer("https://login.example/tenant/v2.0")
    oid = issuer.claims(AUDIENCE)["oid"]
    peer = OpenAIPeer(issuer=issuer, granted=frozenset({oid}))
    tokens = {
        "good": issuer.issue(AUDIENCE),
        "elsewhere": issuer.issue("https://vault.azure.net"),
        "expired": issuer.issue(AUDIENCE, exp=1_000_000_000),
        "no role": issuer.issue(AUDIENCE, "Nobody"),
        "not ours": Issuer("https://login.example/tenant/v2.0").issue(AUDIENCE),
    }
    outcomes = {}
    with peer.running(certificates) as address:
        for name, token in tokens.items():
            async with openai.AsyncAzureOpenAI(
                azure_endpoint=address,
                api_version="2024-10-21",
                azure_ad_token_provider=lambda token=token: token,  # type: ignore[misc]
                max_retries=0,
            ) as client:
                try:
                    answer = await client.chat.completions.create(model="gpt-4o", messages=[USER])  # type: ignore[list-item]
                    outcomes[name] = answer.choices[0].message.content
                except openai.AuthenticationError as error:
                    outcomes[name] = error.code
    assert outcomes == {
        "good": "Hello.",
        "elsewhere": "InvalidAuthenticationToken",
        "expired": "InvalidAuthenticationToken",
        "no role": "PermissionDenied",
        "not ours": "InvalidAuthenticationToken",
    }
    assert set(peer.paths) == {"/openai/deployments/gpt-4o/chat/completions"}


def test_a_key_is_taken_in_either_header(peer: OpenAIPeer) -> None:
    peer.api_key = "right"
    with _client(peer, api_key="right") as client:
        assert [model.id for model in client.models.list()] == ["gpt-4o", "thinker"]
    with openai.AzureOpenAI(
        azure_endpoint=f"http://localhost:{peer.port}", api_version="2024-10-21", api_key="right"
    ) as azure:
        assert azure.chat.completions.create(model="gpt-4o", messages=[USER]).choices  # type: ignore[call-overload]
    with _client(peer, api_key="wrong") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_it_runs_on_its_own(tmp_path: Path) -> None:
    record = tmp_path / "asked.jsonl"
    command = [sys.executable, "-m", "tests.peers.openai", "--api-key", "k", "--record", str(record)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            with openai.OpenAI(base_url=f"{address}/v1", api_key="k") as client:
                answer = client.chat.completions.create(model="gpt-4o", messages=[USER], tools=[TOOL])  # type: ignore[call-overload]
        finally:
            process.terminate()
    assert json.loads(answer.choices[0].message.tool_calls[0].function.arguments) == {"customer_id": 7}
    assert json.loads(record.read_text())["status"] == 200


def test_a_model_may_be_any_function_of_what_it_reads(peer: OpenAIPeer) -> None:
    def obedient(asked: Asked) -> Any:
        return says(f"I read {len(asked.messages)} messages")(asked)

    peer.model = obedient
    assert _ask(peer).choices[0].message.content == "I read 1 messages"

"""Models in order, then the playbook: who is asked, who is left in peace, and what it all may cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backends.analyst_ladder import AnalystLadder
from backends.circuit import Circuit
from backends.model_settings import ModelSettings
from backends.wiring import open_analyst
from casework.assessment import assess
from casework.finding import Finding, FindingStatus, SecondOpinion, Specialist, TokenUsage
from casework.policy import Policy, Route
from tests.backends.model_desk import LOOK, SAYS, SOUND, Tools, make_request
from tests.builders import CASE_ID, NOW, make_alert, make_finding
from tests.peers.certificates import write_certificates
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.openai import OpenAIPeer, calls, refuses, says, status, stepwise
from tests.peers.tokens import Issuer

PRICES = (
    {"model": "gpt-4o", "since": "2026-01-01", "input": "10", "output": "10"},
    {"model": "small", "since": "2026-01-01", "input": "1", "output": "1"},
)


@contextmanager
def _peer(**switches: Any) -> Iterator[tuple[OpenAIPeer, dict[str, Any]]]:
    """Two deployments that look once and conclude, and the settings that lead to them."""
    deployments = {"gpt-4o": "gpt-4o", "small": "gpt-4o-mini"}
    peer = OpenAIPeer(**{"model": stepwise([LOOK, SAYS]), "deployments": deployments, **switches})
    with peer.running() as address:
        yield peer, {"openai_base_url": f"{address}/v1", "model_retries": 0, "model_fallback": "small"}


async def _found(settings: dict[str, Any], *requests: Any, **changes: Any) -> list[Finding]:
    async with open_analyst(ModelSettings(**{**settings, **changes}), lambda: NOW) as analyst:
        return [await analyst.investigate(request, Tools()) for request in requests or (make_request(),)]


async def test_the_second_model_steps_in_and_the_case_says_why() -> None:
    with _peer(ill={"gpt-4o": status(500)}) as (_, settings):
        (finding,) = await _found(settings)
    assert (finding.analyst, finding.degraded, finding.risk) == ("small", None, 0.8)
    first, second = finding.rungs
    assert first.analyst == "gpt-4o"
    assert "InternalServerError" in first.failed
    assert (second.analyst, second.failed) == ("small", "")


async def test_with_no_model_left_the_playbook_works_and_a_person_must_look() -> None:
    with _peer(always=status(503)) as (_, settings):
        (finding,) = await _found(settings)
    assert [rung.analyst for rung in finding.rungs] == ["gpt-4o", "small", "playbook"]
    assert "gpt-4o was not available" in (finding.degraded or "")
    assert "small was not available" in (finding.degraded or "")
    assessment = assess(Policy(), CASE_ID, make_alert(), 1, [finding])
    assert assessment.route is Route.REVIEW
    assert "degraded" in [floor.name for floor in assessment.floors]


async def test_a_dead_endpoint_costs_the_first_cases_only() -> None:
    with _peer(ill={"gpt-4o": status(503)}) as (peer, settings):
        requests = [make_request(case_id=f"fraud-{number}") for number in range(5)]
        findings = await _found(settings, *requests, model_pause_after=2)
    asked_of_the_first = [body for body in peer.asked if body["model"] == "gpt-4o"]
    assert len(asked_of_the_first) == 2
    assert {finding.analyst for finding in findings} == {"small"}
    assert "paused for" in findings[-1].rungs[0].failed


async def test_a_model_that_answers_badly_is_asked_again_by_the_next_case() -> None:
    with _peer(model=stepwise([LOOK, refuses()])) as (peer, settings):
        requests = [make_request(case_id=f"fraud-{number}") for number in range(3)]
        await _found(settings, *requests, model_pause_after=1)
    assert sum(body["model"] == "gpt-4o" for body in peer.asked) == 6


def test_a_pause_ends_with_one_that_tries_and_doubles_when_that_fails() -> None:
    now = [0.0]
    circuit = Circuit(2, 10, lambda: now[0])
    circuit.failed("a")
    assert circuit.admit()
    circuit.failed("b")
    assert not circuit.admit()
    assert circuit.reason == "paused for 10 s after 2 failures in a row: b"
    now[0] = 10.0
    assert circuit.admit()
    assert not circuit.admit()  # one tries, the others do not wait for it
    circuit.failed("c")
    now[0] = 29.0
    assert not circuit.admit()
    now[0] = 30.0
    assert circuit.admit()
    circuit.abandoned()
    assert circuit.admit()
    circuit.succeeded()
    assert (circuit.reason, circuit.admit()) == ("", True)


async def test_health_says_which_analyst_is_asked_and_which_is_paused() -> None:
    with _peer(ill={"gpt-4o": status(503)}) as (_, settings):
        async with open_analyst(ModelSettings(**settings, model_pause_after=1), lambda: NOW) as analyst:
            assert isinstance(analyst, AnalystLadder)
            assert list(analyst.state.items()) == [("gpt-4o", ""), ("small", ""), ("playbook", "")]
            await analyst.investigate(make_request(), Tools())
            assert "503" in analyst.state["gpt-4o"]


async def test_every_model_is_charged_at_its_own_price() -> None:
    looked = calls(("get_login_history", {"customer_id": 7, "days": 30}), usage=(1000, 0))
    refused = refuses()
    model = stepwise([looked, lambda asked: (refused if asked.body["model"] == "gpt-4o" else SAYS)(asked)])
    with _peer(model=model) as (_, settings):
        (finding,) = await _found(settings, model_prices=PRICES)
    first, second = finding.rungs
    for rung, price in ((first, 10), (second, 1)):
        tokens = rung.usage.input_tokens + rung.usage.output_tokens
        assert rung.usage.cost_usd == Decimal(tokens * price) / 1_000_000
    assert finding.usage == first.usage + second.usage


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"model_case_max_calls": 1}, "the case has used its budget of 1 calls"),
        ({"model_attempt_max_calls": 1}, "attempt 1 has used its budget of 1 calls"),
        ({"model_case_max_tokens": 1000}, "the case has used its budget of 1000 tokens"),
        ({"model_attempt_max_tokens": 1000}, "attempt 1 has used its budget of 1000 tokens"),
        ({"model_max_tokens": 1000}, "location has used its budget of 1000 tokens"),
        ({"model_case_max_cost_usd": "0.001"}, "the case has used its budget of $0.001"),
        ({"model_attempt_max_cost_usd": "0.001"}, "attempt 1 has used its budget of $0.001"),
        ({"model_max_cost_usd": "0.001"}, "location has used its budget of $0.001"),
    ],
)
async def test_over_budget_nobody_is_asked_any_more_and_a_person_gets_what_there_is(
    limit: dict[str, Any], words: str
) -> None:
    with _peer() as (peer, settings):
        (finding,) = await _found(settings, model_prices=PRICES, **limit)
    assert len(peer.asked) == 1
    assert words in (finding.degraded or "")
    assert finding.analyst == "playbook"
    assert finding.usage.calls == 1


async def test_specialists_share_the_budget_of_an_attempt_and_a_new_attempt_has_its_own() -> None:
    with _peer() as (_, settings):
        requests = [make_request(specialist=who) for who in (Specialist.LOCATION, Specialist.USAGE)]
        again = make_request(attempt=2, case_usage=TokenUsage(calls=2))
        findings = await _found(settings, *requests, again, model_attempt_max_calls=2)
    assert [finding.analyst for finding in findings] == ["gpt-4o", "playbook", "gpt-4o"]


async def test_what_the_record_says_was_spent_counts_after_a_restart() -> None:
    spent = TokenUsage(input_tokens=400_000, calls=9)
    with _peer() as (peer, settings):
        (finding,) = await _found(settings, make_request(attempt=3, case_usage=spent))
    assert peer.asked == []
    assert finding.analyst == "playbook"


async def test_a_second_case_and_a_second_attempt_read_from_the_cache() -> None:
    with _peer() as (_, settings):
        first = make_request(case_id="fraud-1")
        other = make_request(case_id="fraud-2", alert=make_alert(alert_id="B-2"))
        again = make_request(case_id="fraud-1", attempt=2, feedback=("look at the devices",))
        findings = await _found(settings, first, other, again)
    cached = [finding.usage.cached_tokens for finding in findings]
    assert all(tokens >= 2 * 1024 for tokens in cached[1:])  # in both of their calls


async def test_what_the_checks_make_of_the_evidence_stands_beside_a_models_finding() -> None:
    with _peer(model=stepwise([LOOK, says({**SOUND, "risk": 0.0, "claims": []})])) as (_, settings):
        (finding,) = await _found(settings)
    assert finding.second_opinion is not None
    assert finding.second_opinion.status in FindingStatus


@pytest.mark.parametrize(
    ("opinion", "route"),
    [
        (SecondOpinion(status=FindingStatus.EVALUATED, risk=0.7), Route.REVIEW),
        (SecondOpinion(status=FindingStatus.NOT_EVALUABLE), Route.REVIEW),
        (SecondOpinion(status=FindingStatus.CONTRADICTED, risk=0.0), Route.REVIEW),
        (SecondOpinion(status=FindingStatus.EVALUATED, risk=0.1), Route.AUTO_CLEAR),
    ],
)
def test_a_model_clears_nothing_that_the_checks_would_not_have_cleared(
    opinion: SecondOpinion, route: Route
) -> None:
    findings = [make_finding(who, 0.0, analyst="gpt-4o", second_opinion=opinion) for who in Specialist]
    assert assess(Policy(), CASE_ID, make_alert(), 1, findings).route is route


@pytest.mark.parametrize(("version", "shown_as"), [(None, ""), ("2024-10-21", ""), (None, "/openai/v1/")])
async def test_azure_is_asked_with_the_identity_of_this_process(
    version: str | None, shown_as: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = write_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    identity = ManagedIdentity(Issuer("https://login.example/tenant/v2.0"))
    peer = OpenAIPeer(model=stepwise([LOOK, SAYS]), issuer=identity.issuer)
    with identity.running() as environment, peer.running(certificates) as address:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings = {"azure_openai_endpoint": address + shown_as, "azure_openai_api_version": version}
        (finding,) = await _found(settings, model_retries=0)
    assert (finding.analyst, finding.degraded) == ("gpt-4o", None)
    assert identity.asked == ["https://cognitiveservices.azure.com"]
    path = "/openai/deployments/gpt-4o" if version else "/openai/v1"
    assert set(peer.paths) == {f"{path}/chat/completions"}

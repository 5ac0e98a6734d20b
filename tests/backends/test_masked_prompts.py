"""What of a customer reaches a model, and what comes back of it."""

import json
from typing import Any

import pytest

from backends.model_settings import ModelSettings
from backends.wiring import open_analyst
from casework.finding import Finding
from tests.backends.model_desk import LOOK, PROFILE, SOUND, Tools, make_request
from tests.builders import NOW, make_alert
from tests.peers.openai import OpenAIPeer, calls, says, stepwise

ALERT = make_alert(description="Zoë Lindqvist (zoe@example.com) signed in from 192.0.2.9 on device d-9f")
ORIGINALS = ("Zoë", "Lindqvist", "zoe@", "555 01 42", "Harbour", "192.0.2.9", "d-9f")
SAYS = {
    **SOUND,
    "summary": "[customer-name-1] used [device-1]; Customer-first-name-1 was written to at [email-1].",
    "claims": [{**SOUND["claims"][0], "text": "a failed sign-in of [customer-name-1]"}],  # type: ignore[index,dict-item]
}


async def _investigated(tools: Tools, *turns: Any, **settings: Any) -> tuple[Finding, OpenAIPeer]:
    peer = OpenAIPeer(model=stepwise(turns))
    with peer.running() as address:
        chosen = ModelSettings(openai_base_url=f"{address}/v1", model_retries=0, **settings)
        async with open_analyst(chosen, lambda: NOW) as analyst:
            request = make_request(alert=ALERT, feedback=("ask Zoë",), history=("Lindqvist was abroad",))
            return await analyst.investigate(request, tools), peer


def _prompts(peer: OpenAIPeer) -> str:
    return json.dumps([body["messages"][1:] for body in peer.asked], ensure_ascii=False)


async def test_the_model_reads_placeholders_and_the_record_has_the_originals() -> None:
    finding, peer = await _investigated(Tools(), LOOK, says(SAYS))
    told = _prompts(peer)
    assert [original for original in ORIGINALS if original in told] == []
    assert "[customer-name-1] ([email-1]) signed in from [ip-1]" in told
    assert "2026-11-19 10:00:00" in told
    assert finding.summary == "Zoë Lindqvist used d-9f; Zoë was written to at zoe@example.com."
    assert finding.claims[0].text == "a failed sign-in of Zoë Lindqvist"
    assert finding.masked == {
        "customer-first-name-1": "Zoë",
        "customer-name-1": "Zoë Lindqvist",
        "device-1": "d-9f",
        "email-1": "zoe@example.com",
    }
    assert finding.tool_calls[0].result[0]["device_id"] == "d-9f"  # type: ignore[index,call-overload]


async def test_placeholders_in_arguments_are_replaced_before_a_tool_is_called() -> None:
    search = calls(("search_knowledge_base", {"query": "letters to [customer-last-name-1] at email-1"}))
    tools = Tools()
    await _investigated(tools, search, says(SAYS))
    asked = [arguments for name, arguments in tools.called if name == "search_knowledge_base"]
    assert asked == [{"query": "letters to Lindqvist at zoe@example.com"}]


async def test_without_a_profile_nothing_can_be_masked_and_no_model_is_asked() -> None:
    class Locked(Tools):
        async def call(self, tool: str, arguments: Any) -> Any:
            made = await super().call(tool, arguments)
            return made.model_copy(update={"result": None, "error": "unavailable: locked"})

    finding, peer = await _investigated(Locked(), LOOK, says(SAYS))
    assert peer.asked == []
    assert "needed for masking" in (finding.degraded or "")


@pytest.mark.parametrize("text", ["[customer-name-1]", "customer-first-name-1"])
async def test_a_customer_named_like_a_placeholder_is_nobody_else(text: str) -> None:
    odd = {**PROFILE, "first_name": "Ann", "address": f"{text}, 12 Harbour Lane"}
    finding, _ = await _investigated(Tools(profile=odd), LOOK, says({**SAYS, "summary": "[address-1]"}))
    assert finding.summary == odd["address"]


async def test_masking_can_be_switched_off_and_texts_are_then_left_alone() -> None:
    finding, peer = await _investigated(Tools(), LOOK, says(SAYS), model_masking=False)
    assert "Zoë Lindqvist (zoe@example.com)" in _prompts(peer)
    assert finding.summary == SAYS["summary"]
    assert finding.masked == {}

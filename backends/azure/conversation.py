"""A specialist's talk with a model: look-ups, and an answer that is checked before it is believed."""

import asyncio
import json
from importlib.resources import files
from typing import Any, NoReturn

import openai
from pydantic import JsonValue, ValidationError

from backends.analyst_failure import AnalystFailedError, Blame
from backends.azure.drafts import Draft, checked, draft_of, words
from backends.azure.fencing import fenced
from backends.azure.tool_schemas import FINDING_SCHEMA, tool_schemas, wrong_arguments
from backends.model_cases import ModelCase, exceeded
from backends.model_prices import ModelPrice, usage_of
from backends.model_settings import ModelSettings
from backends.observability import names
from backends.observability.model_calls import traced_chat
from casework.finding import Finding, Rung, TokenUsage, ToolCall
from casework.ports import AnalystRequest, ToolBox

MAX_CALLS_PER_STEP = 8
REPAIRS = 1
"""How often a model may correct an answer that does not fit the schema."""
PROFILE = "get_customer_detail"

_ANSWER_FORMAT: Any = {
    "type": "json_schema",
    "json_schema": {"name": "finding", "strict": True, "schema": FINDING_SCHEMA},
}


class Conversation:
    """One specialist's talk with one model about one attempt."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        model: str,
        request: AnalystRequest,
        tools: ToolBox,
        *,
        settings: ModelSettings,
        case: ModelCase,
        price: ModelPrice | None,
    ) -> None:
        self._client = client
        self._model = model
        self._settings = settings
        self._case = case
        self._price = price
        self._request = request
        self._tools = tools
        self._schemas: list[Any] = tool_schemas(tools.names)
        self._messages: list[Any] = []
        self._calls: list[ToolCall] = []
        self._repairs = 0
        self._usage = TokenUsage()

    async def conclude(self) -> Finding:
        """Raises AnalystFailedError, and whatever the SDK raises over a malformed answer."""
        self._messages = await self._opening()
        for step in range(1, self._settings.model_max_steps + 1):
            last = step == self._settings.model_max_steps
            message = await self._ask(last=last)
            if message.tool_calls and not last:
                await self._look_up(message)
                continue
            drafted = self._drafted(message)
            if drafted is not None:
                return self._finding(*drafted)
        raise self.failure(f"no conclusion within {self._settings.model_max_steps} steps")

    def failure(self, reason: str, blame: Blame = Blame.ANSWER) -> AnalystFailedError:
        since = self._price.since if self._price else None
        return AnalystFailedError(reason, self._usage, blame, since)

    async def _opening(self) -> list[Any]:
        """What is the same for every case comes first, so that endpoints can cache it; then what is the
        same for every attempt of this one.

        The profile is read before anything is said: it tells which words of the alert are a name.
        """
        request = self._request
        profile = await self._tools.call(PROFILE, {"customer_id": request.alert.customer_id})
        if self._settings.model_masking:
            if profile.error is not None:
                reason = f"the customer's profile is needed for masking: {profile.error}"
                raise self.failure(reason)
            self._case.mask.learn(profile.result)
        told: dict[str, JsonValue] = {
            "alert": request.alert.model_dump(mode="json"),
            "analysts_feedback": list(request.feedback),
            "attempt": request.attempt,
            "your_earlier_findings": list(request.history),
            "now": request.now.isoformat(),
        }
        system = f"{_prompt('system')}\n{_prompt(request.specialist)}"
        return [{"role": "system", "content": system}, {"role": "user", "content": self._told(told)}]

    def _told(self, value: JsonValue) -> str:
        """A value as the model may see it."""
        return fenced(self._case.mask.masked(value) if self._settings.model_masking else value)

    async def _ask(self, *, last: bool) -> Any:
        self._stay_in_budget()
        self._spent(TokenUsage(calls=1))
        answer = await traced_chat(
            self._client.chat.completions.create,
            provider="azure.ai.openai" if self._settings.azure_openai_endpoint else "openai",
            about={
                names.CASE_ID: self._request.case_id,
                names.AGENT_NAME: str(self._request.specialist),
            },
            model=self._model,
            messages=self._messages,
            tools=self._schemas,
            tool_choice="none" if last else "auto",
            max_completion_tokens=self._settings.model_max_output_tokens,
            response_format=_ANSWER_FORMAT,
        )
        self._account(answer)
        if not getattr(answer, "choices", None):
            raise self.failure("the endpoint answered without a choice", Blame.ENDPOINT)
        choice = answer.choices[0]
        if choice.finish_reason == "length":
            raise self.failure("the answer was cut off at the token limit")
        if choice.finish_reason == "content_filter":
            raise self.failure("the answer was withheld by the content filter")
        if getattr(choice.message, "refusal", None):
            raise self.failure("the model refused to answer")
        return choice.message

    def _stay_in_budget(self) -> None:
        """Stop before a call that is not to be paid for."""
        own = exceeded(self._request.specialist, self._usage, self._settings.specialist_budget)
        over = next(own, None) or self._case.over_budget(self._settings)
        if over is not None:
            raise self.failure(over, Blame.BUDGET)

    def _account(self, answer: Any) -> None:
        """Count what an answer took, whatever it says."""
        used = getattr(answer, "usage", None)
        details = getattr(used, "prompt_tokens_details", None)
        cached = int(getattr(details, "cached_tokens", None) or 0)
        read = int(getattr(used, "prompt_tokens", None) or 0)
        written = int(getattr(used, "completion_tokens", None) or 0)
        self._spent(usage_of(self._price, read, written, cached))

    def _spent(self, usage: TokenUsage) -> None:
        self._usage += usage
        self._case.add(usage)

    async def _look_up(self, message: Any) -> None:
        """Answer every tool call, the refused ones too: the API insists on it."""
        asked = message.tool_calls
        self._messages.append(
            {
                "role": "assistant",
                "content": message.content,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": call.function.name, "arguments": call.function.arguments},
                    }
                    for call in asked
                ],
            }
        )
        answers = await asyncio.gather(
            *(self._answer(call, refuse=number >= MAX_CALLS_PER_STEP) for number, call in enumerate(asked))
        )
        for call, text in zip(asked, answers, strict=True):
            self._messages.append({"role": "tool", "tool_call_id": call.id, "content": text})

    async def _answer(self, call: Any, *, refuse: bool) -> str:
        name = call.function.name
        if refuse:
            return fenced({"error": f"at most {MAX_CALLS_PER_STEP} calls at once"})
        if name not in self._tools.names:
            return fenced({"error": f"there is no tool {name[:80]}"})
        try:
            said = json.loads(call.function.arguments or "{}", parse_constant=_no_number)
            json.dumps(said, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            return fenced({"error": f"the arguments are not JSON: {error!r:.200}"})
        if (reason := wrong_arguments(name, said)) is not None:
            return fenced({"error": reason})
        arguments = {parameter: self._case.mask.unmasked(value) for parameter, value in said.items()}
        made = await self._tools.call(name, arguments)
        self._calls.append(made)
        if self._settings.model_masking:
            self._case.mask.learn(made.result)
        return self._told({"error": made.error} if made.error else {"result": made.result})

    def _drafted(self, message: Any) -> tuple[Draft, dict[str, str]] | None:
        """The model's finding; None after telling it what was wrong, once."""
        content = message.content or ""
        try:
            return draft_of(content, self._case.mask)
        except ValidationError as error:
            if self._repairs >= REPAIRS:
                raise self.failure(f"the answer does not fit the schema: {words(error)}") from error
            self._repairs += 1
            self._messages += [
                {"role": "assistant", "content": content[:4000]},
                {"role": "user", "content": f"That does not fit the schema: {words(error)}. Answer again."},
            ]
            return None

    def _finding(self, draft: Draft, masked: dict[str, str]) -> Finding:
        finding = checked(draft, self._request, self._model, self._calls)
        since = self._price.since if self._price else None
        rung = Rung(analyst=self._model, usage=self._usage, priced_since=since)
        return finding.model_copy(update={"usage": self._usage, "rungs": (rung,), "masked": masked})


def _prompt(name: str) -> str:
    return (files("backends.azure") / "prompts" / f"{name}.md").read_text()


def _no_number(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not a number in JSON")

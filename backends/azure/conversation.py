"""A specialist's talk with a model: look-ups, and an answer that is checked before it is believed."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib.resources import files
from typing import Any, Literal, NoReturn

import openai
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, model_validator

from backends.azure.tool_schemas import FINDING_SCHEMA, tool_schemas, wrong_arguments
from backends.fallback_analyst import AnalystFailedError
from backends.model_settings import ModelSettings
from casework.assessment import not_evaluable
from casework.finding import Claim, ClaimStatus, Finding, FindingStatus, RowRef, TokenUsage, ToolCall
from casework.playbooks.rows import returned_rows
from casework.ports import AnalystRequest, ToolBox

MAX_CALLS_PER_STEP = 8
MAX_RESULT_CHARACTERS = 24_000
MAX_CLAIMS = 40
REPAIRS = 1
"""How often a model may correct an answer that does not fit the schema."""
PER_MILLION = Decimal(1_000_000)

_ANSWER_FORMAT: Any = {
    "type": "json_schema",
    "json_schema": {"name": "finding", "strict": True, "schema": FINDING_SCHEMA},
}


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")
    table: str
    row_id: str


class _Claim(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    text: str
    weight: float
    rows: list[_Row]


class _Draft(BaseModel):
    """A finding as the model states it, before anything in it is believed."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    status: Literal["evaluated", "not_evaluable", "contradicted"]
    risk: float | None
    summary: str
    claims: list[_Claim]

    @model_validator(mode="after")
    def _risk_fits_status(self) -> "_Draft":
        if (self.risk is None) != (self.status == "not_evaluable"):
            raise ValueError("risk must be given, and be null exactly when the status is not_evaluable")
        if self.risk is not None and not 0 <= self.risk <= 1:
            raise ValueError("risk must be from 0 to 1")
        return self


class Conversation:
    """One specialist's talk with the model about one attempt."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        settings: ModelSettings,
        request: AnalystRequest,
        tools: ToolBox,
    ) -> None:
        self._client = client
        self._settings = settings
        self._request = request
        self._tools = tools
        self._schemas: list[Any] = tool_schemas(tools.names)
        self._messages: list[Any] = _opening(request)
        self._calls: list[ToolCall] = []
        self._repairs = 0
        self.usage = TokenUsage()

    async def conclude(self) -> Finding:
        for step in range(1, self._settings.model_max_steps + 1):
            last = step == self._settings.model_max_steps
            message = await self._ask(last=last)
            if message.tool_calls and not last:
                await self._look_up(message)
                continue
            draft = self._drafted(message)
            if draft is not None:
                return self._checked(draft)
        raise self._failure(f"no conclusion within {self._settings.model_max_steps} steps")

    async def _ask(self, *, last: bool) -> Any:
        answer = await self._client.chat.completions.create(
            model=self._settings.model,
            messages=self._messages,
            tools=self._schemas,
            tool_choice="none" if last else "auto",
            max_completion_tokens=self._settings.model_max_output_tokens,
            response_format=_ANSWER_FORMAT,
        )
        self._account(answer)
        if not getattr(answer, "choices", None):
            raise self._failure("the endpoint answered without a choice")
        choice = answer.choices[0]
        if choice.finish_reason == "length":
            raise self._failure("the answer was cut off at the token limit")
        if choice.finish_reason == "content_filter":
            raise self._failure("the answer was withheld by the content filter")
        if getattr(choice.message, "refusal", None):
            raise self._failure("the model refused to answer")
        return choice.message

    def _account(self, answer: Any) -> None:
        """Add up tokens and cost; stop at the budget, before the next call is paid for."""
        used = getattr(answer, "usage", None)
        if used is not None:
            details = getattr(used, "prompt_tokens_details", None)
            cached = int(getattr(details, "cached_tokens", None) or 0)
            self.usage += token_usage(
                self._settings, used.prompt_tokens or 0, used.completion_tokens or 0, cached
            )
        if self.usage.input_tokens + self.usage.output_tokens > self._settings.model_max_tokens:
            raise self._failure(f"the budget of {self._settings.model_max_tokens} tokens is used up")
        if self.usage.cost_usd > self._settings.model_max_cost_usd:
            raise self._failure(f"the budget of ${self._settings.model_max_cost_usd} is used up")

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
            return _fenced({"error": f"at most {MAX_CALLS_PER_STEP} calls at once"})
        if name not in self._tools.names:
            return _fenced({"error": f"there is no tool {name[:80]}"})
        try:
            arguments = json.loads(call.function.arguments or "{}", parse_constant=_no_number)
            json.dumps(arguments, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            return _fenced({"error": f"the arguments are not JSON: {error!r:.200}"})
        if (reason := wrong_arguments(name, arguments)) is not None:
            return _fenced({"error": reason})
        if self._strays(arguments):
            text = "only this alert's customer may be looked up; get_customer_detail has the subscriptions"
            return _fenced({"error": text})
        made = await self._tools.call(name, arguments)
        self._calls.append(made)
        return _fenced({"error": made.error} if made.error else {"result": made.result})

    def _strays(self, arguments: Mapping[str, Any]) -> bool:
        """Whether a call asks about another customer than the alert's."""
        if arguments.get("customer_id", self._request.alert.customer_id) != self._request.alert.customer_id:
            return True
        subscription = arguments.get("subscription_id")
        if subscription is None:
            return False
        own = {row for call in self._calls for row in returned_rows(call) if row.table == "Subscriptions"}
        return subscription not in {row.row_id for row in own}

    def _drafted(self, message: Any) -> _Draft | None:
        """The model's finding; None after telling it what was wrong, once."""
        content = message.content or ""
        try:
            return _Draft.model_validate_json(content)
        except ValidationError as error:
            if self._repairs >= REPAIRS:
                raise self._failure(f"the answer does not fit the schema: {_words(error)}") from error
            self._repairs += 1
            self._messages += [
                {"role": "assistant", "content": content[:4000]},
                {"role": "user", "content": f"That does not fit the schema: {_words(error)}. Answer again."},
            ]
            return None

    def _checked(self, draft: _Draft) -> Finding:
        """The finding with every claim held against the rows the tools returned."""
        request = self._request
        calls = tuple(dict.fromkeys(call.call_id for call in self._calls))
        made = tuple(next(c for c in self._calls if c.call_id == call_id) for call_id in calls)
        if not any(call.error is None for call in made):
            blank = not_evaluable(
                request.specialist, request.attempt, "no tool gave an answer", self._settings.model
            )
            return blank.model_copy(update={"tool_calls": made, "usage": self.usage})
        seen = {(row.table, str(row.row_id)): row for call in made for row in returned_rows(call)}
        claims = tuple(_held_against(claim, seen) for claim in draft.claims[:MAX_CLAIMS])
        unsupported = sum(
            said.weight
            for said, claim in zip(draft.claims, claims, strict=False)
            if claim.status is ClaimStatus.UNSUPPORTED
        )
        risk = None if draft.risk is None else round(min(1.0, max(0.0, draft.risk - unsupported)), 4)
        return Finding(
            specialist=request.specialist,
            attempt=request.attempt,
            status=FindingStatus(draft.status),
            risk=risk,
            summary=draft.summary[:8000],
            claims=claims,
            tool_calls=made,
            analyst=self._settings.model,
            usage=self.usage,
        )

    def _failure(self, reason: str) -> AnalystFailedError:
        return AnalystFailedError(reason, self.usage)


def _no_number(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not a number in JSON")


def token_usage(settings: ModelSettings, read: int, written: int, cached: int) -> TokenUsage:
    """What a call used, and what that costs at the configured prices."""
    cached = min(cached, read)
    cached_price = settings.model_price_cached or settings.model_price_input
    cost = (
        (read - cached) * settings.model_price_input
        + cached * cached_price
        + written * settings.model_price_output
    ) / PER_MILLION
    return TokenUsage(input_tokens=read, output_tokens=written, cached_tokens=cached, cost_usd=cost)


def _opening(request: AnalystRequest) -> list[dict[str, str]]:
    """The same beginning for every case, so that endpoints can cache it; what differs comes last."""
    prompts = files("backends.azure") / "prompts"
    system = (prompts / "system.md").read_text() + "\n" + (prompts / f"{request.specialist}.md").read_text()
    told: dict[str, JsonValue] = {
        "now": request.now.isoformat(),
        "attempt": request.attempt,
        "alert": request.alert.model_dump(mode="json"),
        "your_earlier_findings": list(request.history),
        "analysts_feedback": list(request.feedback),
    }
    return [{"role": "system", "content": system}, {"role": "user", "content": _fenced(told)}]


def _fenced(value: JsonValue | Mapping[str, JsonValue]) -> str:
    """Data that cannot end its own fence, and is cut where it gets too long."""
    text = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
    if len(text) > MAX_RESULT_CHARACTERS:
        text = text[:MAX_RESULT_CHARACTERS] + " … cut; ask for less"
    return f"<data>{text}</data>"


def _held_against(said: _Claim, seen: Mapping[tuple[str, str], RowRef]) -> Claim:
    cited = [(row.table[:60], row.row_id[:120]) for row in said.rows[:50]]
    known = all(key in seen for key in cited)
    supported = known and (bool(cited) or said.weight == 0)
    return Claim(
        text=said.text[:8000],
        weight=round(min(1.0, max(-1.0, said.weight)), 4) if supported else 0.0,
        rows=tuple(dict.fromkeys(seen.get(key) or RowRef(table=key[0], row_id=key[1]) for key in cited)),
        status=ClaimStatus.SUPPORTED if supported else ClaimStatus.UNSUPPORTED,
    )


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problems: Sequence[Any] = error.errors(include_input=False, include_url=False)[:3]
        return "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)
    return f"{type(error).__name__}: {error}"[:500]

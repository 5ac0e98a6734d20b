"""Calls of a model as spans and metrics, in the names of the gen_ai conventions. Never what was said."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from opentelemetry.trace import Span, SpanKind

from backends.observability import metrics, names
from backends.observability.tracing import Attributes, span


async def traced_chat(
    create: Callable[..., Awaitable[Any]], *, provider: str, about: Attributes, **request: Any
) -> Any:
    """What `create(**request)` answers, with a span around it and its tokens counted."""
    attributes = {
        names.OPERATION: "chat",
        names.PROVIDER: provider,
        names.REQUEST_MODEL: str(request["model"]),
    }
    begun = time.monotonic()
    with span(f"chat {request['model']}", {**about, **attributes}, kind=SpanKind.CLIENT) as call:
        try:
            answer = await create(**request)
        except Exception as error:
            failed = {**attributes, names.ERROR_TYPE: type(error).__name__}
            call.set_attribute(names.ERROR_TYPE, type(error).__name__)
            metrics.model_duration.record(time.monotonic() - begun, failed)
            raise
        metrics.model_duration.record(time.monotonic() - begun, attributes)
        _note_answer(call, answer, attributes)
        return answer


def _note_answer(call: Span, answer: Any, attributes: Attributes) -> None:
    """The SDK builds answers unchecked, so anything may be missing."""
    if isinstance(model := getattr(answer, "model", None), str):
        call.set_attribute(names.RESPONSE_MODEL, model)
    choices = getattr(answer, "choices", None) or ()
    call.set_attribute(
        names.FINISH_REASONS, [str(getattr(choice, "finish_reason", "")) for choice in choices]
    )
    usage = getattr(answer, "usage", None)
    details = getattr(usage, "prompt_tokens_details", None)
    read, written = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    call.set_attributes(
        {
            names.INPUT_TOKENS: read,
            names.OUTPUT_TOKENS: written,
            names.CACHED_TOKENS: _count(details, "cached_tokens"),
        }
    )
    metrics.model_tokens.record(read, {**attributes, names.TOKEN_TYPE: "input"})
    metrics.model_tokens.record(written, {**attributes, names.TOKEN_TYPE: "output"})


def _count(holder: Any, name: str) -> int:
    value = getattr(holder, name, 0)
    return value if isinstance(value, int) and value >= 0 else 0

"""The analyst that asks a model: Azure OpenAI, or anything that speaks the same chat completions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai

from backends.azure.conversation import Conversation
from backends.fallback_analyst import AnalystFailedError
from backends.model_settings import ModelSettings
from casework.finding import Finding
from casework.ports import AnalystRequest, ToolBox

AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
_MALFORMED = (
    openai.OpenAIError, ValueError, AttributeError, TypeError, LookupError, ArithmeticError, RecursionError
)  # fmt: skip


class ModelAnalyst:
    """`casework.ports.Analyst` over a model. Raises AnalystFailedError when it cannot conclude in budget."""

    def __init__(self, client: openai.AsyncOpenAI, settings: ModelSettings) -> None:
        self._client = client
        self._settings = settings

    @property
    def name(self) -> str:
        return self._settings.model

    async def investigate(self, request: AnalystRequest, tools: ToolBox) -> Finding:
        """Let the model look things up, then check what it says against what it saw."""
        work = Conversation(self._client, self._settings, request, tools)
        try:
            async with asyncio.timeout(self._settings.model_seconds):
                return await work.conclude()
        except TimeoutError as error:
            seconds = self._settings.model_seconds
            raise AnalystFailedError(f"no conclusion within {seconds:.0f} s", work.usage) from error
        except _MALFORMED as error:
            # The SDK builds answers unchecked: a malformed one surfaces as any of these.
            raise AnalystFailedError(f"{type(error).__name__}: {error}"[:500], work.usage) from error


@asynccontextmanager
async def open_model_analyst(settings: ModelSettings) -> AsyncIterator[ModelAnalyst]:
    """A model analyst with its own client; connects on first use."""
    common: dict[str, Any] = {
        "timeout": settings.model_call_seconds,
        "max_retries": settings.model_retries,
    }
    endpoint = settings.azure_openai_endpoint
    if endpoint is None:
        key = settings.openai_api_key
        client = openai.AsyncOpenAI(
            base_url=str(settings.openai_base_url),
            api_key=key.get_secret_value() if key else "none",
            **common,
        )
        async with client:
            yield ModelAnalyst(client, settings)
        return
    base_url = f"{str(endpoint).rstrip('/')}/openai/v1"
    if settings.azure_openai_api_key is not None:
        key_text = settings.azure_openai_api_key.get_secret_value()
        async with openai.AsyncOpenAI(base_url=base_url, api_key=key_text, **common) as client:
            yield ModelAnalyst(client, settings)
        return
    from azure.identity.aio import (  # noqa: PLC0415 - only where there is no key
        DefaultAzureCredential,
        get_bearer_token_provider,
    )

    async with DefaultAzureCredential() as credential:
        provider = get_bearer_token_provider(credential, AZURE_SCOPE)
        async with openai.AsyncOpenAI(base_url=base_url, api_key=provider, **common) as client:
            yield ModelAnalyst(client, settings)

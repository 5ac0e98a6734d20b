"""The analyst that asks a model: Azure OpenAI, or anything that speaks the same chat completions."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from typing import Any

import openai
from pydantic import AnyHttpUrl, SecretStr

from backends.analyst_failure import AnalystFailedError, Blame
from backends.azure.conversation import Conversation
from backends.model_cases import ModelCases
from backends.model_prices import price_on
from backends.model_settings import ModelSettings
from casework.finding import Finding
from casework.ports import AnalystRequest, ToolBox

AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
_MALFORMED = (AttributeError, TypeError, LookupError, ArithmeticError, RecursionError)
"""What else a malformed answer surfaces as: the SDK builds answers unchecked."""


class ModelAnalyst:
    """`casework.ports.Analyst` over a model. Raises AnalystFailedError when it cannot conclude in budget."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        model: str,
        seconds: float,
        *,
        settings: ModelSettings,
        cases: ModelCases,
        today: Callable[[], date],
    ) -> None:
        self._client = client
        self._model = model
        self._seconds = seconds
        self._settings = settings
        self._cases = cases
        self._today = today

    @property
    def name(self) -> str:
        return self._model

    async def investigate(self, request: AnalystRequest, tools: ToolBox) -> Finding:
        """Let the model look things up, then check what it says against what it saw."""
        case = self._cases.begin(request)
        price = price_on(self._settings.model_prices, self._model, self._today())
        work = Conversation(
            self._client, self._model, request, tools, settings=self._settings, case=case, price=price
        )
        try:
            async with asyncio.timeout(self._seconds):
                return await work.conclude()
        except TimeoutError as error:
            raise work.failure(f"no conclusion within {self._seconds:.0f} s", Blame.ENDPOINT) from error
        except AnalystFailedError:
            raise
        except openai.BadRequestError as error:
            raise work.failure(_words(error)) from error
        except (openai.OpenAIError, ValueError) as error:
            raise work.failure(_words(error), Blame.ENDPOINT) from error
        except _MALFORMED as error:
            raise work.failure(_words(error), Blame.ENDPOINT) from error


@asynccontextmanager
async def open_model_analysts(
    settings: ModelSettings, today: Callable[[], date]
) -> AsyncIterator[tuple[ModelAnalyst, ...]]:
    """The model's analyst and that of the model to fall back on, if any; they connect on first use."""
    shared: dict[str, Any] = {"settings": settings, "cases": ModelCases(), "today": today}
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(_open_client(settings, *_first_place(settings)))
        analysts = [
            ModelAnalyst(first, settings.model, settings.model_seconds, **shared),
        ]
        if settings.model_fallback is not None:
            client = first
            if settings.model_fallback_endpoint is not None:
                place = (settings.model_fallback_endpoint, settings.model_fallback_api_key)
                client = await stack.enter_async_context(_open_client(settings, *place))
            seconds = settings.model_fallback_seconds
            analysts.append(ModelAnalyst(client, settings.model_fallback, seconds, **shared))
        yield tuple(analysts)


def _first_place(settings: ModelSettings) -> tuple[AnyHttpUrl, SecretStr | None]:
    if settings.azure_openai_endpoint is not None:
        return settings.azure_openai_endpoint, settings.azure_openai_api_key
    assert settings.openai_base_url is not None
    return settings.openai_base_url, settings.openai_api_key


@asynccontextmanager
async def _open_client(
    settings: ModelSettings, endpoint: AnyHttpUrl, key: SecretStr | None
) -> AsyncIterator[openai.AsyncOpenAI]:
    """A client of one endpoint: by key where there is one, by this process's identity where it is Azure's."""
    common: dict[str, Any] = {"timeout": settings.model_call_seconds, "max_retries": settings.model_retries}
    given = key.get_secret_value() if key else None
    if settings.azure_openai_endpoint is None:
        async with openai.AsyncOpenAI(base_url=str(endpoint), api_key=given or "none", **common) as client:
            yield client
    elif given is not None:
        async with _azure_client(settings, endpoint, {"api_key": given}, common) as client:
            yield client
    else:
        from azure.identity.aio import (  # noqa: PLC0415 - only where there is no key
            DefaultAzureCredential,
            get_bearer_token_provider,
        )

        async with DefaultAzureCredential() as credential:
            provider = get_bearer_token_provider(credential, AZURE_SCOPE)
            async with _azure_client(settings, endpoint, {"token": provider}, common) as client:
                yield client


def _azure_client(
    settings: ModelSettings, endpoint: AnyHttpUrl, access: dict[str, Any], common: dict[str, Any]
) -> openai.AsyncOpenAI:
    # The portal shows an endpoint with and without the path of the API.
    root = str(endpoint).rstrip("/").removesuffix("/v1").removesuffix("/openai")
    version = settings.azure_openai_api_version
    if version is None:
        key = access.get("api_key") or access["token"]
        return openai.AsyncOpenAI(base_url=f"{root}/openai/v1", api_key=key, **common)
    return openai.AsyncAzureOpenAI(
        azure_endpoint=root,
        api_version=version,
        api_key=access.get("api_key"),
        azure_ad_token_provider=access.get("token"),
        **common,
    )


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]

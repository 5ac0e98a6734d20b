"""Which models the analyst uses, and what they may cost; nothing set means the playbook."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AliasChoices, AnyHttpUrl, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backends.model_prices import ModelPrice

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Tokens = Annotated[int, Field(ge=1_000, le=10_000_000)]
Dollars = Annotated[Decimal, Field(gt=0, le=1000)]
Calls = Annotated[int, Field(ge=1, le=10_000)]


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be used at most."""

    tokens: int
    cost_usd: Decimal
    calls: int


class ModelSettings(BaseSettings):
    """The model endpoints, and what one specialist, one attempt and one case may use of them."""

    model_config = SettingsConfigDict(
        env_prefix="", extra="ignore", frozen=True, populate_by_name=True, env_ignore_empty=True
    )

    azure_openai_endpoint: AnyHttpUrl | None = None
    """https://NAME.openai.azure.com; chosen before OPENAI_BASE_URL."""
    azure_openai_api_version: str | None = None
    """Only for endpoints without /openai/v1, such as some gateways: asks by deployment with this version."""
    azure_openai_api_key: SecretStr | None = None
    """Only where a key is unavoidable; without one, DefaultAzureCredential is used."""
    openai_base_url: AnyHttpUrl | None = None
    """Any OpenAI-compatible endpoint, such as http://localhost:11434/v1."""
    openai_api_key: SecretStr | None = None
    model: Annotated[
        ModelName, Field(validation_alias=AliasChoices("azure_openai_chat_deployment", "openai_model"))
    ] = "gpt-4o"
    """AZURE_OPENAI_CHAT_DEPLOYMENT or OPENAI_MODEL: the deployment, or the model's name."""
    model_fallback: ModelName | None = None
    """The deployment or model to ask when the first does not work, before the playbook takes over."""
    model_fallback_endpoint: AnyHttpUrl | None = None
    """Where that one is, in the form of the first one's endpoint; nothing means at the same place."""
    model_fallback_api_key: SecretStr | None = None
    """The key of that place where it is another one."""
    model_masking: bool = True
    """Whether names, addresses and the like reach the model as placeholders only."""
    model_max_steps: Annotated[int, Field(ge=1, le=50)] = 10
    """How often one specialist may ask the model."""
    model_max_tokens: Tokens = 60_000
    """How many tokens, in and out, one specialist may use in an attempt."""
    model_max_cost_usd: Dollars = Decimal("0.50")
    """What one specialist may cost in an attempt; counts only when prices are set."""
    model_max_output_tokens: Annotated[int, Field(ge=100, le=100_000)] = 4_000
    """How many tokens one answer may have, a reasoning model's thinking included."""
    model_attempt_max_tokens: Tokens = 180_000
    """How many tokens all specialists together may use in an attempt."""
    model_attempt_max_cost_usd: Dollars = Decimal("1.50")
    """What an attempt may cost."""
    model_attempt_max_calls: Calls = 40
    """How often the model may be asked in an attempt."""
    model_case_max_tokens: Tokens = 400_000
    """How many tokens a case may use in all its attempts."""
    model_case_max_cost_usd: Dollars = Decimal("3.00")
    """What a case may cost in all its attempts."""
    model_case_max_calls: Calls = 100
    """How often the model may be asked in all attempts of a case."""
    model_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long one specialist may take before the next model or the playbook takes over."""
    model_fallback_seconds: Annotated[float, Field(gt=0, le=3600)] = 40.0
    """How long it may take with the second model."""
    model_call_seconds: Annotated[float, Field(gt=0, le=600)] = 40.0
    """How long one call of the model may take."""
    model_retries: Annotated[int, Field(ge=0, le=5)] = 2
    """How often a call is repeated on 429, 5xx and broken connections."""
    model_pause_after: Annotated[int, Field(ge=1, le=100)] = 3
    """After how many failures in a row an endpoint is left in peace and the next analyst asked at once."""
    model_pause_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """For how long at first; each pause that did not help is followed by one twice as long."""
    model_prices: tuple[ModelPrice, ...] = ()
    """US dollars per million tokens as JSON, each price from a day on:
    [{"model": "gpt-4o", "since": "2026-01-01", "input": 2.5, "cached": 1.25, "output": 10}]."""

    @model_validator(mode="after")
    def _credentials_travel_encrypted(self) -> Self:
        endpoint = self.azure_openai_endpoint
        if endpoint is not None and endpoint.scheme != "https":
            raise ValueError("AZURE_OPENAI_ENDPOINT must begin with https://")
        second = self.model_fallback_endpoint
        if endpoint is not None and second is not None and second.scheme != "https":
            raise ValueError("MODEL_FALLBACK_ENDPOINT must begin with https://")
        return self

    @property
    def has_model(self) -> bool:
        """Whether a model is configured at all."""
        return self.azure_openai_endpoint is not None or self.openai_base_url is not None

    @property
    def specialist_budget(self) -> Budget:
        return Budget(self.model_max_tokens, self.model_max_cost_usd, self.model_max_steps)

    @property
    def attempt_budget(self) -> Budget:
        return Budget(
            self.model_attempt_max_tokens, self.model_attempt_max_cost_usd, self.model_attempt_max_calls
        )

    @property
    def case_budget(self) -> Budget:
        return Budget(self.model_case_max_tokens, self.model_case_max_cost_usd, self.model_case_max_calls)

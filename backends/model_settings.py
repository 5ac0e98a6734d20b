"""Which model the analyst uses, and what it may cost; nothing set in the environment means the playbook."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import AliasChoices, AnyHttpUrl, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
PerMillion = Annotated[Decimal, Field(ge=0, le=10_000)]


class ModelSettings(BaseSettings):
    """A model endpoint and the budget of one specialist's work on one attempt."""

    model_config = SettingsConfigDict(
        env_prefix="", extra="ignore", frozen=True, populate_by_name=True, env_ignore_empty=True
    )

    azure_openai_endpoint: AnyHttpUrl | None = None
    """https://NAME.openai.azure.com; chosen before OPENAI_BASE_URL."""
    azure_openai_api_key: SecretStr | None = None
    """Only where a key is unavoidable; without one, DefaultAzureCredential is used."""
    openai_base_url: AnyHttpUrl | None = None
    """Any OpenAI-compatible endpoint, such as http://localhost:11434/v1."""
    openai_api_key: SecretStr | None = None
    model: Annotated[
        ModelName, Field(validation_alias=AliasChoices("azure_openai_chat_deployment", "openai_model"))
    ] = "gpt-4o"
    """AZURE_OPENAI_CHAT_DEPLOYMENT or OPENAI_MODEL: the deployment, or the model's name."""
    model_max_steps: Annotated[int, Field(ge=1, le=50)] = 10
    """How often one specialist may ask the model."""
    model_max_tokens: Annotated[int, Field(ge=1_000, le=1_000_000)] = 60_000
    """How many tokens, in and out, one specialist may use."""
    model_max_output_tokens: Annotated[int, Field(ge=100, le=100_000)] = 4_000
    """How many tokens one answer may have, a reasoning model's thinking included."""
    model_max_cost_usd: Annotated[Decimal, Field(gt=0, le=100)] = Decimal("0.50")
    """What one specialist may cost; counts only when prices are set."""
    model_seconds: Annotated[float, Field(gt=0, le=3600)] = 75.0
    """How long one specialist may take before the playbook takes over."""
    model_call_seconds: Annotated[float, Field(gt=0, le=600)] = 40.0
    """How long one call of the model may take."""
    model_retries: Annotated[int, Field(ge=0, le=5)] = 2
    """How often a call is repeated on 429, 5xx and broken connections."""
    model_price_input: PerMillion = Decimal(0)
    """US dollars per million tokens read."""
    model_price_cached: PerMillion = Decimal(0)
    """US dollars per million tokens read that the endpoint had cached; 0 takes the input price."""
    model_price_output: PerMillion = Decimal(0)
    """US dollars per million tokens written."""

    @model_validator(mode="after")
    def _credentials_travel_encrypted(self) -> Self:
        endpoint = self.azure_openai_endpoint
        if endpoint is not None and endpoint.scheme != "https":
            raise ValueError("AZURE_OPENAI_ENDPOINT must begin with https://")
        return self

    @property
    def has_model(self) -> bool:
        """Whether a model is configured at all."""
        return self.azure_openai_endpoint is not None or self.openai_base_url is not None

"""Where cases and actions are kept when it is Cosmos DB, from the environment."""

from datetime import timedelta
from typing import Annotated

from pydantic import AnyHttpUrl, Field, StringConstraints, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CosmosName = Annotated[str, StringConstraints(pattern=r"^[^/\\#?\s]{1,255}$")]


class CosmosSettings(BaseSettings):
    """The account and its containers. Sign-in is by token only: a managed identity, or `az login`."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True)

    cosmos_endpoint: AnyHttpUrl | None = None
    """https://ACCOUNT.documents.azure.com/ keeps cases and actions in Cosmos DB; without it, in files."""
    cosmos_database: CosmosName = "fraud"
    """The database."""
    cosmos_cases_container: CosmosName = "cases"
    """The container with the record of cases, partitioned by /case_id."""
    cosmos_actions_container: CosmosName = "actions"
    """The container with the ledger of actions, partitioned by /action_id."""
    cosmos_requests_at_once: Annotated[int, Field(ge=1, le=1000)] = 32
    """How many requests a process has under way at once; the others wait their turn."""
    cosmos_patience_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long one operation may take, waiting for its turn and for throttling included."""
    cosmos_retention_days: Annotated[float | None, Field(ge=1)] = None
    """How long the record of a closed case is kept; empty is for ever. See docs/howto/cosmos.md."""

    @field_validator("cosmos_endpoint", "cosmos_retention_days", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("cosmos_endpoint")
    @classmethod
    def _only_https(cls, value: AnyHttpUrl | None) -> AnyHttpUrl | None:
        if value is not None and value.scheme != "https":
            raise ValueError("must begin with https://: tokens are never sent in the clear")
        return value

    @property
    def has_cosmos(self) -> bool:
        return self.cosmos_endpoint is not None

    @property
    def cosmos_address(self) -> str:
        """The endpoint as the SDK wants it."""
        return f"{str(self.cosmos_endpoint).rstrip('/')}/"

    @property
    def cosmos_retention(self) -> timedelta | None:
        days = self.cosmos_retention_days
        return None if days is None else timedelta(days=days)

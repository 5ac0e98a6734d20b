"""Settings of the tool server, read from the environment once, at start."""

import ipaddress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backends.customer_wiring import CosmosPlace
from casework.loopback import is_loopback_address

_COSMOS_NAME = r"^[^/\\#?]{1,255}$"


class McpSettings(BaseSettings):
    """What the tool server can be told, under the environment names in the aliases."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    behind_internal_ingress: bool = Field(
        False, validation_alias="MCP_BEHIND_INTERNAL_INGRESS", description="true or false"
    )
    """Say that the network lets nobody but the worker reach the port; only then may it be beyond loopback."""
    host: str = Field(
        "127.0.0.1",
        validation_alias="MCP_HOST",
        description="127.0.0.1, ::1 or localhost; with MCP_BEHIND_INTERNAL_INGRESS=true any IP address",
    )
    """Address to listen on; a loopback one, because callers are not authenticated."""
    port: int = Field(
        8000, validation_alias="MCP_PORT", ge=0, le=65535, description="a whole number from 0 to 65535"
    )
    """Port to listen on; 0 takes a free one and says which in the log."""
    db_path: Path = Field(
        Path(".fraud-console/contoso.db"), validation_alias="DB_PATH", description="the path of a contoso.db"
    )
    """The Contoso database to serve."""
    cosmos_endpoint: str | None = Field(
        None,
        validation_alias="COSMOS_ENDPOINT",
        description="the https address of a Cosmos DB account, without a path",
    )
    """Serve what `fraud-mcp-tools migrate` copied to this Cosmos DB account instead of the file."""
    cosmos_database: str = Field(
        "contoso",
        validation_alias="MCP_COSMOS_DATABASE",
        description="the name of a database",
        pattern=_COSMOS_NAME,
    )
    cosmos_activity: str = Field(
        "activity",
        validation_alias="MCP_COSMOS_ACTIVITY",
        description="the name of a container that is partitioned by /customer",
        pattern=_COSMOS_NAME,
    )
    """The container of what customers did, partitioned by /customer."""
    cosmos_directory: str = Field(
        "directory",
        validation_alias="MCP_COSMOS_DIRECTORY",
        description="the name of a container that is partitioned by /partition",
        pattern=_COSMOS_NAME,
    )
    """The container of customers, products and documents, partitioned by /partition."""
    write_tools: bool = Field(False, validation_alias="MCP_WRITE_TOOLS", description="true or false")
    """Whether the four tools that write do so; otherwise the database is opened read-only."""
    query_deadline_seconds: float = Field(
        5.0,
        validation_alias="MCP_QUERY_DEADLINE_SECONDS",
        gt=0,
        le=60,
        description="a number above 0, at most 60",
    )
    """How long one query may take."""
    shutdown_seconds: int = Field(
        5, validation_alias="MCP_SHUTDOWN_SECONDS", ge=1, le=60, description="a whole number from 1 to 60"
    )
    """How long running calls may take to finish after SIGTERM."""
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="MCP_LOG_LEVEL", description="debug, info, warning or error"
    )
    """The least level that is logged."""

    @property
    def beyond_loopback(self) -> bool:
        """Whether callers come from other machines."""
        return self.host != "localhost" and not is_loopback_address(self.host)

    @property
    def customers(self) -> Path | CosmosPlace:
        """Where the customer data is."""
        return self.place_at(self.cosmos_endpoint) if self.cosmos_endpoint else self.db_path

    def place_at(self, endpoint: str) -> CosmosPlace:
        """The database and containers of the settings, at some account."""
        return CosmosPlace(endpoint, self.cosmos_database, self.cosmos_activity, self.cosmos_directory)

    @field_validator("cosmos_endpoint")
    @classmethod
    def _https_alone(cls, endpoint: str | None) -> str | None:
        return cosmos_address(endpoint) if endpoint else None

    @field_validator("host")
    @classmethod
    def _loopback_unless_guarded(cls, host: str, info: ValidationInfo) -> str:
        if host == "localhost" or is_loopback_address(host):
            return host
        if info.data.get("behind_internal_ingress") and _is_address(host):
            return host
        raise ValueError(
            "only loopback is allowed (127.0.0.1, ::1 or localhost): callers are not authenticated"
        )


def cosmos_address(endpoint: str) -> str:
    """The address of an account. Raises ValueError for anything else: a token must not leave in the clear."""
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("expected the https address of an account, like https://NAME.documents.azure.com")
    return endpoint


def allowed_values(variable: str) -> str:
    """What an environment variable of the tool server may be set to."""
    fields = McpSettings.model_fields.values()
    return next((f.description or "" for f in fields if f.validation_alias == variable), "")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

"""Settings of the tool server, read from the environment once, at start."""

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class McpSettings(BaseSettings):
    """What the tool server can be told, under the environment names in the aliases."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", validation_alias="MCP_HOST", description="127.0.0.1, ::1 or localhost")
    """Address to listen on; loopback only, because callers are not authenticated."""
    port: int = Field(
        8000, validation_alias="MCP_PORT", ge=0, le=65535, description="a whole number from 0 to 65535"
    )
    """Port to listen on; 0 takes a free one and says which in the log."""
    db_path: Path = Field(
        Path(".fraud-console/contoso.db"), validation_alias="DB_PATH", description="the path of a contoso.db"
    )
    """The Contoso database to serve."""
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

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        if host == "localhost" or _is_loopback(host):
            return host
        raise ValueError(
            "only loopback is allowed (127.0.0.1, ::1 or localhost): callers are not authenticated"
        )


def allowed_values(variable: str) -> str:
    """What an environment variable of the tool server may be set to."""
    fields = McpSettings.model_fields.values()
    return next((f.description or "" for f in fields if f.validation_alias == variable), "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

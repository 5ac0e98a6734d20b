"""Settings of the tool server, read from the environment once, at start."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class McpSettings(BaseSettings):
    """What the tool server can be told, under the environment names in the aliases."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    host: Annotated[str, Field(validation_alias="MCP_HOST")] = "127.0.0.1"
    """Address to listen on; loopback only, because callers are not authenticated."""
    port: Annotated[int, Field(validation_alias="MCP_PORT", ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one and says which in the log."""
    db_path: Annotated[Path, Field(validation_alias="DB_PATH")] = Path(".fraud-console/contoso.db")
    """The contoso.db to serve."""
    write_tools: Annotated[bool, Field(validation_alias="MCP_WRITE_TOOLS")] = False
    """Whether the four tools that write do so; otherwise the database is opened read-only."""
    query_deadline_seconds: Annotated[
        float, Field(validation_alias="MCP_QUERY_DEADLINE_SECONDS", gt=0, le=60)
    ] = 5.0
    """How long one query may take."""
    shutdown_seconds: Annotated[int, Field(validation_alias="MCP_SHUTDOWN_SECONDS", ge=1, le=60)] = 5
    """How long running calls may take to finish after SIGTERM."""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(validation_alias="MCP_LOG_LEVEL")
    ] = "info"

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        if host == "localhost" or _is_loopback(host):
            return host
        raise ValueError(
            "only loopback is allowed (127.0.0.1, ::1 or localhost): callers are not authenticated"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

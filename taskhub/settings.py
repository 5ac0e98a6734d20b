"""Settings of the task hub, read from the environment once at start."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from taskhub.operating.ages import parse_age, parse_statuses


class TaskHubSettings(BaseSettings):
    """One field per setting; ``TASKHUB_`` plus its name in capitals is the variable."""

    model_config = SettingsConfigDict(env_prefix="TASKHUB_", extra="ignore")

    host: str = "127.0.0.1"
    """Loopback address to listen on; the hub has no authentication, so no other is accepted."""

    port: int = Field(8080, ge=0, le=65535)
    """Port to listen on; 0 picks a free one, which the log names."""

    db: Path = Path(".fraud-console/taskhub.db")
    """The database file; its directory is created."""

    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    """FULL: an acknowledged write survives a power cut. NORMAL: it survives kill -9, not a power cut."""

    lease_seconds: float = Field(600.0, ge=1.0, le=86_400.0)
    """How long a connected worker may keep a work item before it is handed out again."""

    max_deliveries: int = Field(10, ge=1, le=1000)
    """A work item lost by its worker this often is parked with the reason instead of delivered again."""

    ping_seconds: float = Field(30.0, ge=0.1, le=100.0)
    """Pause after which an idle worker stream gets a sign of life; workers reconnect after 120 s without."""

    drain_seconds: float = Field(3.0, ge=0.0, le=60.0)
    """How long calls in flight may take to finish when the hub is asked to stop."""

    max_payload_bytes: int = Field(1024 * 1024, ge=1024, le=16 * 1024 * 1024)
    """Largest input, output, event, custom status or entity state."""

    max_message_bytes: int = Field(4_000_000, ge=64 * 1024, le=64 * 1024 * 1024)
    """Largest work item; a worker's default channel takes 4 MB."""

    retention_age: Annotated[timedelta | None, NoDecode] = None
    """Instances that ended longer ago (30d, 12h, 90m) are deleted bit by bit; empty keeps everything."""

    retention_statuses: Annotated[frozenset[str], NoDecode] = frozenset(
        {"completed", "failed", "terminated", "canceled"}
    )
    """The statuses to which the retention age applies, separated by commas."""

    dashboard_port: int = Field(8082, ge=0, le=65535)
    """Loopback port of the read-only dashboard and the Prometheus metrics; 0 turns both off."""

    check_seconds: float = Field(2.0, ge=0.0, le=600.0)
    """How long the start may look for damaged pages in the file; 0 does not look."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe log line that is written."""

    @field_validator("retention_age", mode="before")
    @classmethod
    def _age(cls, value: object) -> object:
        """An age as an operator writes it; nothing means for ever."""
        if isinstance(value, str):
            return parse_age(value) if value.strip() else None
        return value

    @field_validator("retention_statuses", mode="before")
    @classmethod
    def _statuses(cls, value: object) -> object:
        return parse_statuses(value) if isinstance(value, str) else value

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        """Refuse addresses that others could reach."""
        if host == "localhost":
            return "127.0.0.1"
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError(
                "only loopback addresses (127.0.0.1, ::1, localhost): the hub has no authentication"
            )
        return host


def explain(error: ValidationError) -> str:
    """A line per wrong setting: its name, its value and what is allowed."""
    return "\n".join(
        f"TASKHUB_{'_'.join(map(str, problem['loc'])).upper()}={problem['input']!s}: {problem['msg']}"
        for problem in error.errors()
    )

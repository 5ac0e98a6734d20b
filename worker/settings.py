"""Everything the worker can be told from outside, checked once at start."""

from datetime import date
from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, Field, IPvAnyAddress, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from backends.wrong_settings import given


class WorkerSettings(BaseSettings):
    """How the worker reaches its tools and how much it takes on at once."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, env_ignore_empty=True)

    mcp_server_uri: AnyHttpUrl = AnyHttpUrl("http://127.0.0.1:8000/mcp")
    """The tool server's streamable HTTP endpoint."""
    worker_investigations: Annotated[int, Field(ge=0, le=200)] = 0
    """Investigations at once; 0 chooses: 2 for the playbook, which is never idle, 16 for a model. Threads,
    other work in hand and `fraud-worker --scale-rules` follow from it."""
    worker_health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port that answers GET /health and /alive; 0 opens none."""
    worker_health_host: IPvAnyAddress = IPv4Address("127.0.0.1")
    """Where it listens. A container's probe comes from outside of it and needs 0.0.0.0; the answer names no
    customer, but callers are not authenticated."""
    worker_drain_seconds: Annotated[float, Field(gt=0, le=18)] = 12.0
    """How long work in hand may take after SIGTERM; then it is left to be redelivered."""
    data_clock: date | None = None
    """The day to judge customer data against, for a database that ends in the past; nothing means today."""
    worker_log_level: Literal["debug", "info", "warning", "error"] = "info"

    def investigations(self, *, has_model: bool) -> int:
        """How many investigations to run at once."""
        return self.worker_investigations or (16 if has_model else 2)


def settings_problems(error: ValidationError) -> list[str]:
    """Each wrong setting with its name, its value and what is allowed."""
    return [
        f"{'_'.join(str(part) for part in problem['loc']).upper() or 'settings'}"
        f"{given(problem['loc'], problem['input'])}: {problem['msg']}"
        for problem in error.errors()
    ]

"""Where the local stack lives: its data folder and its ports."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA_DIR = Path(".fraud-console")
DEFAULT_PORT_BASE = 8000
HIGHEST_PORT_BASE = 65_535 - 82


@dataclass(frozen=True, slots=True)
class StackSettings:
    """A data folder and a base port; every other port follows from the base.

    With the default base: MCP 8000, server 8001, task hub 8080, the worker's health probe 8081,
    the task hub's dashboard 8082.
    """

    data_dir: Path
    port_base: int = DEFAULT_PORT_BASE
    own_customers: Path | None = None
    """A contoso.db of the caller's, served as it is; without one the stack seeds its own."""
    hub_elsewhere: str = ""
    """The task hub that DTS_ENDPOINT names, when it is not one of ours: none is started then."""

    @property
    def mcp_port(self) -> int:
        return self.port_base

    @property
    def server_port(self) -> int:
        return self.port_base + 1

    @property
    def taskhub_port(self) -> int:
        return self.port_base + 80

    @property
    def worker_health_port(self) -> int:
        return self.port_base + 81

    @property
    def dashboard_port(self) -> int:
        return self.port_base + 82

    @property
    def server_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def mcp_url(self) -> str:
        return f"http://127.0.0.1:{self.mcp_port}/mcp"

    @property
    def starts_hub(self) -> bool:
        return self.hub_elsewhere in ("", f"http://localhost:{self.taskhub_port}")

    @property
    def taskhub_url(self) -> str:
        return f"http://localhost:{self.taskhub_port}"

    @property
    def dashboard_url(self) -> str:
        return f"http://127.0.0.1:{self.dashboard_port}"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def contoso_db(self) -> Path:
        return self.own_customers or self.data_dir / "contoso.db"


def own_environment() -> Mapping[str, str]:
    """The environment to hand on to the processes that are started."""
    return dict(os.environ)


def own_customers() -> Path | None:
    """DB_PATH, when it is set."""
    path = os.environ.get("DB_PATH")
    return Path(path).absolute() if path else None


def hub_elsewhere() -> str:
    """DTS_ENDPOINT, when it is set."""
    return os.environ.get("DTS_ENDPOINT", "").rstrip("/")


def default_data_dir() -> Path:
    """FRAUD_DATA_DIR, or `.fraud-console` in the current folder."""
    return Path(os.environ.get("FRAUD_DATA_DIR", DEFAULT_DATA_DIR))

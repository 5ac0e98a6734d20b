"""Where the local stack lives: its data folder and its ports."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

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
    tools_elsewhere: str = ""
    """The same for the tools of MCP_SERVER_URI."""
    customers_elsewhere: str = ""
    """The account that COSMOS_ENDPOINT names: its customers are served, and no file is written."""
    signs_in: bool = False
    """Whether the server takes nobody's word for who they are, the simulator's included."""

    @classmethod
    def told(cls, data_dir: Path, port_base: int, environment: Mapping[str, str]) -> "StackSettings":
        """A stack without what the environment puts elsewhere."""
        own = environment.get("DB_PATH")
        return cls(
            data_dir,
            port_base,
            own_customers=Path(own).absolute() if own else None,
            hub_elsewhere=environment.get("DTS_ENDPOINT", "").rstrip("/"),
            tools_elsewhere=environment.get("MCP_SERVER_URI", "").rstrip("/"),
            customers_elsewhere=environment.get("COSMOS_ENDPOINT", ""),
            signs_in=bool(environment.get("AUTH_TENANT_ID")),
        )

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
        return f"http://127.0.0.1:{self.mcp_port}/mcp" if self.starts_tools else self.tools_elsewhere

    @property
    def starts_hub(self) -> bool:
        return _is_here(self.hub_elsewhere, self.taskhub_port)

    @property
    def starts_tools(self) -> bool:
        return _is_here(self.tools_elsewhere, self.mcp_port)

    @property
    def seeds(self) -> bool:
        """Whether customers are in a file of this stack."""
        return not self.own_customers and not self.customers_elsewhere and self.starts_tools

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


def default_data_dir() -> Path:
    """FRAUD_DATA_DIR, or `.fraud-console` in the current folder."""
    return Path(os.environ.get("FRAUD_DATA_DIR", DEFAULT_DATA_DIR))


def _is_here(address: str, port: int) -> bool:
    """Whether nothing is named, or what a stack on this machine has on that port."""
    if not address:
        return True
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1") and parts.port == port

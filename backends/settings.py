"""Which backend each seam uses, from the environment; nothing set means everything embedded."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AnyHttpUrl, Field, StringConstraints, field_validator
from pydantic_settings import SettingsConfigDict

from backends.cosmos_settings import CosmosSettings
from backends.event_hub_settings import EventHubSettings

TaskHubName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{3,64}$")]
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class BackendSettings(CosmosSettings, EventHubSettings):
    """Every seam in one place. Secrets are masked when printed."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, env_ignore_empty=True)

    fraud_data_dir: Path = Path(".fraud-console")
    """Where the embedded parts keep their files."""
    telemetry_retention_hours: Annotated[float, Field(gt=0)] = 7 * 24
    """How long the embedded telemetry log keeps events that were read."""
    dts_endpoint: AnyHttpUrl = AnyHttpUrl("http://localhost:8080")
    """The task hub. http on loopback is the embedded one or the emulator; https is Azure."""
    dts_taskhub: TaskHubName = "default"
    dts_dashboard_url: AnyHttpUrl = AnyHttpUrl("http://127.0.0.1:8082")
    """The embedded task hub's dashboard, from which the health screen has its figures. Loopback only."""

    @field_validator("dts_endpoint")
    @classmethod
    def _no_plain_http_off_loopback(cls, value: AnyHttpUrl) -> AnyHttpUrl:
        if value.scheme == "http" and (value.host or "").strip("[]") not in LOOPBACK:
            raise ValueError("plain http is for loopback only; use https://… for anything else")
        return value

    @field_validator("dts_dashboard_url")
    @classmethod
    def _dashboard_on_loopback(cls, value: AnyHttpUrl) -> AnyHttpUrl:
        if value.scheme != "http" or (value.host or "").strip("[]") not in LOOPBACK:
            raise ValueError("the dashboard is on loopback: http://127.0.0.1:PORT")
        return value

    @property
    def cases_db(self) -> Path:
        return self.fraud_data_dir / "cases.db"

    @property
    def telemetry_db(self) -> Path:
        return self.fraud_data_dir / "telemetry.db"

    @property
    def telemetry_retention(self) -> timedelta:
        return timedelta(hours=self.telemetry_retention_hours)

    @property
    def dts_address(self) -> str:
        """The endpoint as the SDK wants it: without a trailing slash."""
        return str(self.dts_endpoint).rstrip("/")

    @property
    def dts_dashboard(self) -> str:
        """The dashboard's address without a trailing slash."""
        return str(self.dts_dashboard_url).rstrip("/")

    @property
    def dts_secure(self) -> bool:
        return self.dts_endpoint.scheme == "https"

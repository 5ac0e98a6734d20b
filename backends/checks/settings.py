"""The settings that say where the seams are, as the checks read them: the same names, all optional."""

from pydantic import AnyHttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PUBLIC_CLOUD = "https://login.microsoftonline.com"


class SeamSettings(BaseSettings):
    """Where each Azure seam is. What is not set is embedded, and is not asked here."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, env_ignore_empty=True)

    cosmos_endpoint: AnyHttpUrl | None = None
    cosmos_database: str = "fraud"
    cosmos_cases_container: str = "cases"
    eventhub_namespace: str | None = None
    eventhub_connection_string: SecretStr | None = None
    eventhub_name: str = "telemetry"
    eventhub_consumer_group: str = "$Default"
    eventhub_endpoint: str | None = None
    checkpoint_blob_url: AnyHttpUrl | None = None
    checkpoint_connection_string: SecretStr | None = None
    checkpoint_container: str = "telemetry-checkpoints"
    auth_tenant_id: str = ""
    auth_audience: str = ""
    """Several are separated by commas; the first is the one asked about."""
    auth_authority: str = PUBLIC_CLOUD

    @property
    def issuer(self) -> str:
        return f"{self.auth_authority.rstrip('/')}/{self.auth_tenant_id}/v2.0"

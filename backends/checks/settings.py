"""Where sign-in is, as the checks read it: the server's own settings, all optional."""

from pydantic_settings import BaseSettings, SettingsConfigDict

PUBLIC_CLOUD = "https://login.microsoftonline.com"


class SignInSettings(BaseSettings):
    """The tenant whose people and services may sign in. Without one there is nobody to ask."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, env_ignore_empty=True)

    auth_tenant_id: str = ""
    auth_audience: str = ""
    """Several are separated by commas; the first is the one asked about."""
    auth_authority: str = PUBLIC_CLOUD

    @property
    def issuer(self) -> str:
        return f"{self.auth_authority.rstrip('/')}/{self.auth_tenant_id}/v2.0"

"""Where ordered actions are sent, from the environment; nothing set means that the ledger is the action."""

from typing import Annotated, Self

from pydantic import AnyHttpUrl, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backends.settings import LOOPBACK

LEAST_SECRET = 16


class ActionSettings(BaseSettings):
    """The webhook that acts on accounts."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, env_ignore_empty=True)

    action_webhook_url: AnyHttpUrl | None = None
    """https://…; http only to loopback."""
    action_webhook_secret: SecretStr | None = None
    """At least 16 characters; signs every request."""
    action_webhook_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """How long one request may take."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        url, secret = self.action_webhook_url, self.action_webhook_secret
        if url is None:
            return self
        if url.scheme != "https" and (url.host or "").strip("[]") not in LOOPBACK:
            raise ValueError("ACTION_WEBHOOK_URL must begin with https:// unless it is on loopback")
        if secret is None or len(secret.get_secret_value()) < LEAST_SECRET:
            raise ValueError(f"ACTION_WEBHOOK_SECRET must have at least {LEAST_SECRET} characters")
        return self

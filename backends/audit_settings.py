"""Who signs orders and whose signatures count, from the environment; nothing set makes a key of its own."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AnyHttpUrl, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SecretName = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,127}$")]


class AuditSettings(BaseSettings):
    """The server signs with a private key; the worker needs public ones alone."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, env_ignore_empty=True)

    audit_key_file: Path | None = None
    """The server's private Ed25519 key, as PEM, readable by its owner alone. Without one and without a vault
    the server makes a key in FRAUD_DATA_DIR/audit at its first start."""
    audit_key_vault_url: AnyHttpUrl | None = None
    """https://NAME.vault.azure.net: keys are secrets of this Key Vault instead of files."""
    audit_key_secret: SecretName = "audit-signing-key"
    """The secret that holds the server's private key as PEM."""
    audit_trusted_secret: SecretName | None = None
    """The secret that holds the public keys, PEM after PEM, whose orders the worker carries out."""
    audit_trusted_keys: Path | None = None
    """The same in a file or a folder of .pem files. Nothing means FRAUD_DATA_DIR/audit/trusted, to which the
    server adds its own key."""
    audit_accept_unsigned: bool = False
    """Let orders without a signature pass: for the decisions of releases that did not sign yet."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.audit_key_vault_url is None:
            if self.audit_trusted_secret is not None:
                raise ValueError("AUDIT_TRUSTED_SECRET needs AUDIT_KEY_VAULT_URL")
            return self
        if self.audit_key_vault_url.scheme != "https":
            raise ValueError("AUDIT_KEY_VAULT_URL must begin with https://")
        if self.audit_key_file is not None:
            raise ValueError("set AUDIT_KEY_FILE or AUDIT_KEY_VAULT_URL, not both")
        if self.audit_trusted_secret is not None and self.audit_trusted_keys is not None:
            raise ValueError("set AUDIT_TRUSTED_KEYS or AUDIT_TRUSTED_SECRET, not both")
        return self

"""Reads a secret from Azure Key Vault, once, within a deadline, and says what is missing when it cannot."""

import asyncio
import ssl

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient

from backends.wording import first_line
from casework.errors import UnavailableError

PATIENCE_SECONDS = 20.0
TRIES = 3
ROLE = "Key Vault Secrets User"


async def read_secret(vault_url: str, name: str) -> str:
    """The newest enabled version of a secret. Raises UnavailableError naming setting, role or name."""
    vault = vault_url.rstrip("/")
    try:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            DefaultAzureCredential() as credential,
            SecretClient(
                vault,
                credential,
                retry_total=TRIES,
                retry_backoff_factor=0.2,
                connection_verify=_trust_store(),
            ) as client,
        ):
            found = await client.get_secret(name)
    except TimeoutError as error:
        raise UnavailableError(f"{vault} did not answer within {PATIENCE_SECONDS:.0f} s") from error
    except ResourceNotFoundError as error:
        raise UnavailableError(f"{vault} has no enabled secret {name}") from error
    except ClientAuthenticationError as error:
        raise UnavailableError(_not_signed_in(vault, error)) from error
    except HttpResponseError as error:
        raise UnavailableError(_refused(vault, name, error)) from error
    except (AzureError, ValueError) as error:
        raise UnavailableError(f"{vault} cannot be reached: {first_line(error)}") from error
    if not found.value:
        raise UnavailableError(f"the secret {name} of {vault} is empty")
    return found.value


def _trust_store() -> str | bool:
    """Whom to trust now, SSL_CERT_FILE included; the HTTP library remembers the setting of its import."""
    return ssl.get_default_verify_paths().cafile or True


def _not_signed_in(vault: str, error: ClientAuthenticationError) -> str:
    return (
        f"no token for {vault}: give this process a managed identity, and set AUDIT_KEY_VAULT_URL and"
        f" AZURE_CLIENT_ID to what belongs together ({first_line(error)})"
    )


def _refused(vault: str, name: str, error: HttpResponseError) -> str:
    if error.status_code == 403:
        return f"{vault} does not let this identity read {name}: give it the role {ROLE}"
    return f"{vault} refused to give {name}: {first_line(error)}"

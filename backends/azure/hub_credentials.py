"""Tokens for the Durable Task Scheduler, from whatever identity this process has; failures in words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential

from casework.errors import UnavailableError

TOKEN_SECONDS = 20.0
_PATIENCE = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 2}


class HubCredential:
    """For the worker. The SDK renews: it asks again ten minutes before a token expires."""

    def __init__(self) -> None:
        self._inner = DefaultAzureCredential(**_PATIENCE)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token. Raises UnavailableError saying which setting or role is missing."""
        try:
            return self._inner.get_token(*scopes, **options)
        except AzureError as error:
            raise UnavailableError(_advice(scopes, error)) from error


class AsyncHubCredential:
    """For the server, with a deadline of its own: an identity endpoint may accept and never answer."""

    def __init__(self, inner: AsyncDefaultAzureCredential, seconds: float = TOKEN_SECONDS) -> None:
        self._inner = inner
        self._seconds = seconds

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token. Raises UnavailableError saying which setting or role is missing."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._inner.get_token(*scopes, **options)
        except TimeoutError as error:
            told = f"the identity endpoint did not answer within {self._seconds:g} s"
            raise UnavailableError(_advice(scopes, told)) from error
        except AzureError as error:
            raise UnavailableError(_advice(scopes, error)) from error


@asynccontextmanager
async def open_hub_credential(seconds: float = TOKEN_SECONDS) -> AsyncIterator[AsyncHubCredential]:
    """A credential whose connections are closed afterwards."""
    async with AsyncDefaultAzureCredential(**_PATIENCE) as inner:
        yield AsyncHubCredential(inner, seconds)


def _advice(scopes: tuple[str, ...], cause: object) -> str:
    lines = str(cause).strip().splitlines()
    first = lines[0][:200] if lines else type(cause).__name__
    return (
        f"no token for the task hub ({', '.join(scopes)}): give this process a managed identity, with"
        f" AZURE_CLIENT_ID when it is user-assigned, or sign in with `az login`; {first}"
    )

"""Whether Azure's Durable Task Scheduler lets this process in, found out at start and said in words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import structlog

from backends.settings import BackendSettings
from casework.errors import UnavailableError

HELLO_SECONDS = 10.0
HELLO = "/TaskHubSidecarService/Hello"
SCOPE = "https://durabletask.io/.default"
ROLE = "Durable Task Data Contributor"

_HOPELESS = {
    grpc.StatusCode.UNAUTHENTICATED: "it does not accept our token: DTS_ENDPOINT and the identity must belong"
    " to the same tenant",
    grpc.StatusCode.PERMISSION_DENIED: f"this identity may not do that: give it the role {ROLE} on the hub",
    grpc.StatusCode.NOT_FOUND: "there is no such task hub: set DTS_TASKHUB to one of the scheduler's",
    grpc.StatusCode.INVALID_ARGUMENT: "it wants another task hub name: check DTS_TASKHUB",
    grpc.StatusCode.UNIMPLEMENTED: "it is no task hub: check DTS_ENDPOINT",
}
"""Answers that waiting does not change."""
_UNTRUSTED = (
    "its certificate is not trusted: DTS_ENDPOINT must be the scheduler's own address, and behind an"
    " inspecting proxy GRPC_DEFAULT_SSL_ROOTS_FILE_PATH must name the authorities to trust"
)

log = structlog.get_logger("hub_access")


async def check_access(settings: BackendSettings, token_seconds: float | None = None) -> None:
    """Ask the scheduler for a hello with a token, within a deadline; the embedded hub needs none.

    Raises UnavailableError for what somebody must mend: no token, a refusal, an unknown hub, a
    certificate that is not trusted. A scheduler that is out of reach is logged: it may come back.
    """
    if not settings.dts_secure:
        return
    from backends.azure import hub_credentials  # noqa: PLC0415 - embedded mode never loads it

    async with hub_credentials.open_hub_credential(
        token_seconds or hub_credentials.TOKEN_SECONDS
    ) as credential:
        token = await credential.get_token(SCOPE)
    metadata = (("taskhub", settings.dts_taskhub), ("authorization", f"Bearer {token.token}"))
    try:
        async with _channel(settings) as channel:
            await channel.unary_unary(HELLO)(b"", metadata=metadata, timeout=HELLO_SECONDS)
    except grpc.aio.AioRpcError as error:
        if is_hopeless(error):
            raise UnavailableError(f"{settings.dts_address}: {in_words(error)}") from error
        log.warning("task_hub_away", hub=settings.dts_address, reason=in_words(error))


def is_hopeless(error: grpc.aio.AioRpcError) -> bool:
    """Whether somebody has to change something before another try can help."""
    return error.code() in _HOPELESS or _is_about_trust(error)


def in_words(error: grpc.aio.AioRpcError) -> str:
    """What the hub's refusal means, and what to do."""
    told = f"{error.code().name}: {(error.details() or '')[:300]}"
    if _is_about_trust(error):
        return f"{_UNTRUSTED} ({told})"
    meaning = _HOPELESS.get(error.code())
    return f"{meaning} ({told})" if meaning else told


def _is_about_trust(error: grpc.aio.AioRpcError) -> bool:
    return error.code() is grpc.StatusCode.UNAVAILABLE and "CERTIFICATE_VERIFY" in (error.details() or "")


@asynccontextmanager
async def _channel(settings: BackendSettings) -> AsyncIterator[grpc.aio.Channel]:
    address = settings.dts_address.removeprefix("https://")
    target = address if settings.dts_endpoint.port else f"{address}:443"
    async with grpc.aio.secure_channel(target, grpc.ssl_channel_credentials()) as channel:
        yield channel

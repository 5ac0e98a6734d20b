"""The task hub behind TLS and tokens: what goes through, what is refused, and in which words."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import jwt
import pytest

from backends.durable import open_case_flow
from backends.hub_access import check_access
from backends.settings import BackendSettings
from casework.errors import UnavailableError
from casework.ports import WithdrawalEvent
from tests.peers.certificates import Certificates, write_certificates
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.scheduler import AUDIENCE, READER, WORKER, Scheduler
from tests.peers.tokens import Issuer
from tests.taskhub.launcher import HubProcess, running_hub


@dataclass
class Azure:
    """A scheduler, the identity of this process, and the settings that name them."""

    scheduler: Scheduler
    identity: ManagedIdentity
    certificates: Certificates

    def settings(self, **changes: str) -> BackendSettings:
        given = {"dts_endpoint": self.scheduler.address, "dts_taskhub": "default"}
        return BackendSettings.model_validate({**given, **changes})


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with running_hub(tmp_path_factory.mktemp("hub")) as process:
        yield process


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificates]:
    """Certificates that this process trusts: gRPC looks at the variable once."""
    certificates = write_certificates(tmp_path_factory.mktemp("certificates"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(certificates.authority))
        yield certificates


@pytest.fixture
def azure(hub: HubProcess, trusted: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    issuer = Issuer("https://login.example/tenant/v2.0")
    identity = ManagedIdentity(issuer)
    scheduler = Scheduler(issuer, f"localhost:{hub.port}")
    with identity.running() as environment, scheduler.running(trusted):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield Azure(scheduler, identity, trusted)


async def test_with_a_token_a_role_and_a_known_hub_calls_go_through(azure: Azure) -> None:
    await check_access(azure.settings())
    async with open_case_flow(azure.settings()) as flow:
        await flow.ping()
        assert await flow.state("fraud-none") is None
    assert set(azure.identity.asked) == {"https://durabletask.io"}


async def test_tokens_are_renewed_before_they_expire(azure: Azure) -> None:
    azure.identity.lifetime_seconds = 2
    async with open_case_flow(azure.settings()) as flow:
        await flow.ping()
        (first,) = azure.scheduler.tokens
        while _still_good(azure, first):  # noqa: ASYNC110 - time passes and rings no bell
            await asyncio.sleep(0.05)
        await flow.ping()
    assert len(azure.scheduler.tokens) == 2


def _still_good(azure: Azure, token: str) -> bool:
    try:
        return bool(azure.scheduler.issuer.check(token, AUDIENCE))
    except jwt.InvalidTokenError:
        return False


async def test_an_expired_token_is_refused_in_words(azure: Azure) -> None:
    azure.identity.lifetime_seconds = -60
    with pytest.raises(UnavailableError, match=r"does not accept our token: DTS_ENDPOINT.*expired"):
        await check_access(azure.settings())


async def test_a_token_of_another_tenant_is_refused_in_words(azure: Azure) -> None:
    azure.scheduler.issuer = Issuer("https://login.example/other/v2.0")
    with pytest.raises(UnavailableError, match="same tenant"):
        await check_access(azure.settings())


async def test_without_a_role_the_role_is_named(azure: Azure) -> None:
    azure.scheduler.roles.clear()
    with pytest.raises(UnavailableError, match=r"give it the role Durable Task Data Contributor"):
        await check_access(azure.settings())


@pytest.mark.parametrize("role", [WORKER, READER])
async def test_a_role_that_is_not_enough_is_said_to_be_so(azure: Azure, role: str) -> None:
    azure.scheduler.roles["fraud-console"] = role
    await check_access(azure.settings())
    async with open_case_flow(azure.settings()) as flow:
        with pytest.raises(UnavailableError, match="Durable Task Data Contributor"):
            await flow.withdraw("fraud-none", WithdrawalEvent(review=1))


async def test_an_unknown_task_hub_is_named_by_its_setting(azure: Azure) -> None:
    with pytest.raises(UnavailableError, match=r"set DTS_TASKHUB to one of the scheduler's.*elsewhere"):
        await check_access(azure.settings(dts_taskhub="elsewhere"))


async def test_no_identity_at_all_says_how_to_get_one(azure: Azure) -> None:
    azure.identity.refuse = 400
    with pytest.raises(UnavailableError, match=r"no token for the task hub.*AZURE_CLIENT_ID.*az login"):
        await check_access(azure.settings())
    async with open_case_flow(azure.settings()) as flow:
        with pytest.raises(UnavailableError, match="no token for the task hub"):
            await flow.ping()


async def test_an_identity_endpoint_that_never_answers_is_given_up(azure: Azure) -> None:
    azure.identity.hangs = True
    try:
        with pytest.raises(UnavailableError, match=r"did not answer within 0\.3 s"):
            await check_access(azure.settings(), token_seconds=0.3)
    finally:
        azure.identity.hangs = False


async def test_a_certificate_that_nobody_vouches_for_is_said_to_be_untrusted(
    azure: Azure, tmp_path: Path
) -> None:
    stranger = Scheduler(azure.scheduler.issuer, azure.scheduler.upstream)
    told = r"certificate is not trusted.*GRPC_DEFAULT_SSL_ROOTS"
    with (
        stranger.running(write_certificates(tmp_path)) as address,
        pytest.raises(UnavailableError, match=told),
    ):
        await check_access(azure.settings(dts_endpoint=address))
    assert stranger.calls == 0


async def test_a_scheduler_that_is_out_of_reach_or_busy_stops_no_start(azure: Azure) -> None:
    azure.scheduler.refuse = (grpc.StatusCode.UNAVAILABLE, "busy")
    await check_access(azure.settings())


async def test_the_embedded_hub_needs_no_token(hub: HubProcess) -> None:
    await check_access(BackendSettings.model_validate({"dts_endpoint": hub.address}))

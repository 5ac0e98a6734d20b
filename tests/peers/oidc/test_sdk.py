"""The unmodified azure-identity SDK signs in at the provider: device codes, renewal, client secrets."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AuthenticationRecord,
    AuthenticationRequiredError,
    ClientSecretCredential,
    DeviceCodeCredential,
    TokenCachePersistenceOptions,
)

from tests.peers.certificates import Certificates, write_certificates
from tests.peers.oidc import Person, Provider
from tests.peers.oidc.directory import API_ID, API_URI, CONSOLE_ID


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return write_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def provider(certificates: Certificates) -> Iterator[Provider]:
    one = Provider()
    with one.running(certificates):
        yield one


Answer = Callable[[str], object]


def device(
    provider: Provider, certificates: Certificates, answer: Answer, **more: Any
) -> DeviceCodeCredential:
    """The SDK's credential; `answer` plays the person who sees the code."""

    def shown(_uri: str, user_code: str, _expires: datetime) -> None:
        answer(user_code)

    options: dict[str, Any] = {
        "tenant_id": provider.tenant,
        "authority": provider.base,
        "client_id": CONSOLE_ID,
    }
    if "authentication_record" in more:
        options = {}
    return DeviceCodeCredential(
        disable_instance_discovery=True,
        connection_verify=str(certificates.authority),
        prompt_callback=shown,
        **{**options, **more},
    )


def approving(provider: Provider, role: str = "analyst") -> Answer:
    person = provider.directory.person(role)
    assert person is not None
    return lambda code: provider.grants.approve(code, person)


def test_a_person_signs_in_by_device_code(provider: Provider, certificates: Certificates) -> None:
    token = device(provider, certificates, approving(provider)).get_token(provider.scope)
    claims = provider.issuer.check(token.token, API_ID)
    assert (claims["name"], claims["roles"], claims["tid"]) == ("Ada Analyst", ["analyst"], provider.tenant)


def test_the_sdk_waits_for_a_person_and_slows_down_when_told(
    provider: Provider, certificates: Certificates
) -> None:
    approve, waiting = approving(provider), []
    redeem = provider.grants.redeem_device_code

    def once_pending(device_code: str, client_id: str) -> Any:
        if len(waiting) == 1:
            approve(provider.grants.codes[device_code].user_code)
        waiting.append(device_code)
        return redeem(device_code, client_id)

    provider.grants.redeem_device_code = once_pending  # type: ignore[method-assign]
    provider.grants.interval_seconds = 0
    assert device(provider, certificates, lambda _: None).get_token(provider.scope).token
    assert len(waiting) == 2


def test_asking_too_often_is_told_to_slow_down(provider: Provider, certificates: Certificates) -> None:
    provider.grants.interval_seconds = 60
    root = f"{provider.base}/{provider.tenant}/oauth2/v2.0"
    with httpx.Client(verify=certificates.client_context()) as http:
        codes = http.post(
            f"{root}/devicecode", data={"client_id": CONSOLE_ID, "scope": provider.scope}
        ).json()
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": codes["device_code"],
            "client_id": CONSOLE_ID,
        }
        answers = [http.post(f"{root}/token", data=form).json()["error"] for _ in range(2)]
    assert answers == ["authorization_pending", "slow_down"]


def test_a_person_may_decline(provider: Provider, certificates: Certificates) -> None:
    with pytest.raises(ClientAuthenticationError, match="declined"):
        device(provider, certificates, provider.grants.decline).get_token(provider.scope)


def test_a_code_expires(provider: Provider, certificates: Certificates) -> None:
    def let_it_expire(_code: str) -> None:
        later = provider.grants.clock() + 10_000
        provider.grants.clock = lambda: later

    with pytest.raises(ClientAuthenticationError, match="expired"):
        device(provider, certificates, let_it_expire).get_token(provider.scope)


def test_a_session_is_renewed_silently_until_it_is_revoked(
    provider: Provider, certificates: Certificates
) -> None:
    provider.lifetime_seconds = 200
    credential = device(provider, certificates, approving(provider), disable_automatic_authentication=True)
    credential.authenticate(scopes=[provider.scope])
    first = credential.get_token(provider.scope).token
    provider.directory.people[1] = Person("Ada Analyst", ("senior",))
    renewed = provider.issuer.check(credential.get_token(provider.scope).token, API_ID)
    assert (provider.issuer.check(first, API_ID)["roles"], renewed["roles"]) == (["analyst"], ["senior"])
    assert provider.grants.revoke("Ada Analyst") == 1
    with pytest.raises(AuthenticationRequiredError):
        credential.get_token(provider.scope)


def test_a_later_process_goes_on_with_the_record_of_the_account(
    provider: Provider, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    kept = {
        "cache_persistence_options": TokenCachePersistenceOptions(name="t", allow_unencrypted_storage=True)
    }
    record = device(provider, certificates, approving(provider), **kept).authenticate(scopes=[provider.scope])
    written = AuthenticationRecord.deserialize(record.serialize())
    later = device(
        provider,
        certificates,
        lambda _: pytest.fail("nobody should be asked"),
        authentication_record=written,
        disable_automatic_authentication=True,
        **kept,
    )
    assert later.get_token(provider.scope).token


def test_a_service_signs_in_with_its_secret(provider: Provider, certificates: Certificates) -> None:
    feed = provider.directory.applications[1]
    options: dict[str, Any] = {
        "authority": provider.base,
        "disable_instance_discovery": True,
        "connection_verify": str(certificates.authority),
    }
    token = ClientSecretCredential(provider.tenant, feed.client_id, feed.secret, **options)
    claims = provider.issuer.check(token.get_token(provider.scope).token, API_ID)
    assert (claims["idtyp"], claims["roles"], claims["oid"] == claims["sub"]) == ("app", ["ingest"], True)
    wrong = ClientSecretCredential(provider.tenant, feed.client_id, "guess", **options)
    with pytest.raises(ClientAuthenticationError, match="secret is wrong"):
        wrong.get_token(provider.scope)


def test_old_registrations_get_tokens_of_the_first_version(
    provider: Provider, certificates: Certificates
) -> None:
    provider.version = 1
    token = device(provider, certificates, approving(provider)).get_token(provider.scope).token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["ver"], claims["aud"]) == ("1.0", API_URI)
    assert claims["iss"] == f"https://sts.windows.net/{provider.tenant}/"


def test_codes_are_approved_and_tokens_minted_from_a_shell(
    provider: Provider, certificates: Certificates
) -> None:
    with httpx.Client(base_url=provider.base, verify=certificates.client_context()) as http:
        code = provider.grants.begin(CONSOLE_ID, provider.scope).user_code
        assert code in http.get("/devicelogin", params={"code": code}).text
        form = {"user_code": code, "person": "senior", "answer": "yes"}
        assert http.post("/devicelogin", data=form).status_code == 200
        assert http.post("/devicelogin", data=form).status_code == 404
        minted = http.get("/mint", params={"who": "ingest"}).text
    assert provider.issuer.check(minted, API_ID)["roles"] == ["ingest"]

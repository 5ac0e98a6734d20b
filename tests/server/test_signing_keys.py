"""Signing keys: fetched once, renewed after a rotation, and no outage when the issuer has one."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from casework.errors import UnavailableError
from server.identity import keys as k
from server.identity.keys import SigningKeys, UnknownKeyError
from tests.peers.certificates import write_certificates
from tests.peers.oidc import Provider


class Ticks:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    files = write_certificates(tmp_path_factory.mktemp("certificates"))
    one = Provider()
    with pytest.MonkeyPatch.context() as patch, one.running(files):
        patch.setenv("SSL_CERT_FILE", str(files.authority))
        yield one


@pytest.fixture
def provider(published: Provider) -> Provider:
    """The provider as if it had just started."""
    published.key_fault, published.key_fetches = "", 0
    del published.issuer.keys[1:]
    published.issuer.keys[0].key_id = "key-1"
    return published


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
def keys(provider: Provider, clock: Ticks) -> Iterator[SigningKeys]:
    made = SigningKeys(f"{provider.base}/{provider.tenant}/discovery/v2.0/keys", clock)
    yield made
    made.close()


async def test_keys_are_fetched_once(provider: Provider, keys: SigningKeys) -> None:
    for _ in range(3):
        assert (await keys.key("key-1")).key_id == "key-1"
    assert provider.key_fetches == 1


async def test_a_rotated_key_is_taken_after_the_cooldown(
    provider: Provider, keys: SigningKeys, clock: Ticks
) -> None:
    await keys.key("key-1")
    fresh = provider.issuer.rotate().key_id
    with pytest.raises(UnknownKeyError):
        await keys.key(fresh)
    clock.pass_by(k.COOLDOWN_SECONDS)
    assert (await keys.key(fresh)).key_id == fresh
    assert provider.key_fetches == 2


async def test_a_retired_key_is_refused_once_the_set_was_fetched_again(
    provider: Provider, keys: SigningKeys, clock: Ticks
) -> None:
    await keys.key("key-1")
    fresh = provider.issuer.rotate().key_id
    provider.issuer.keys.pop(0)
    clock.pass_by(k.COOLDOWN_SECONDS)
    await keys.key(fresh)
    with pytest.raises(UnknownKeyError):
        await keys.key("key-1")


async def test_two_hundred_unknown_keys_cause_no_fetch(provider: Provider, keys: SigningKeys) -> None:
    await keys.key("key-1")
    for number in range(200):
        with pytest.raises(UnknownKeyError):
            await keys.key(f"made-up-{number}")
    assert provider.key_fetches == 1


@pytest.mark.parametrize("fault", ["down", "malformed", "empty"])
async def test_an_issuer_that_is_away_is_no_outage_for_known_keys(
    provider: Provider, keys: SigningKeys, clock: Ticks, fault: str
) -> None:
    await keys.key("key-1")
    provider.key_fault = fault  # type: ignore[assignment]
    clock.pass_by(k.REFRESH_AFTER_SECONDS)
    assert (await keys.key("key-1")).key_id == "key-1"
    with pytest.raises(UnavailableError):
        await keys.key("perhaps-new")
    assert provider.key_fetches == 2
    clock.pass_by(k.LIFETIME_SECONDS)
    with pytest.raises(UnavailableError):
        await keys.key("key-1")


async def test_cold_and_without_an_issuer_nothing_can_be_judged_and_it_is_not_hammered(
    provider: Provider, keys: SigningKeys, clock: Ticks
) -> None:
    provider.key_fault = "down"
    for _ in range(5):
        with pytest.raises(UnavailableError, match="keys cannot be fetched"):
            await keys.key("key-1")
    assert provider.key_fetches == 1
    provider.key_fault = ""
    clock.pass_by(k.FAILURE_COOLDOWN_SECONDS)
    assert (await keys.key("key-1")).key_id == "key-1"


async def test_a_slow_issuer_is_given_up(
    provider: Provider, keys: SigningKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(k, "DEADLINE_SECONDS", 0.1)
    provider.key_fault = "slow"
    with pytest.raises(UnavailableError):
        await keys.key("key-1")
    provider.key_fault = ""


async def test_keys_of_other_kinds_and_uses_beside_ours_are_passed_over(
    provider: Provider, keys: SigningKeys
) -> None:
    ours = provider.issuer.keys[0].public_jwk()
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    provider.issuer.published_beside = [
        {**ECAlgorithm.to_jwk(curve, as_dict=True), "kid": "key-1"},
        {**ours, "kid": "key-e", "use": "enc"},
        {"kty": "mystery", "kid": "key-m"},
        {name: ours[name] for name in ("kty", "n", "e")} | {"kid": "key-plain", "x5c": ["MII"]},
    ]
    try:
        assert (await keys.key("key-1")).key_type == "RSA"
        assert (await keys.key("key-plain")).key_type == "RSA"
        for unusable in ("key-e", "key-m"):
            with pytest.raises(UnknownKeyError):
                await keys.key(unusable)
    finally:
        provider.issuer.published_beside = []

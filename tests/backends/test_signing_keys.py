"""Keys: made once, kept for their owner, from a file or a vault, trusted by a ring that outlives rotation."""

import ssl
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from pydantic import ValidationError

from backends.audit_settings import AuditSettings
from backends.keys import KEY_FILE, audit_folder, open_key_ring, open_signer
from backends.settings import BackendSettings
from backends.signing import (
    KeyRing,
    ensure_key,
    new_key,
    public_pem,
    publish,
    read_signer,
    signer_from_pem,
    trusted_keys,
    write_private,
)
from casework.errors import UnavailableError
from tests.peers.certificates import write_certificates
from tests.peers.keyvault import KeyVault
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.tokens import Issuer


@pytest.fixture
def backend(tmp_path: Path) -> BackendSettings:
    return BackendSettings(fraud_data_dir=tmp_path)


async def test_the_first_start_makes_a_key_for_its_owner_alone_and_publishes_the_other_half(
    backend: BackendSettings,
) -> None:
    first = await open_signer(backend, AuditSettings())
    path = audit_folder(backend) / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (await open_signer(backend, AuditSettings())).key == first.key
    ring = await open_key_ring(backend, AuditSettings())
    assert ring.trusts(first.key)
    assert ring.fits(first.sign(b"said"), b"said")
    assert not ring.fits(first.sign(b"said"), b"never said")


async def test_a_worker_that_starts_before_the_server_learns_of_its_key(backend: BackendSettings) -> None:
    ring = await open_key_ring(backend, AuditSettings())
    assert ring.keys == frozenset()
    signer = await open_signer(backend, AuditSettings())
    assert ring.trusts(signer.key)


def test_servers_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    path, found, ready = tmp_path / "audit" / KEY_FILE, set[str](), threading.Barrier(8)

    def start() -> None:
        ready.wait()
        found.add(ensure_key(path).key)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert [file.name for file in path.parent.iterdir()] == [KEY_FILE]


def test_after_a_rotation_what_the_old_key_signed_still_counts(tmp_path: Path) -> None:
    path, trusted = tmp_path / KEY_FILE, tmp_path / "trusted"
    old = ensure_key(path)
    publish(old.key, trusted)
    write_private(path, new_key(), replace=True)
    new = read_signer(path)
    publish(new.key, trusted)
    ring = KeyRing(lambda: trusted_keys(trusted))
    assert old.key != new.key
    assert ring.trusts(old.key)
    assert ring.trusts(new.key)


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    write_private(path, new_key())
    path.chmod(0o644)
    with pytest.raises(UnavailableError, match=rf"mode 644.*: chmod 600 {path}"):
        read_signer(path)


def test_what_is_no_ed25519_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    rsa = generate_private_key(65537, 2048)
    pem = rsa.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(UnavailableError, match="another kind than Ed25519"):
        signer_from_pem(pem, "key.pem")
    with pytest.raises(UnavailableError, match=r"key.pem holds no private key") as raised:
        signer_from_pem(b"my secret", "key.pem")
    assert "my secret" not in str(raised.value)
    public = rsa.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "trusted.pem").write_bytes(public)
    with pytest.raises(UnavailableError, match="another kind"):
        trusted_keys(tmp_path)


async def test_a_key_that_no_worker_would_trust_stops_the_server(
    backend: BackendSettings, tmp_path: Path
) -> None:
    other = signer_from_pem(new_key(), "another")
    (tmp_path / "keys.pem").write_bytes(public_pem(other.key))
    audit = AuditSettings(audit_trusted_keys=tmp_path / "keys.pem")
    with pytest.raises(UnavailableError, match=r"not among the trusted keys.*add its public key"):
        await open_signer(backend, audit)
    with pytest.raises(UnavailableError, match=r"AUDIT_TRUSTED_KEYS=.*holds no public key"):
        await open_key_ring(backend, AuditSettings(audit_trusted_keys=tmp_path / "none.pem"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"audit_trusted_secret": "x"}, "needs AUDIT_KEY_VAULT_URL"),
        ({"audit_key_vault_url": "http://vault"}, "must begin with https"),
        ({"audit_key_vault_url": "https://v", "audit_key_file": "k"}, "not both"),
        (
            {"audit_key_vault_url": "https://v", "audit_trusted_secret": "x", "audit_trusted_keys": "k"},
            "not both",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_named(given: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AuditSettings.model_validate(given)


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagedIdentity]:
    peer = ManagedIdentity(Issuer("https://login.example/tenant/v2.0"))
    with peer.running() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield peer


@pytest.fixture
def vault(identity: ManagedIdentity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyVault]:
    certificates = write_certificates(tmp_path / "certificates")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    peer = KeyVault(identity.issuer)
    with peer.running(certificates):
        yield peer


async def test_the_peer_gives_the_sdk_secrets_by_version(vault: KeyVault) -> None:
    trusted = ssl.get_default_verify_paths().cafile  # named here: aiohttp remembers that of its import
    async with (
        DefaultAzureCredential() as credential,
        SecretClient(vault.url, credential, connection_verify=trusted) as client,
    ):
        first = await client.set_secret("s", "one")
        await client.set_secret("s", "two")
        assert (await client.get_secret("s")).value == "two"
        assert (await client.get_secret("s", first.properties.version)).value == "one"
    assert vault.challenges == 1


async def test_keys_come_from_a_vault(vault: KeyVault, backend: BackendSettings) -> None:
    old, pem = signer_from_pem(new_key(), "old"), new_key()
    current = signer_from_pem(pem, "current")
    vault.put("audit-signing-key", pem.decode())
    vault.put("trusted", (public_pem(old.key) + public_pem(current.key)).decode())
    vault.failures = 1
    audit = AuditSettings.model_validate(
        {"audit_key_vault_url": vault.url, "audit_trusted_secret": "trusted"}
    )
    assert (await open_signer(backend, audit)).key == current.key
    assert (await open_key_ring(backend, audit)).keys == {old.key, current.key}
    assert not audit_folder(backend).exists()


async def test_a_vault_that_gives_no_key_says_what_is_missing(
    vault: KeyVault, backend: BackendSettings, identity: ManagedIdentity
) -> None:
    audit = AuditSettings.model_validate({"audit_key_vault_url": vault.url})
    with pytest.raises(UnavailableError, match="has no enabled secret audit-signing-key"):
        await open_signer(backend, audit)
    vault.role = False
    with pytest.raises(UnavailableError, match="give it the role Key Vault Secrets User"):
        await open_signer(backend, audit)
    identity.refuse = 400
    with pytest.raises(UnavailableError, match=r"no token for .*AZURE_CLIENT_ID"):
        await open_signer(backend, audit)


async def test_a_vault_nobody_vouches_for_is_not_believed(
    vault: KeyVault, backend: BackendSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    audit = AuditSettings.model_validate({"audit_key_vault_url": vault.url})
    with pytest.raises(UnavailableError, match=r"cannot be reached.*CERTIFICATE_VERIFY_FAILED"):
        await open_signer(backend, audit)

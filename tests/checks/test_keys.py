"""The checks of Key Vault read both secrets, show no private key, and name the role that is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.audit_settings import AuditSettings
from backends.checks.check import Check, ask_all
from backends.checks.keys import vault_questions
from backends.signing import new_key, public_pem, signer_from_pem
from tests.checks.refusing import trusted, with_identity
from tests.peers.keyvault import KeyVault


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[KeyVault]:
    """A vault with a signing key and, under another name, its public half."""
    private = new_key()
    with with_identity(monkeypatch) as identity:
        served = KeyVault(identity.issuer)
        served.put("audit-signing-key", private.decode())
        served.put("trusted", public_pem(signer_from_pem(private, "a test").key).decode())
        with served.running(trusted(monkeypatch, tmp_path)):
            yield served


async def _asked(vault: KeyVault) -> list[Check]:
    told = {"audit_key_vault_url": vault.url, "audit_trusted_secret": "trusted"}
    return await ask_all(vault_questions(AuditSettings.model_validate(told)), lambda _check: None)


async def test_both_secrets_are_read_and_only_ids_are_shown(vault: KeyVault) -> None:
    signing, trusting = await _asked(vault)
    assert (signing.state, trusting.state) == ("ok", "ok")
    key_id = signing.detail.rpartition(" ")[2]
    assert trusting.detail.endswith(f"1 trusted: {key_id}")
    assert "PRIVATE" not in signing.detail


async def test_a_worker_without_the_private_key_is_told_which_role_that_would_take(vault: KeyVault) -> None:
    vault.readers = {"trusted": frozenset(), "audit-signing-key": frozenset()}
    for check in await _asked(vault):
        assert (check.state, check.cause) == ("bad", "not_allowed")
        assert "Key Vault Secrets User" in check.detail
        assert "4633458b-17de-408a-b874-0445c86b69e6" in check.fix


async def test_a_secret_that_is_missing_or_holds_something_else_is_named(vault: KeyVault) -> None:
    vault.put("audit-signing-key", "not a key")
    del vault.secrets["trusted"]
    signing, trusting = await _asked(vault)
    assert "no private key in PEM form" in signing.detail
    assert (trusting.cause, trusting.fix) == ("wrong", "put a secret trusted into the vault")


def test_without_a_vault_nobody_is_asked() -> None:
    assert vault_questions(AuditSettings()) == []

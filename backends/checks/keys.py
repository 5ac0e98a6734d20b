"""Questions to Key Vault: can the key that signs orders be read, and those whose orders count?"""

from collections.abc import Callable

from backends.audit_settings import AuditSettings
from backends.checks.check import Answer, Question
from backends.checks.roles import SECRETS
from backends.checks.trouble import Seam, explained
from casework.signature import key_id_of

Reading = Callable[[bytes, str], str]


def vault_questions(settings: AuditSettings) -> list[Question]:
    """One for each secret. The private key is for the server alone: others are rightly refused it."""
    if settings.audit_key_vault_url is None:
        return []
    vault = str(settings.audit_key_vault_url)
    asked = [_question("seam: signing key", vault, settings.audit_key_secret, _signing_key)]
    if settings.audit_trusted_secret is not None:
        asked.append(_question("seam: trusted keys", vault, settings.audit_trusted_secret, _trusted_keys))
    return asked


def _question(name: str, vault: str, secret: str, reading: Reading) -> Question:
    place = f"{vault.rstrip('/')}/secrets/{secret}"
    seam = Seam("Key Vault", place, "AUDIT_KEY_VAULT_URL", SECRETS, f"put a secret {secret} into the vault")

    async def ask() -> Answer:
        from backends.azure.key_vault import read_secret  # noqa: PLC0415 - loaded only where it is used

        return Answer("ok", f"{place}: {reading((await read_secret(vault, secret)).encode(), secret)}")

    return Question(name, ask, lambda error: explained(seam, error), seconds=25)


def _signing_key(pem: bytes, secret: str) -> str:
    from backends.signing import signer_from_pem  # noqa: PLC0415 - as above

    return f"key {signer_from_pem(pem, secret).key_id[:16]}"


def _trusted_keys(pem: bytes, secret: str) -> str:
    from backends.signing import public_keys_in  # noqa: PLC0415 - as above

    found = sorted(key_id_of(key)[:16] for key in public_keys_in(pem, secret))
    if not found:
        raise ValueError("it holds no public key in PEM form, so no order could be believed")
    return f"{len(found)} trusted: {', '.join(found)}"

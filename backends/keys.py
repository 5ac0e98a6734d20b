"""Opens the signer and the key ring that the settings name."""

from pathlib import Path

import structlog

from backends.audit_settings import AuditSettings
from backends.settings import BackendSettings
from backends.signing import (
    Ed25519Signer,
    KeyRing,
    ensure_key,
    public_keys_in,
    publish,
    read_signer,
    signer_from_pem,
    trusted_keys,
)
from casework.errors import UnavailableError
from casework.signature import PublicKey, key_id_of

KEY_FILE = "signing-key.pem"
_LOCAL = (
    "set AUDIT_KEY_VAULT_URL, or AUDIT_KEY_FILE and AUDIT_TRUSTED_KEYS: workers elsewhere do not see this"
    " folder, and with its disk the key is gone"
)

log = structlog.get_logger("keys")


def audit_folder(backend: BackendSettings) -> Path:
    """Where keys are kept when nothing else is said."""
    return backend.fraud_data_dir / "audit"


async def open_signer(backend: BackendSettings, audit: AuditSettings) -> Ed25519Signer:
    """The server's key; its public half is published where nobody else looks after the trusted ones.

    Raises UnavailableError saying what to mend, when there is no key to be had or the worker would not
    trust it.
    """
    signer = await _signer(backend, audit)
    if audit.audit_trusted_keys is None and audit.audit_trusted_secret is None:
        publish(signer.key, audit_folder(backend) / "trusted")
        if backend.dts_secure:
            log.warning("keys_are_local", folder=str(audit_folder(backend)), advice=_LOCAL)
        return signer
    ring = await open_key_ring(backend, audit)
    if not ring.trusts(signer.key):
        place = audit.audit_trusted_keys or f"the secret {audit.audit_trusted_secret}"
        raise UnavailableError(
            f"the signing key {key_id_of(signer.key)[:16]} is not among the trusted keys in {place}, so no"
            " worker would carry out what it signs: add its public key there"
        )
    return signer


async def open_key_ring(backend: BackendSettings, audit: AuditSettings) -> KeyRing:
    """Whose orders count. Raises UnavailableError when keys were named and none can be found."""
    unsigned = audit.audit_accept_unsigned
    if audit.audit_trusted_secret is not None:
        fixed = await _trusted_secret(audit)
        ring = KeyRing(lambda: fixed, accepts_unsigned=unsigned)
    else:
        place = audit.audit_trusted_keys or audit_folder(backend) / "trusted"
        ring = KeyRing(lambda: trusted_keys(place), accepts_unsigned=unsigned)
    ring.reload()
    if backend.dts_secure and not ring.keys:
        log.warning("no_trusted_keys", advice="set AUDIT_TRUSTED_KEYS or AUDIT_TRUSTED_SECRET")
    if audit.audit_trusted_keys is not None and not ring.keys:
        raise UnavailableError(
            f"AUDIT_TRUSTED_KEYS={audit.audit_trusted_keys} holds no public key in PEM form:"
            " no order could be believed"
        )
    return ring


async def _signer(backend: BackendSettings, audit: AuditSettings) -> Ed25519Signer:
    if audit.audit_key_vault_url is not None:
        from backends.azure.key_vault import read_secret  # noqa: PLC0415 - embedded mode never loads it

        pem = await read_secret(str(audit.audit_key_vault_url), audit.audit_key_secret)
        return signer_from_pem(pem.encode(), f"the secret {audit.audit_key_secret}")
    if audit.audit_key_file is not None:
        return read_signer(audit.audit_key_file)
    return ensure_key(audit_folder(backend) / KEY_FILE)


async def _trusted_secret(audit: AuditSettings) -> frozenset[PublicKey]:
    """Read once: a rotation in the vault is seen at the next start."""
    from backends.azure.key_vault import read_secret  # noqa: PLC0415 - as above

    name = audit.audit_trusted_secret or ""
    keys = public_keys_in((await read_secret(str(audit.audit_key_vault_url), name)).encode(), name)
    if not keys:
        raise UnavailableError(f"the secret {name} holds no public key (PEM): no order could be believed")
    return keys

"""A signature under what a person ordered, and what signing and verifying need from outside."""

from hashlib import sha256
from typing import Annotated, Protocol

from pydantic import StringConstraints

from casework.alert import Frozen

DOMAIN = "fraud-console/order/v1\n"
"""Precedes every signed text, so that a signature given here fits nothing that means something else."""

PublicKey = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""An Ed25519 public key: its 32 bytes in hexadecimal."""


class Signature(Frozen):
    """Ed25519. The key is part of it, so that a record verifies by itself; whether to trust it does not."""

    key: PublicKey
    value: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]

    @property
    def key_id(self) -> str:
        return key_id_of(self.key)


def key_id_of(key: str) -> str:
    """The fingerprint of a public key: SHA-256 of its 32 bytes."""
    return sha256(bytes.fromhex(key)).hexdigest()


def message_of(text: str) -> bytes:
    """The exact bytes a signature covers, given the canonical JSON of a record without it."""
    return (DOMAIN + text).encode("utf-8", "surrogatepass")


class Signer(Protocol):
    """Holds a private key."""

    @property
    def key(self) -> PublicKey: ...

    def sign(self, message: bytes) -> Signature:
        """The signature of a message."""


class Verifier(Protocol):
    """Knows whose signatures count."""

    @property
    def accepts_unsigned(self) -> bool:
        """Whether an order without a signature passes, as those of releases that did not sign."""

    def fits(self, signature: Signature, message: bytes) -> bool:
        """Whether the signature is one of this message, by whatever key."""

    def trusts(self, key: PublicKey) -> bool:
        """Whether orders signed with a key are to be carried out."""

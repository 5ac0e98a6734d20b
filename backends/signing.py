"""Ed25519 for orders: keys from PEM files, a signer for the server, a key ring for whoever verifies."""

import contextlib
import os
import re
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from casework.errors import UnavailableError
from casework.signature import PublicKey, Signature, key_id_of

LARGEST_PEM = 1 << 20
_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


class Ed25519Signer:
    """`casework.signature.Signer` with a key in memory."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.key: PublicKey = private.public_key().public_bytes_raw().hex()

    @property
    def key_id(self) -> str:
        return key_id_of(self.key)

    def sign(self, message: bytes) -> Signature:
        return Signature(key=self.key, value=self._private.sign(message).hex())


class KeyRing:
    """`casework.signature.Verifier` over trusted public keys, looked up again when a key is not among them.

    A key that is unknown now may have been added a moment ago, by a rotation or by a server's first start.
    """

    def __init__(
        self, load: Callable[[], frozenset[PublicKey]] = frozenset, *, accepts_unsigned: bool = False
    ) -> None:
        self.accepts_unsigned = accepts_unsigned
        self._load = load
        self._lock = threading.Lock()
        self._keys: frozenset[PublicKey] = frozenset()

    @property
    def keys(self) -> frozenset[PublicKey]:
        return self._keys

    def reload(self) -> None:
        """Look the keys up. Raises UnavailableError, in words."""
        with self._lock:
            self._keys = self._load()

    def trusts(self, key: PublicKey) -> bool:
        if key not in self._keys:
            self.reload()
        return key in self._keys

    def fits(self, signature: Signature, message: bytes) -> bool:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.key))
        try:
            public.verify(bytes.fromhex(signature.value), message)
        except InvalidSignature:
            return False
        return True


class AnyKey(KeyRing):
    """Trusts whoever signed: for checking that signatures fit when it is not known whose they should be."""

    def trusts(self, key: PublicKey) -> bool:
        return True


def new_key() -> bytes:
    """A fresh private key as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def signer_from_pem(pem: bytes, source: str) -> Ed25519Signer:
    """A signer with a PEM's private key. Raises UnavailableError naming the source, never the content."""
    try:
        private = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnavailableError(
            f"{source} holds no private key in PEM form without a password; make one with"
            " `fraud-console audit keys create`"
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise UnavailableError(f"{source} holds a key of another kind than Ed25519")
    return Ed25519Signer(private)


def public_pem(key: PublicKey) -> bytes:
    """A public key as the PEM that other programs read."""
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def public_keys_in(pem: bytes, source: str) -> frozenset[PublicKey]:
    """Every public key in PEM text, which may hold several. Raises UnavailableError for other keys."""
    found = set()
    for block in _PUBLIC.findall(pem):
        try:
            public = serialization.load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm):
            raise UnavailableError(f"{source} holds a public key that cannot be read") from None
        if not isinstance(public, Ed25519PublicKey):
            raise UnavailableError(f"{source} holds a public key of another kind than Ed25519")
        found.add(public.public_bytes_raw().hex())
    return frozenset(found)


def read_signer(path: Path) -> Ed25519Signer:
    """The signer of a key file. Raises UnavailableError when others may read it too."""
    try:
        mode = path.stat().st_mode
        pem = path.read_bytes()[:LARGEST_PEM]
    except OSError as error:
        raise UnavailableError(f"cannot read the signing key {path}: {error.strerror}") from error
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise UnavailableError(
            f"the signing key {path} can be read by others (mode {stat.S_IMODE(mode):o}): chmod 600 {path}"
        )
    return signer_from_pem(pem, str(path))


def ensure_key(path: Path) -> Ed25519Signer:
    """The signer of a key file, made when there is none; of two that make one at once, one wins for both."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            write_private(path, new_key())
    return read_signer(path)


def write_private(path: Path, pem: bytes, *, replace: bool = False) -> None:
    """Write a key for its owner alone, whole or not at all. Raises FileExistsError unless it may replace."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                Path(name).replace(path)
            else:
                os.link(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        raise UnavailableError(f"cannot write the signing key {path}: {error.strerror}") from error


def publish(key: PublicKey, folder: Path) -> None:
    """Put a public key among the trusted ones of a folder; older ones stay, for what they signed."""
    path = folder / f"{key_id_of(key)}.pem"
    if path.exists():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".key-", delete=False) as file:
            file.write(public_pem(key))
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise UnavailableError(f"cannot write the public key {path}: {error.strerror}") from error


def trusted_keys(place: Path) -> frozenset[PublicKey]:
    """The public keys in a file, or in the .pem files of a folder; none when there is no such place."""
    try:
        files: Iterable[Path] = sorted(place.glob("*.pem")) if place.is_dir() else [place]
        return frozenset().union(
            *(public_keys_in(file.read_bytes()[:LARGEST_PEM], str(file)) for file in files if file.exists())
        )
    except OSError as error:
        raise UnavailableError(f"cannot read the trusted keys in {place}: {error.strerror}") from error


def by_id(keys: Iterable[PublicKey]) -> Mapping[str, PublicKey]:
    """Public keys by their fingerprints."""
    return {key_id_of(key): key for key in keys}

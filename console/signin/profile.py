"""What is remembered of a sign-in, per server: where and as whom; never a token."""

import hashlib
import os
from pathlib import Path

from pydantic import ValidationError

from casework.alert import Frozen
from casework.views import SignInTerms


class Profile(Frozen):
    """Enough to renew silently: the terms signed in under, and the account's record, which is no secret."""

    server: str
    terms: SignInTerms
    record: str
    unencrypted: bool = False
    """Whether the person agreed to tokens in a plain file."""


class ProfileBook:
    """One small private file for each server."""

    def __init__(self, state_dir: Path, server: str) -> None:
        self.server = server
        self.name = hashlib.sha256(server.encode()).hexdigest()[:16]
        self._path = state_dir / "sign-in" / f"{self.name}.json"

    @property
    def cache_name(self) -> str:
        """What the platform's token store calls this server's tokens."""
        return f"fraud-console-{self.name}"

    def load(self) -> Profile | None:
        """The profile; None when nobody signed in, or the file is not ours."""
        try:
            profile = Profile.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return None
        return profile if profile.server == self.server else None

    def save(self, profile: Profile) -> None:
        """Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._path.with_suffix(f".{os.getpid()}.tmp")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(profile.model_dump_json())
        beside.replace(self._path)

    def forget(self) -> bool:
        """Whether there was anything to forget."""
        known = self._path.exists()
        self._path.unlink(missing_ok=True)
        return known

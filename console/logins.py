"""When this operator last opened the console on a server: one small private file for each such pair."""

import hashlib
import os
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from casework.alert import Frozen


class _Login(Frozen):
    """What a file holds."""

    server: str
    operator: str
    at: AwareDatetime


class LoginBook:
    """The last login of one operator at one server."""

    def __init__(self, state_dir: Path, server: str, operator: str) -> None:
        self._server = server
        self._operator = operator
        name = hashlib.sha256(f"{server}\n{operator}".encode()).hexdigest()[:32]
        self._path = state_dir / "logins" / f"{name}.json"

    def last(self) -> datetime | None:
        """When that was; None when it is not known."""
        try:
            return _Login.model_validate_json(self._path.read_bytes()).at
        except (OSError, ValidationError):
            return None

    def write(self, now: datetime) -> None:
        """The operator opens the console now. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._path.with_suffix(f".{os.getpid()}.tmp")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_Login(server=self._server, operator=self._operator, at=now).model_dump_json())
        beside.replace(self._path)

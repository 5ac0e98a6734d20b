"""Since when an operator works at a server without a long pause: one small private file for each pair."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from casework.alert import Frozen

NEW_SHIFT_AFTER = timedelta(hours=4)
"""A console that is opened after so long without one begins a shift; one opened beside it does not."""
NOTED_EVERY_SECONDS = 600.0
"""How often an open console notes that it is."""


class _Login(Frozen):
    """What a file holds: when the shift began, and when a console was last known to be open."""

    server: str
    operator: str
    at: AwareDatetime
    seen: AwareDatetime | None = None


class LoginBook:
    """The shifts of one operator at one server, of which the present one is known."""

    def __init__(self, state_dir: Path, server: str, operator: str) -> None:
        self._server = server
        self._operator = operator
        name = hashlib.sha256(f"{server}\n{operator}".encode()).hexdigest()[:32]
        self._path = state_dir / "logins" / f"{name}.json"

    def last(self) -> datetime | None:
        """When the last shift began; None when it is not known."""
        known = self._read()
        return known.at if known else None

    def _read(self) -> _Login | None:
        try:
            return _Login.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return None

    async def keep(self, now: Callable[[], datetime], every_seconds: float = NOTED_EVERY_SECONDS) -> None:
        """Note from time to time that a console is still open, until cancelled; a disk may refuse that."""
        while True:
            await asyncio.sleep(every_seconds)
            if self.last() is not None:
                with suppress(OSError):
                    self.write(now())

    def write(self, now: datetime) -> None:
        """The operator opens a console now, or has one open. Raises OSError."""
        known = self._read()
        began = known.at if known and now - (known.seen or known.at) < NEW_SHIFT_AFTER else now
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._path.with_suffix(f".{os.getpid()}.tmp")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            login = _Login(server=self._server, operator=self._operator, at=began, seen=now)
            file.write(login.model_dump_json())
        beside.replace(self._path)

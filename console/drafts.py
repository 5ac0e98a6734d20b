"""Drafts on disk, so that words typed for a case survive a crash: one small private file per case."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from casework.alert import Frozen

Drafts = Mapping[tuple[str, str], str]
"""Text by case id and kind (feedback, note, reversal)."""

KEPT_FOR = timedelta(days=30)
SETTLE_SECONDS = 0.3
"""How long keys may go on before a draft is written; what a crash can cost."""


MARKED = "marked-"
"""How what a draft about several cases is kept under begins."""


def of_marked(case_ids: Iterable[str]) -> str:
    """What a draft about several cases is kept under: words for these are not offered for others."""
    return MARKED + hashlib.sha256("\n".join(sorted(case_ids)).encode()).hexdigest()[:16]


class _Saved(Frozen):
    """What a file holds."""

    server: str
    case_id: str
    texts: dict[str, str]
    saved_at: AwareDatetime


class DraftFolder:
    """The drafts for one server in a folder of the user's own."""

    def __init__(self, folder: Path, server: str) -> None:
        self._folder = folder
        self._server = server

    def load(self, now: datetime) -> dict[tuple[str, str], str]:
        """Every draft for this server; those nobody came back to for a month are forgotten."""
        found: dict[tuple[str, str], str] = {}
        for path, saved in self._files():
            if saved.saved_at < now - KEPT_FOR:
                with suppress(OSError):
                    path.unlink()
                continue
            found |= {(saved.case_id, kind): text for kind, text in saved.texts.items()}
        return found

    def write(self, case_id: str, texts: Mapping[str, str], now: datetime) -> None:
        """Keep the drafts of a case, or remove its file when there are none. Raises OSError."""
        path = self._path(case_id)
        if not texts:
            path.unlink(missing_ok=True)
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        body = _Saved(server=self._server, case_id=case_id, texts=dict(texts), saved_at=now)
        beside = path.with_suffix(f".{os.getpid()}.tmp")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(body.model_dump_json())
        beside.replace(path)

    def _path(self, case_id: str) -> Path:
        name = hashlib.sha256(f"{self._server}\n{case_id}".encode()).hexdigest()[:32]
        return self._folder / f"{name}.json"

    def _files(self) -> Iterator[tuple[Path, _Saved]]:
        """The files that are drafts for this server; anything else in the folder is left alone."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                saved = _Saved.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
            if saved.server == self._server:
                yield path, saved


class DraftKeeper:
    """Writes drafts beside the screen: what changed is collected for a moment and written in a thread."""

    def __init__(
        self, folder: DraftFolder, now: Callable[[], datetime], complain: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._now = now
        self._complain = complain
        self._waiting: dict[str, dict[str, str]] = {}
        self._woken = asyncio.Event()

    def changed(self, before: Drafts, after: Drafts) -> None:
        """Drafts are different now; write those cases that are."""
        differing = {key[0] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        for case_id in differing:
            self._waiting[case_id] = {kind: text for (owner, kind), text in after.items() if owner == case_id}
        if differing:
            self._woken.set()

    async def run(self) -> None:
        """Write what changed, until cancelled."""
        while True:
            await self._woken.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._woken.clear()
            await asyncio.to_thread(self.flush)

    def flush(self) -> None:
        """Write what still waits, now. A disk that refuses is told, and costs only the safety of drafts."""
        while self._waiting:
            case_id, texts = self._waiting.popitem()
            try:
                self._folder.write(case_id, texts, self._now())
            except OSError as error:
                self._complain(f"drafts cannot be kept on disk: {error.strerror or error}")

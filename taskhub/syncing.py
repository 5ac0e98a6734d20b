"""Gets what was committed onto the disk: the other half of a commit, kept apart so that it can come later.

With `synchronous=NORMAL` SQLite writes a commit to the write-ahead log and leaves it to the operating
system when that reaches the disk; nothing but checkpoints waits for it. Asking the operating system for
it afterwards gives what `synchronous=FULL` gives, except that the commit can be read in the meantime.
Source: https://www.sqlite.org/pragma.html#pragma_synchronous and https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import os
from pathlib import Path

_datasync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class WalSync:
    """Syncs the write-ahead log of a database that some connection of this process keeps open."""

    def __init__(self, path: Path) -> None:
        """The log must exist, as it does once something was written. Raises OSError."""
        self._log = os.open(path.with_name(path.name + "-wal"), os.O_RDWR)
        folder = os.open(path.resolve().parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the log's name in its directory must last as well
        finally:
            os.close(folder)

    def __call__(self) -> None:
        """Return once every commit made before is on disk. Raises OSError when that is not certain."""
        _datasync(self._log)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._log)

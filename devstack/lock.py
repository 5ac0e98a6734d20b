"""One stack per data folder: a lock that goes with its process, so it cannot be left behind."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.errors import StackError


class AlreadyRunningError(StackError):
    """Another `fraud-console up` has this data folder; `holder` is what it wrote about itself."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"a stack is already running on this data folder ({holder})")
        self.holder = holder


@contextmanager
def stack_lock(data_dir: Path, about: str) -> Iterator[None]:
    """Hold the folder. Raises AlreadyRunningError, or StackError for a folder that cannot be written."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "stack.lock").open("a+")
    except OSError as error:
        raise StackError(
            f"cannot write to {data_dir}: {error.strerror}; choose another folder with --data-dir"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise AlreadyRunningError(file.read().strip() or "unknown") from error
        file.truncate(0)
        file.write(f"pid {os.getpid()}, {about}")
        file.flush()
        yield

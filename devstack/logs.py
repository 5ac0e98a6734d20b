"""`fraud-console logs`: what the local processes wrote, with the service's name before each line."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from devstack.errors import StackError
from devstack.processes import tail

POLL_SECONDS = 0.2


class LogLine(NamedTuple):
    """A line, and which service wrote it."""

    service: str
    text: str

    @property
    def named(self) -> str:
        """The line behind the service's name."""
        return f"{self.service:<10} {self.text}"


def log_files(log_dir: Path, service: str | None) -> dict[str, Path]:
    """The log of every service, or of one. Raises StackError when there is none."""
    found = {path.stem: path for path in sorted(log_dir.glob("*.log"))}
    if not found:
        raise StackError(f"no logs in {log_dir}; start the stack with: fraud-console up")
    if service is None:
        return found
    if service not in found:
        raise StackError(f"no log of {service}; there are: {', '.join(found)}")
    return {service: found[service]}


def last_lines(files: dict[str, Path], count: int) -> Iterator[LogLine]:
    """The last lines of each file."""
    for name, path in files.items():
        for line in tail(path, count):
            yield LogLine(name, line)


def follow(files: dict[str, Path]) -> Iterator[LogLine]:
    """Lines written from now on, for ever; a file that was rotated is read from its beginning."""
    return _follow(files, {name: path.stat().st_size for name, path in files.items()})


def _follow(files: dict[str, Path], positions: dict[str, int]) -> Iterator[LogLine]:
    while True:
        for name, path in files.items():
            size = path.stat().st_size if path.exists() else 0
            if size < positions[name]:
                positions[name] = 0
            if size > positions[name]:
                text, positions[name] = _whole_lines(path, positions[name])
                for line in text:
                    yield LogLine(name, line)
        time.sleep(POLL_SECONDS)


def _whole_lines(path: Path, position: int) -> tuple[list[str], int]:
    with path.open("rb") as file:
        file.seek(position)
        data = file.read()
    end = data.rfind(b"\n") + 1
    return data[:end].decode("utf-8", "replace").splitlines(), position + end

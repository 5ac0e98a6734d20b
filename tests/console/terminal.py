"""A real pseudo-terminal with the console in it, and desks in processes of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pyte

HERE = Path(__file__).parent
PATIENCE_SECONDS = 45.0


@contextmanager
def desk_process(tmp_path: Path, module: str = "fakedesk") -> Iterator[int]:
    """A furnished desk in another process; its port."""
    port_file = tmp_path / "port"
    desk = subprocess.Popen([sys.executable, "-m", module, str(port_file)], cwd=HERE)
    try:
        wait_for(lambda: port_file.exists() and bool(port_file.read_text()), "the desk does not start")
        yield int(port_file.read_text())
    finally:
        desk.kill()
        desk.wait()


def environment(home: Path, term: str) -> dict[str, str]:
    """An environment in which only the terminal says how large it is."""
    size = ("COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if name not in size}
    return {**kept, "TERM": term, "XDG_STATE_HOME": str(home), "PYTHONIOENCODING": "utf-8"}


class Terminal:
    """A terminal of 80 by 24, unless told otherwise, with the console in it."""

    def __init__(
        self,
        port: int,
        home: Path,
        *flags: str,
        term: str = "xterm-256color",
        size: tuple[int, int] = (80, 24),
    ) -> None:
        width, height = size
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        server = f"http://127.0.0.1:{port}"
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "console", "--server", server, "--as", "pat", *flags],
            dimensions=(height, width),
            env=environment(home, term),
            cwd=str(HERE.parent.parent),
            timeout=PATIENCE_SECONDS,
        )

    def read(self) -> None:
        try:
            got = self.child.read_nonblocking(65536, timeout=0.1)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.raw += got
        self.stream.feed(got)

    def resize(self, width: int, height: int) -> None:
        """As when somebody drags a window's corner."""
        self.screen.resize(height, width)
        self.child.setwinsize(height, width)

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def sees(self, *words: str) -> None:
        wait_for(
            lambda: self.read() or all(w in self.text for w in words), f"{words} in:\n", lambda: self.text
        )

    def loses(self, *words: str) -> None:
        """Wait until none of the words is on the screen any more."""
        wait_for(
            lambda: self.read() or not any(w in self.text for w in words),
            f"still {words}:\n",
            lambda: self.text,
        )

    def gets(self, *words: bytes) -> None:
        """Wait until bytes have come, wherever on the screen they went."""
        wait_for(
            lambda: self.read() or all(w in self.raw for w in words), f"{words} in:\n", lambda: self.text
        )

    def ends(self) -> int | None:
        wait_for(lambda: self.read() or not self.child.isalive(), "the console does not end")
        self.read()
        self.child.close()
        return self.child.exitstatus


def wait_for(condition: Callable[[], object], what: str, detail: Callable[[], str] = str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, what + detail()

"""An analyst who decides case after case over a slow line: how many keys and how long each decision takes."""

import argparse
import asyncio
import re
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pyte
import uvicorn

from benchmarks.console.terminal import Watched

FAKEDESK = Path(__file__).parent.parent.parent / "tests" / "console"
CASE_ID = re.compile(r"fraud-ALERT-\d+")
PATIENCE_SECONDS = 20.0


@dataclass
class Triage:
    """What deciding on many cases took."""

    round_trip_ms: float
    keys: int = 0
    seconds: list[float] = field(default_factory=list)


class Analyst:
    """Presses a key, waits until the screen answers, presses the next one."""

    def __init__(self, watched: Watched, found: Triage) -> None:
        self._watched = watched
        self._found = found
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self._screen.display)

    def sees(self, condition: Callable[[str], bool]) -> None:
        """Read until the screen is as expected. Raises TimeoutError with what it shows instead."""
        until = time.perf_counter() + PATIENCE_SECONDS
        while not condition(self.text):
            if time.perf_counter() > until:
                raise TimeoutError(f"the screen does not answer; it says:\n{self.text}")
            self._stream.feed(self._watched.read(0.05))

    def decide(self) -> None:
        """Take the next case, read it, approve what is recommended."""
        began, before = time.perf_counter(), _case_on(self.text)
        self._press("n")
        self.sees(lambda text: _case_on(text) not in (None, before) and "why this risk" in text)
        self._press("a")
        self.sees(lambda text: "Approve:" in text)
        self._press("\r")
        self.sees(lambda text: "Approve:" not in text and "Recorded:" in text)
        self._found.seconds.append(time.perf_counter() - began)

    def _press(self, key: str) -> None:
        self._watched.press(key)
        self._found.keys += 1


def _case_on(text: str) -> str | None:
    """The case whose screen this is; the queue shows no ids."""
    found = CASE_ID.search(text)
    return found.group() if found else None


def triage(watched: Watched, cases: int, round_trip_ms: float) -> Triage:
    """Decide on so many cases, one after the other."""
    found = Triage(round_trip_ms)
    analyst = Analyst(watched, found)
    analyst.sees(lambda text: f"waiting {cases}" in text)
    for _ in range(cases):
        analyst.decide()
    return found


async def serve(cases: int, delay_seconds: float, port_file: str) -> None:
    """The fake desk of the tests with so many cases to decide, every answer late."""
    sys.path.insert(0, str(FAKEDESK))
    stories, record = import_module("fakedesk.stories"), import_module("fakedesk.record")
    desk = import_module("fakedesk.app").Desk()
    for number in range(1, cases + 1):
        began = record.now() - timedelta(minutes=number)
        await stories.investigated(desk.record, stories.alert(number), began)
    desk.delay_seconds = delay_seconds
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    await asyncio.to_thread(Path(port_file).write_text, str(bound.getsockname()[1]))
    config = uvicorn.Config(desk.app, log_level="warning", timeout_graceful_shutdown=1)
    await uvicorn.Server(config).serve(sockets=[bound])


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.console.triage", description=__doc__)
    parser.add_argument("cases", type=int)
    parser.add_argument("delay", help="seconds before every answer", type=float)
    parser.add_argument("port_file")
    asyncio.run(serve(*vars(parser.parse_args()).values()))

"""The console in a pseudo-terminal at 80x24 on the real product: from start to a decided case."""

import contextlib
import os
import sys
from collections.abc import Iterator

import pexpect
import pyte
import pytest

from tests.e2e.product import Product, eventually

KEEP = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")


class Screen:
    """What an analyst sees and types."""

    def __init__(self, server_url: str) -> None:
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        environment = {name: os.environ[name] for name in KEEP if name in os.environ}
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "console", "--server", server_url, "--as", "ann"],
            dimensions=(24, 80),
            env={**environment, "TERM": "xterm-256color"},
            timeout=60,
        )

    @property
    def text(self) -> str:
        with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
            self._stream.feed(self._child.read_nonblocking(65536, timeout=0.1))
        return "\n".join(self._screen.display)

    def shows(self, *words: str) -> None:
        """Return as soon as all the words are on the screen."""
        try:
            eventually(lambda: all(word in self.text for word in words) or None, f"{words} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text}") from error

    def type(self, keys: str) -> None:
        self._child.send(keys)

    def ended(self) -> int:
        self._child.expect(pexpect.EOF)
        self._child.close()
        return int(self._child.exitstatus or 0)

    def close(self) -> None:
        self._child.close(force=True)


@pytest.fixture
def screen(product: Product) -> Iterator[Screen]:
    opened = Screen(product.settings.server_url)
    yield opened
    opened.close()


def test_from_start_to_a_decided_case(product: Product, screen: Screen) -> None:
    screen.shows("live")
    case_id = product.open_case("C1-console")
    product.wait_for_status(case_id, "awaiting_review")
    screen.type("/C1-console\r")
    screen.shows("1/1", "decide")
    screen.type("\r")
    screen.shows(case_id, "why this risk")
    screen.type("a")
    screen.shows("locks the account of customer 1", "do it")
    screen.type("\r")
    row = product.wait_for_status(case_id, "closed")
    assert (row["outcome"], row["action_taken"]) == ("actioned", "lock_account")
    assert product.detail(case_id)["case"]["decision"]["actor"]["name"] == "ann"
    screen.shows("actioned", "Recorded: ann approved lock account")


def test_it_outlives_the_server_and_shows_what_happened_meanwhile(product: Product, screen: Screen) -> None:
    case_id = product.open_case("C2-outage")
    product.wait_for_status(case_id, "awaiting_review")
    screen.type("/C2-outage\r")
    screen.shows("1/1")
    product.kill("server")
    eventually(lambda: "live" not in screen.text.splitlines()[0] or None, "the outage to be shown")
    product.start("server")
    eventually(lambda: "live" in screen.text.splitlines()[0] or None, "the line to be back")
    product.approve(case_id, action="clear")
    product.wait_for_status(case_id, "closed")
    screen.type("\x1b")
    product.check_closed_once(case_id)


def test_quitting_leaves_a_clean_terminal(screen: Screen) -> None:
    screen.shows("live")
    screen.type("q")
    assert screen.ended() == 0

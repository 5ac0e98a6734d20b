"""An event loop in which waiting takes a quarter of the time, for tests of an SDK that mostly sleeps.

The Event Hubs SDK looks every 50 ms whether a handshake has moved on, and has some ten steps to take. Only
the loop's own waits are shorter: sockets, processes and the wall clock are as they are. A deadline of the
loop is shorter, too, so tests that hurry allow more.
"""

import asyncio
import selectors
from collections.abc import Iterator

import pytest

TIMES = 4


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout if timeout is None or timeout <= 0 else timeout / TIMES)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        return super().time() * TIMES


class _Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return _Loop()


EVENT_HUBS = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    # The plugin would rather have a hook for the whole suite, which would give every test a longer name.
    pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy.:pytest.PytestDeprecationWarning"),
]
"""The marks of a module that uses the Event Hubs SDK."""


@pytest.fixture(scope="module")
def event_loop_policy() -> Iterator[asyncio.AbstractEventLoopPolicy]:
    """Import it into a module, and the module's tests hurry."""
    yield _Policy()

"""Writes to a client without a task: most writes are done at once, and only the rest of one needs waiting."""

from collections.abc import Awaitable, Generator
from types import coroutine
from typing import Any

Steps = Generator[Any, Any, None]


def begin(sending: Awaitable[None]) -> Awaitable[None] | None:
    """Write as far as that goes without waiting: None when done, otherwise the rest, to be awaited in a task.

    Meant for a server's own `send`, which waits for nothing but room in the connection's buffer. It runs
    outside any task up to there, so whatever looks for the current task does not find one.
    """
    steps = sending.__await__()
    try:
        waiting_for = next(steps)
    except StopIteration:
        return None
    return _rest(steps, waiting_for)


@coroutine
def _rest(steps: Steps, waiting_for: Any) -> Steps:
    """Go on as `await` would have, from the first thing that was waited for."""
    try:
        while True:
            try:
                answer = yield waiting_for
            except BaseException as error:
                waiting_for = steps.throw(error)
            else:
                waiting_for = steps.send(answer)
    except StopIteration:
        return

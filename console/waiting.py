"""Says so when what a key asked for does not come: a frozen server should not look like a dead key."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from console.lines import Tone

TOLD_AFTER_SECONDS = 1.0
WAITING = "Waiting for the server ..."


@asynccontextmanager
async def told_while_waiting(
    waits: Callable[[], bool], say: Callable[[str, Tone], None], unsay: Callable[[str], None]
) -> AsyncIterator[None]:
    """Say again and again that the server is waited for while `waits` holds, and take it back at the end.

    While it does not hold, the wait is for the analyst: that time is not counted.
    """
    telling = asyncio.ensure_future(_tell(waits, say, unsay))
    try:
        yield
    finally:
        telling.cancel()
        unsay(WAITING)


async def _tell(
    waits: Callable[[], bool], say: Callable[[str, Tone], None], unsay: Callable[[str], None]
) -> None:
    seconds = 0.0
    while True:
        await asyncio.sleep(TOLD_AFTER_SECONDS)
        if not waits():
            unsay(WAITING)
            seconds = -TOLD_AFTER_SECONDS  # what is left of the second in which an answer comes is not a wait
            continue
        seconds += TOLD_AFTER_SECONDS
        if seconds > 0:
            say(f"{WAITING} {seconds:.0f}s", "warn")
